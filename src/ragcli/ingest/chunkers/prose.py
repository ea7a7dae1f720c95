"""Running text: whole sentences, paragraphs kept together, sizes even."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ragcli.ingest.chunkers.breadcrumbs import Breadcrumbs
from ragcli.ingest.chunkers.packing import FORCED_CUT, LINE_CUT, PARAGRAPH_CUT, SENTENCE_CUT, Unit
from ragcli.ingest.chunkers.ruler import Ruler
from ragcli.ingest.chunkers.sentences import Sentence, sentences
from ragcli.ingest.chunkers.units import UnitChunker
from ragcli.records import Document


class ProseChunker(UnitChunker):
    """Cuts at the ends of paragraphs if it can, of sentences if it must, and inside sentences beyond all size only."""

    def _units(self, document: Document, ruler: Ruler, crumbs: Breadcrumbs | None) -> Iterator[Unit]:
        if crumbs is None:
            yield from prose_units(ruler, 0, len(document.text), self._sizes.most)
            return
        _, tokens = crumbs.above(len(document.text), ())
        for unit in prose_units(ruler, 0, len(document.text), self._sizes.room(tokens)):
            prefix, tokens = crumbs.above(unit.start, ())
            yield replace(unit, prefix=prefix, prefix_tokens=tokens)


def prose_units(ruler: Ruler, start: int, end: int, room: int) -> Iterator[Unit]:
    """Sentences of ``text[start:end]`` as units, those longer than ``room`` tokens in pieces."""
    for sentence in sentences(ruler.text, start, end):
        price = _price(sentence)
        if ruler.tokens(sentence.start, sentence.end) <= room:
            yield Unit(sentence.start, sentence.end, price)
        else:
            yield from pieces(ruler, sentence.start, sentence.end, room, price)


def _price(sentence: Sentence) -> float:
    if sentence.ends_paragraph:
        return PARAGRAPH_CUT
    return LINE_CUT if sentence.ends_line else SENTENCE_CUT


def pieces(ruler: Ruler, start: int, end: int, room: int, price: float) -> Iterator[Unit]:
    """An overlong range in pieces of even size, cut at white space where there is some near.

    Args:
        ruler: Measures the text.
        start: Where the range begins.
        end: Where it ends.
        room: Most tokens of a piece.
        price: Of a cut after the last piece.
    """
    bounds = [start, *(ruler.spans[index][0] for index in _cuts(ruler, start, end, room)), end]
    ranges = [ruler.trim(*pair) for pair in pairwise(bounds)]
    kept = [(first, last) for first, last in ranges if first < last]
    for number, (first, last) in enumerate(kept, 1):
        yield Unit(first, last, price if number == len(kept) else FORCED_CUT)


def _cuts(ruler: Ruler, start: int, end: int, room: int) -> Iterator[int]:
    """Indices of the tokens that begin a piece."""
    index, last = ruler.tokens(0, start), ruler.tokens(0, end)
    while last - index > room:
        count = -(-(last - index) // room)
        step = -(-(last - index) // count)
        index = _near_space(ruler, index + step - step // 4, index + step)
        yield index


def _near_space(ruler: Ruler, first: int, wanted: int) -> int:
    """The last token up to the wanted one that white space precedes, or else the wanted one."""
    for index in range(wanted, first, -1):
        start = ruler.spans[index][0]
        if ruler.text[start].isspace() or ruler.text[start - 1].isspace():
            return index
    return _whole_character(ruler.spans, wanted)


def _whole_character(spans: Sequence[tuple[int, int]], wanted: int) -> int:
    """The first token from the wanted one on that does not start in the same character as the one before."""
    while wanted < len(spans) - 1 and spans[wanted][0] == spans[wanted - 1][0]:
        wanted += 1
    return wanted
