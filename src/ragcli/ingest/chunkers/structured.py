"""Documents with structure: sections, tables, lists and code, each kept together while it fits."""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from ragcli.ingest.chunkers.breadcrumbs import Breadcrumbs
from ragcli.ingest.chunkers.packing import HEADING_CUT, LINE_CUT, SENTENCE_CUT, Sizes, Unit
from ragcli.ingest.chunkers.prose import pieces, prose_units
from ragcli.ingest.chunkers.ruler import Ruler
from ragcli.ingest.chunkers.units import UnitChunker
from ragcli.models import TokenCounter
from ragcli.records import Block, Document

_SECTION_CUT = 0.0
_BLOCK_CUT = 0.25
_LINK_TARGET = re.compile(r"^ {0,3}\[[^\]\n]+\]:[^\n]*\n?", re.MULTILINE)
_LINE = re.compile(r"[^\n]*\S[^\n]*")


class StructuredChunker(UnitChunker):
    """Cuts between sections and blocks, and repeats above every chunk where in the document it stands.

    Works on the blocks of any loader; text outside of blocks is treated as prose. A table that does not fit into one
    chunk repeats its header above the others.
    """

    def _units(self, document: Document, ruler: Ruler, crumbs: Breadcrumbs | None) -> Iterator[Unit]:
        return _Outline(document, ruler, self._counter, self._sizes, crumbs).units()


class _Outline:
    """Turns blocks into units, keeping track of the section."""

    def __init__(
        self, document: Document, ruler: Ruler, counter: TokenCounter, sizes: Sizes, crumbs: Breadcrumbs | None
    ) -> None:
        self._text = document.text
        self._markdown = document.type == "markdown"
        self._blocks = document.blocks
        self._ruler = ruler
        self._counter = counter
        self._sizes = sizes
        self._crumbs = crumbs
        self._path: list[Block] = []

    def units(self) -> Iterator[Unit]:
        """All text of the document in order."""
        position = 0
        for block, following in pairwise([*self._blocks, None]):
            if block is None:  # only the last is none
                break
            yield from self._between(position, block.start)
            if block.kind == "heading":
                self._enter(block)
            yield from self._block(block, self._price_after(block, following))
            position = block.end
        yield from self._between(position, len(self._text))

    def _between(self, start: int, end: int) -> Iterator[Unit]:
        """Text outside of blocks; in Markdown without the targets of its links, which say nothing by themselves."""
        for found in _LINK_TARGET.finditer(self._text, start, end) if self._markdown else ():
            yield from self._prose(start, found.start(), _BLOCK_CUT)
            start = found.end()
        yield from self._prose(start, end, _BLOCK_CUT)

    def _enter(self, heading: Block) -> None:
        while self._path and self._path[-1].level >= heading.level:
            self._path.pop()
        self._path.append(heading)

    def _price_after(self, block: Block, following: Block | None) -> float:
        """Price of a cut between two blocks: a heading keeps to its text, an introduction to what it introduces."""
        if following is None:
            return _SECTION_CUT
        if block.kind == "heading":
            empty = following.kind == "heading" and following.level <= block.level
            return _SECTION_CUT if empty else HEADING_CUT
        if following.kind == "heading":
            return _SECTION_CUT
        if following.kind == "list_item" and block.kind == "list_item":
            return LINE_CUT if following.level <= block.level else SENTENCE_CUT
        introduces = following.kind in {"list_item", "table", "code"} and self._text[block.end - 1] == ":"
        return SENTENCE_CUT if introduces else _BLOCK_CUT

    def _block(self, block: Block, price: float) -> Iterator[Unit]:
        whole = self._placed(Unit(block.start, block.end, price))
        fits = self._ruler.tokens(block.start, block.end) <= self._sizes.room(whole.prefix_tokens)
        match block.kind:
            case "heading" | "list_item" | "table" | "code" if fits:
                yield whole
            case "table":
                yield from self._table(block, price)
            case "code":
                yield from self._lines(block.start, block.end, price)
            case _:
                yield from self._prose(block.start, block.end, price)

    def _prose(self, start: int, end: int, price: float) -> Iterator[Unit]:
        """Sentences; the price is that of a cut after the last."""
        room = self._sizes.room(self._placed(Unit(start, end, price)).prefix_tokens)
        units = list(prose_units(self._ruler, start, end, room))
        for number, unit in enumerate(units, 1):
            yield self._placed(replace(unit, cut=price if number == len(units) else max(unit.cut, _BLOCK_CUT)))

    def _table(self, block: Block, price: float) -> Iterator[Unit]:
        """Rows, the first together with the header, the others with the header in their prefix."""
        body = max(block.header_end, block.start)
        header = self._text[block.start : body].strip()
        tokens = self._counter.count(header) + 1 if header else 0
        if tokens > self._sizes.most // 2:
            header, tokens = "", 0
        for unit in self._lines(block.start, block.end, price, body if header else block.start, tokens):
            if header and unit.start >= body:
                prefix = f"{unit.prefix}\n{header}" if unit.prefix else header
                yield replace(unit, prefix=prefix, prefix_tokens=unit.prefix_tokens + tokens)
            else:
                yield unit

    def _lines(self, start: int, end: int, price: float, body: int = 0, header_tokens: int = 0) -> Iterator[Unit]:
        """Lines, those longer than the room in pieces. What stands before ``body`` goes with the first line of it."""
        lines = [found.span() for found in _LINE.finditer(self._text, max(start, body), end)]
        if not lines:
            lines = [(start, end)]
        lines[0] = (start, lines[0][1])
        for (first, last), (following, _) in pairwise([*lines, (end, end)]):
            cut = price if following == end else self._line_price(last, following)
            unit = self._placed(Unit(first, last, cut))
            room = max(1, self._sizes.room(unit.prefix_tokens) - header_tokens)
            if self._ruler.tokens(first, last) <= room:
                yield unit
            else:
                yield from map(self._placed, pieces(self._ruler, first, last, room, cut))

    def _line_price(self, end: int, following: int) -> float:
        """Price of a cut between two lines: less where an empty line parts them."""
        return LINE_CUT if self._text.count("\n", end, following) > 1 else SENTENCE_CUT

    def _placed(self, unit: Unit) -> Unit:
        """The unit with its breadcrumb; a heading at its start is shown already."""
        headings = tuple(block.title for block in self._path)
        above = headings[:-1] if self._path and self._path[-1].start == unit.start else headings
        prefix, tokens = self._crumbs.above(unit.start, above) if self._crumbs else ("", 0)
        return replace(unit, headings=headings, prefix=prefix, prefix_tokens=tokens)
