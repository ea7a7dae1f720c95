"""Fusion over the variations of a question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.query.fuse import Contribution, Found, Fused, fuse_variations


def ranked(*rows: int) -> list[Fused]:
    """A ranking of rows, each with what an arm said of it."""
    part = [Contribution(1 / rank, rank, 0.0, 0.0) for rank in range(1, len(rows) + 1)]
    return [Fused(row, part[place].score, {"lexical": part[place]}) for place, row in enumerate(rows)]


RANKINGS = st.lists(st.lists(st.integers(0, 20), unique=True, max_size=12), min_size=1, max_size=5)


def test_scores_are_weighted_reciprocal_ranks() -> None:
    fused = fuse_variations([ranked(1, 2), ranked(2, 3)], [1.0, 0.5])
    assert {result.row: result.score for result in fused} == pytest.approx(
        {1: 1 / 61, 2: 1 / 62 + 0.5 / 61, 3: 0.5 / 62}
    )
    assert [result.row for result in fused] == [2, 1, 3]
    assert fused[0].found == (Found(0, 2, 1 / 62), Found(1, 1, 0.5 / 61))
    assert fused[0].contributions["lexical"].rank == 1  # of the variation that ranks it best


@given(RANKINGS)
def test_equals_its_definition(rankings: list[list[int]]) -> None:
    weights = [1 / (place + 1) for place in range(len(rankings))]
    fused = fuse_variations([ranked(*rows) for rows in rankings], weights)
    expected = {
        row: sum(w / (61 + rows.index(row)) for rows, w in zip(rankings, weights, strict=True) if row in rows)
        for row in {row for rows in rankings for row in rows}
    }
    assert {result.row: result.score for result in fused} == pytest.approx(expected)
    assert [(-result.score, result.row) for result in fused] == sorted((-r.score, r.row) for r in fused)
    for result in fused:
        assert result.score == pytest.approx(sum(way.weighted for way in result.found))
        assert [way.variation for way in result.found] == [n for n, rows in enumerate(rankings) if result.row in rows]


@given(st.lists(st.integers(0, 20), unique=True), st.integers(1, 4))
def test_variations_that_agree_change_no_order(rows: list[int], count: int) -> None:
    fused = fuse_variations([ranked(*rows)] * count, [1.0] * count)
    assert [result.row for result in fused] == rows


@given(RANKINGS)
def test_of_equal_weight_their_order_changes_nothing(rankings: list[list[int]]) -> None:
    def order(lists: list[list[int]]) -> list[tuple[int, float]]:
        fused = fuse_variations([ranked(*rows) for rows in lists], [1.0] * len(lists))
        return [(result.row, result.score) for result in fused]

    assert order(rankings) == order(rankings[::-1])
