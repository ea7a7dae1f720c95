"""Divide source code into pieces: definitions that fit, parts of those that do not, small neighbours together."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ragcli.ingest.chunkers.packing import Sizes, Unit, pack
from ragcli.ingest.chunkers.prose import pieces as overlong
from ragcli.ingest.chunkers.ruler import Ruler
from ragcli.ingest.chunkers.syntax import Part, Symbol, Syntax, parse

_MAX_DEPTH = 16
# Shorter than this share of the wanted size, a definition is packed with its neighbours like imports and constants.
_ALONE = 4

# Prices of cuts between lines, in the scale of packing.py.
_BLANK_CUT = 0.25
_LINE_CUT = 1.0
_INDENT_CUT = 0.5
_CONTINUED_CUT = 2.0
_TAB = 4
# Lines that close or continue what is above them.
_CONTINUES = re.compile(r"[\])}.,;&|+*/?:=]|(?:else|elif|except|finally|catch|and|or|end|fi|done)\b")


@dataclass(frozen=True, slots=True)
class Piece:
    """A range that becomes a chunk.

    Attributes:
        scope: The innermost definition that all of it lies in.
        defines: The definitions it holds whole.
    """

    start: int
    end: int
    scope: Symbol
    defines: tuple[Symbol, ...] = ()

    @property
    def symbol(self) -> Symbol:
        """The one definition it holds, or else what it lies in."""
        return self.defines[0] if len(self.defines) == 1 else self.scope


def divide(ruler: Ruler, language: str, sizes: Sizes) -> list[Piece]:
    """Pieces of a text in order; they share nothing and leave out nothing but white space.

    Args:
        ruler: Measures the text.
        language: In lower case; without a grammar for it, or when the text does not parse, lines decide.
        sizes: A definition of at most ``most`` tokens is kept whole; small ones are packed up to ``target``.
    """
    end = len(ruler.text)
    syntax = parse(ruler.text, language)
    parts = [] if syntax is None else syntax.parts(syntax.root, end)
    divider = _Divider(ruler, sizes, syntax)
    if not parts:
        pieces = divider.by_lines(0, end, ())
    elif ruler.tokens(0, end) <= sizes.target:
        pieces = [_joined(parts, end, ())]
    else:
        pieces = divider.pack(parts, end, (), 0)
    return divider.finished(pieces)


class _Divider:
    def __init__(self, ruler: Ruler, sizes: Sizes, syntax: Syntax | None) -> None:
        self._ruler = ruler
        self._sizes = sizes
        self._syntax = syntax
        self._alone = max(sizes.least, sizes.target // _ALONE)

    def pack(self, parts: Sequence[Part], end: int, scope: Symbol, depth: int) -> list[Piece]:
        """Definitions of some length alone, what is small together, what is too long taken apart."""
        pieces: list[Piece] = []
        run: list[Part] = []
        for part, after in pairwise([*parts, Part(end, (), False, None)]):
            tokens = self._ruler.tokens(part.start, after.start)
            alone = tokens > self._sizes.most or (part.definition and tokens >= self._alone)
            if run and (alone or self._ruler.tokens(run[0].start, after.start) > self._sizes.target):
                pieces.append(_joined(run, part.start, scope))
                run = []
            if tokens > self._sizes.most:
                pieces += self._apart(part, after.start, depth + 1)
            elif alone:
                pieces.append(_joined([part], after.start, scope))
            else:
                run.append(part)
        return [*pieces, _joined(run, end, scope)] if run else pieces

    def _apart(self, part: Part, end: int, depth: int) -> list[Piece]:
        parts = self._syntax.parts(part, end) if self._syntax is not None and depth <= _MAX_DEPTH else []
        if any(inner.definition for inner in parts):
            return self.pack(parts, end, part.symbol, depth)
        # Statements alone are better cut by lines: sizes come out even, and a signature keeps what follows it.
        return self.by_lines(part.start, end, part.symbol)

    def by_lines(self, start: int, end: int, scope: Symbol) -> list[Piece]:
        """Pieces of even size, cut where lines are blank and as far out as there is."""
        groups = pack(list(self._lines(start, end)), self._ruler, self._sizes)
        return [Piece(group[0].start, group[-1].end, scope) for group in groups]

    def _lines(self, start: int, end: int) -> Iterator[Unit]:
        lines = list(self._line_ranges(start, end))
        indents = [self._indent(first, last) for first, last in lines]
        outermost = min(indents[1:], default=0)
        for position, (first, last) in enumerate(lines):
            price = 0.0
            if position + 1 < len(lines):
                following = lines[position + 1]
                price = self._price(last, following, (indents[position + 1] - outermost) / _TAB)
            if self._ruler.tokens(first, last) <= self._sizes.most:
                yield Unit(first, last, price)
            else:
                yield from overlong(self._ruler, first, last, self._sizes.most, price)

    def _line_ranges(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Lines that are not blank, without the white space after them."""
        text = self._ruler.text
        while start < end:
            newline = text.find("\n", start, end)
            stop = end if newline < 0 else newline
            line = text[start:stop].rstrip()
            if line:
                yield start, start + len(line)
            start = stop + 1

    def _indent(self, start: int, end: int) -> int:
        line = self._ruler.text[start:end].expandtabs(_TAB)
        return len(line) - len(line.lstrip())

    def _price(self, end: int, following: tuple[int, int], depth: float) -> float:
        text = self._ruler.text
        blank = text.count("\n", end, following[0]) > 1
        continued = _CONTINUES.match(text[following[0] : following[1]].lstrip()) is not None
        return (_BLANK_CUT if blank else _LINE_CUT) + _INDENT_CUT * max(depth, 0) + _CONTINUED_CUT * continued

    def finished(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Small pieces merged, within their scope if possible, and blank lines taken off."""
        pieces = self._merged(pieces, lambda one, other: one.scope == other.scope)
        pieces = self._merged(pieces, lambda *_: True)
        return [trimmed for piece in pieces if (trimmed := self._trimmed(piece)) is not None]

    def _merged(self, pieces: Sequence[Piece], allowed: Callable[[Piece, Piece], bool]) -> list[Piece]:
        merged: list[Piece] = []
        for piece in pieces:
            last = merged[-1] if merged else None
            if last is not None and allowed(last, piece) and self._should_join(last, piece):
                merged[-1] = _union(last, piece)
            else:
                merged.append(piece)
        return merged

    def _should_join(self, one: Piece, other: Piece) -> bool:
        smaller = min(self._ruler.tokens(piece.start, piece.end) for piece in (one, other))
        return smaller < self._sizes.least and self._ruler.tokens(one.start, other.end) <= self._sizes.most

    def _trimmed(self, piece: Piece) -> Piece | None:
        """Without blank lines at its ends; the first line keeps its indentation."""
        start, end = self._ruler.trim(piece.start, piece.end)
        if start >= end:
            return None
        newline = self._ruler.text.rfind("\n", piece.start, start)
        return replace(piece, start=piece.start if newline < 0 else newline + 1, end=end)


def _joined(parts: Sequence[Part], end: int, scope: Symbol) -> Piece:
    return Piece(parts[0].start, end, scope, tuple(part.symbol for part in parts if part.definition))


def _union(one: Piece, other: Piece) -> Piece:
    shared = 0
    while shared < min(len(one.scope), len(other.scope)) and one.scope[shared] == other.scope[shared]:
        shared += 1
    return Piece(one.start, other.end, one.scope[:shared], one.defines + other.defines)
