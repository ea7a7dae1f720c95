"""Spans found in texts, and characters compared: worked by hand and by brute force over sets of characters."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.evaluate.judgements import Span
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.spans import Found, Range, locate, occurrences, score_characters

ranges = st.builds(
    lambda document, start, size: Range(document, start, start + size),
    st.sampled_from("ab"),
    st.integers(0, 30),
    st.integers(1, 12),
)


def values(hits: Sequence[Range], references: Sequence[Range], cutoff: int = 5) -> list[float]:
    names = [f"char_{what}@{cutoff}" for what in ("recall", "precision", "iou")]
    return [score_characters({"q": hits}, {"q": references}, Metric.parse(name))["q"] for name in names]


def test_values_worked_by_hand() -> None:
    hits = [Range("a", 0, 10), Range("b", 0, 10), Range("a", 8, 20)]
    references = [Range("a", 5, 15), Range("a", 40, 45)]
    assert values(hits, references) == [10 / 15, 10 / 32, 10 / (32 + 5)]
    assert values(hits, references, 1) == [5 / 15, 5 / 10, 5 / (10 + 10)]
    assert values([], references) == [0.0, 0.0, 0.0]
    assert values([Range("a", 5, 15)], [Range("a", 5, 15)]) == [1.0, 1.0, 1.0]


def test_a_query_without_hits_counts_zero() -> None:
    assert score_characters({}, {"q": [Range("a", 0, 3)]}, Metric.parse("char_recall@5")) == {"q": 0.0}


@given(st.lists(ranges, max_size=6), st.lists(ranges, min_size=1, max_size=4), st.integers(1, 6))
def test_equals_brute_force_over_characters(hits: list[Range], references: list[Range], cutoff: int) -> None:
    def characters(part: Range) -> set[tuple[str, int]]:
        return {(part.document, place) for place in range(part.start, part.end)}

    shown = hits[:cutoff]
    covered: set[tuple[str, int]] = set().union(*map(characters, shown))
    shared = len(covered & set().union(*map(characters, references)))
    lengths, total = sum(part.end - part.start for part in shown), sum(part.end - part.start for part in references)
    left = sum(len(characters(part) - covered) for part in references)
    expected = [shared / total, shared / lengths if lengths else 0.0, shared / (lengths + left)]
    assert values(hits, references, cutoff) == pytest.approx(expected, abs=1e-12)


TEXT = "Keys rotate once a quarter. Keys rotate\nonce a year. Odd."


@pytest.mark.parametrize(
    ("span", "found"),
    [
        (Span("d", 5, 11), Found(5, 11)),
        (Span("d", 5, 99), Found(-1, -1, "outside")),
        (Span("d", quote="a quarter"), Found(17, 26)),
        (Span("d", quote="once a year"), Found(40, 51)),
        (Span("d", quote="rotate once a year"), Found(33, 51)),
        (Span("d", quote="Keys"), Found(0, 4, "ambiguous")),
        (Span("d", quote="nowhere"), Found(-1, -1, "missing")),
        (Span("d", 28, 32, "Keys"), Found(28, 32)),
        (Span("d", 30, 34, "Keys"), Found(28, 32, "changed")),
        (Span("d", 2, 6, "Keys"), Found(0, 4, "changed")),
        (Span("d", 0, 4, "nowhere"), Found(-1, -1, "missing")),
    ],
)
def test_where_a_span_is(span: Span, found: Found) -> None:
    assert locate(span, TEXT) == found


def test_a_quote_across_the_cells_of_a_table_is_found() -> None:
    text = "| Heat to be removed | 615 BTU/h | 1331 BTU/h |\n"
    quote = "Heat to be removed 615 BTU/h"
    assert [text[start:end] for start, end in occurrences(quote, text)] == ["Heat to be removed | 615 BTU/h"]
