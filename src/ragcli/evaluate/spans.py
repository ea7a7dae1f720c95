"""Judged spans of text: found in the documents at run time, and compared with chunks character by character.

Spans name text, not chunks, so that they survive another chunker. The measures are those of
https://github.com/brandonstarxel/chunking_evaluation (base_evaluation.py), with the first k hits as what is retrieved:

- recall: characters of the references that the hits cover, over the length of the references;
- precision: the same characters over the length of the hits, where overlapping hits count every time;
- IoU: the same characters over the length of the hits and of what they leave out of the references.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ragcli.evaluate.judgements import Span
from ragcli.evaluate.measures import Metric

Problem: TypeAlias = Literal["missing", "ambiguous", "outside", "changed"]


@dataclass(frozen=True, slots=True)
class Range:
    """Characters ``start`` to ``end`` of a document, half open; ``document`` is any key that tells documents apart."""

    document: str
    start: int
    end: int

    @property
    def length(self) -> int:
        """Its characters."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Found:
    """Where a span is in a text.

    Attributes:
        start: -1 where it is nowhere.
        problem: ``missing``: the quote is nowhere; ``ambiguous``: it is there more than once, and the first is taken;
            ``changed``: the offsets hold other text than the quote, and its nearest place is taken; ``outside``: the
            offsets end beyond the text.
    """

    start: int
    end: int
    problem: Problem | None = None


def locate(span: Span, text: str) -> Found:
    """Find a span in its document: at its offsets, otherwise by its quote, white space being alike."""
    if span.end >= 0 and not span.quote:
        return Found(span.start, span.end) if span.end <= len(text) else Found(-1, -1, "outside")
    if span.end >= 0 and text[span.start : span.end] == span.quote:
        return Found(span.start, span.end)
    places = occurrences(span.quote, text)
    if not places:
        return Found(-1, -1, "missing")
    if span.end >= 0:
        return Found(*min(places, key=lambda place: abs(place[0] - span.start)), "changed")
    return Found(*places[0], "ambiguous" if len(places) > 1 else None)


def occurrences(quote: str, text: str) -> list[tuple[int, int]]:
    """Every place of a quote: as it is; where there is none, with other white space, or cells, between its words."""
    words = quote.split()
    exact = [match.start() for match in re.finditer(f"(?={re.escape(quote)})", text)]
    if exact or not words:
        return [(start, start + len(quote)) for start in exact]
    return [match.span() for match in re.finditer(r"[\s|]+".join(map(re.escape, words)), text)]


def score_characters(
    hits: Mapping[str, Sequence[Range]], references: Mapping[str, Sequence[Range]], metric: Metric
) -> dict[str, float]:
    """A character metric of every query that has references; one without hits counts 0.

    Args:
        hits: Query id -> ranges of the retrieved chunks, best first.
        references: Query id -> ranges of the judged spans.
        metric: ``char_recall``, ``char_precision`` or ``char_iou``.
    """
    formula = _FORMULAS[metric.measure]
    return {query: formula(_overlap(hits.get(query, ())[: metric.cutoff], own)) for query, own in references.items()}


@dataclass(frozen=True, slots=True)
class _Overlap:
    """Lengths in characters: shared, of all hits, of all references, of the references' parts that no hit covers."""

    shared: int
    hits: int
    references: int
    uncovered: int


def _overlap(hits: Sequence[Range], references: Sequence[Range]) -> _Overlap:
    covered = _union(hits)
    inside = [_union(_intersections(covered, [reference])) for reference in references]
    shared = _union([part for parts in inside for part in parts])
    total = _length(references)
    return _Overlap(_length(shared), _length(hits), total, total - sum(map(_length, inside)))


def _union(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for part in sorted(ranges, key=lambda part: (part.document, part.start)):
        if merged and merged[-1].document == part.document and part.start <= merged[-1].end:
            merged[-1] = Range(part.document, merged[-1].start, max(merged[-1].end, part.end))
        else:
            merged.append(part)
    return merged


def _intersections(ranges: Iterable[Range], others: Sequence[Range]) -> list[Range]:
    pairs = ((part, other) for part in ranges for other in others if part.document == other.document)
    cut = (Range(part.document, max(part.start, other.start), min(part.end, other.end)) for part, other in pairs)
    return [part for part in cut if part.length > 0]


def _length(ranges: Iterable[Range]) -> int:
    return sum(part.length for part in ranges)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


_FORMULAS: dict[str, Callable[[_Overlap], float]] = {
    "char_recall": lambda overlap: _ratio(overlap.shared, overlap.references),
    "char_precision": lambda overlap: _ratio(overlap.shared, overlap.hits),
    "char_iou": lambda overlap: _ratio(overlap.shared, overlap.hits + overlap.uncovered),
}
