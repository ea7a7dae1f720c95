"""Fusion by hand-worked values, and the laws it obeys."""

from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.config.query import DbsfConfig, FusionConfig, MinMaxConfig, RrfConfig
from ragcli.query.fuse import Arm, Ranking, distribution_based, fuse, min_max, reciprocal_ranks

Method: TypeAlias = type[RrfConfig] | type[MinMaxConfig] | type[DbsfConfig]
METHODS: list[Method] = [RrfConfig, MinMaxConfig, DbsfConfig]


def ranking(**scores: float) -> Ranking:
    """A ranking from row names such as ``r7=0.5``, best first."""
    rows = np.array([int(name[1:]) for name in scores], dtype=np.int64)
    return Ranking(np.array(list(scores.values()), dtype=np.float32), rows)


DENSE = ranking(r1=0.9, r2=0.5, r3=0.1)
LEXICAL = ranking(r2=12.0, r4=8.0)


def fused(config: FusionConfig, dense: Ranking = DENSE, lexical: Ranking = LEXICAL) -> dict[int, float]:
    return {result.row: result.score for result in fuse({"dense": dense, "lexical": lexical}, config)}


def test_reciprocal_rank_fusion_is_cormacks() -> None:
    found = fused(RrfConfig())
    assert found == pytest.approx({2: 1 / 62 + 1 / 61, 1: 1 / 61, 4: 1 / 62, 3: 1 / 63})
    assert list(found) == [2, 1, 4, 3]


def test_min_max_is_a_weighted_mean_of_what_lies_between_best_and_worst() -> None:
    # dense: 1 -> 1, 2 -> .5, 3 -> 0; lexical: 2 -> 1, 4 -> 0; weights .7 and .3
    found = fused(MinMaxConfig(dense_weight=0.7))
    assert found == pytest.approx({1: 0.7, 2: 0.35 + 0.3, 3: 0.0, 4: 0.0}, abs=1e-6)
    assert list(found) == [1, 2, 3, 4]


def test_distribution_based_fusion_uses_mean_and_three_standard_deviations() -> None:
    # dense: mean .5, sd .4: (s - .5 + 1.2) / 2.4; lexical: mean 10, sd sqrt 8: (s - 10 + 3 sd) / (6 sd)
    step = 2 / (6 * 8**0.5)
    expected = {1: 0.5 * 1.6 / 2.4, 2: 0.5 * 0.5 + 0.5 * (0.5 + step), 3: 0.5 * 0.8 / 2.4, 4: 0.5 * (0.5 - step)}
    assert fused(DbsfConfig()) == pytest.approx(expected, abs=1e-6)


def test_what_every_arm_adds_is_told() -> None:
    best = fuse({"dense": DENSE, "lexical": LEXICAL}, MinMaxConfig(dense_weight=0.25))[0]
    assert best.row == 2
    dense, lexical = best.contributions["dense"], best.contributions["lexical"]
    assert dense.rank == 2
    assert [dense.score, dense.normalised, dense.weighted] == pytest.approx([0.5, 0.5, 0.125])
    assert (lexical.rank, lexical.score, lexical.normalised, lexical.weighted) == (1, 12.0, 1.0, 0.75)


@pytest.mark.parametrize(
    ("scores", "expected"), [([], []), ([3.0], [1.0]), ([2.0, 2.0], [1.0, 1.0]), ([4.0, 3.0, 2.0], [1.0, 0.5, 0.0])]
)
def test_min_max_of_few_or_equal_scores(scores: list[float], expected: list[float]) -> None:
    assert min_max(scores) == expected


@pytest.mark.parametrize(("scores", "expected"), [([], []), ([3.0], [0.5]), ([2.0, 2.0], [0.5, 0.5])])
def test_distributions_without_spread_are_neutral(scores: list[float], expected: list[float]) -> None:
    assert distribution_based(scores) == expected


def test_outliers_of_a_distribution_are_cut() -> None:
    values = distribution_based([1000.0, *[0.0] * 99])
    assert values[0] == 1.0
    assert values[1] == pytest.approx((0 - 10 + 300) / 600)  # mean 10, standard deviation 100


def test_reciprocal_ranks_start_at_one() -> None:
    assert reciprocal_ranks(2, 1) == [1 / 2, 1 / 3]


@pytest.mark.parametrize("method", METHODS)
def test_of_equals_the_one_found_by_words_comes_first_then_the_lower_row(method: Method) -> None:
    assert list(fused(method(dense_weight=0.5), ranking(r4=0.5), ranking(r9=7.0))) == [9, 4]
    if method is not RrfConfig:  # whose ranks are never equal within an arm
        assert list(fused(method(dense_weight=0.5), ranking(r9=0.5, r4=0.5), ranking())) == [4, 9]


@pytest.mark.parametrize("method", METHODS)
def test_an_empty_arm_leaves_the_other_in_its_order(method: Method) -> None:
    assert list(fused(method(), DENSE, ranking())) == [1, 2, 3]
    assert fused(method(), ranking(), ranking()) == {}


rankings = st.dictionaries(
    st.integers(0, 50), st.floats(0, 100, width=32).filter(lambda x: x == 0 or x > 1e-3), max_size=20
).map(
    lambda scores: Ranking(
        np.array(sorted(scores.values(), reverse=True), dtype=np.float32),
        np.array(sorted(scores, key=lambda row: (-scores[row], row)), dtype=np.int64),
    )
)


@given(dense=rankings, lexical=rankings, weight=st.floats(0, 1))
@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_arms_changes_nothing(method: Method, dense: Ranking, lexical: Ranking, weight: float) -> None:
    config = method(dense_weight=weight)
    one: dict[Arm, Ranking] = {"dense": dense, "lexical": lexical}
    other: dict[Arm, Ranking] = {"lexical": lexical, "dense": dense}
    assert fuse(one, config) == fuse(other, config)


@given(dense=rankings, lexical=rankings)
@pytest.mark.parametrize("method", METHODS)
def test_a_weight_of_one_or_zero_is_one_arm_alone(method: Method, dense: Ranking, lexical: Ranking) -> None:
    """Scores that the arm ties keep their order by row, which is the arm's own order."""
    arms: dict[Arm, Ranking] = {"dense": dense, "lexical": lexical}
    alone = fuse({"dense": dense}, method(dense_weight=1))
    assert fuse(arms, method(dense_weight=1)) == alone
    assert {result.row for result in alone} == set(dense.rows.tolist())
    assert [result.row for result in fuse(arms, method(dense_weight=0))] == [
        result.row for result in fuse({"lexical": lexical}, method(dense_weight=0))
    ]
    if method is not DbsfConfig:  # whose cut to [0, 1] may tie outliers
        assert [result.row for result in alone] == dense.rows.tolist()


@given(dense=rankings, lexical=rankings, weight=st.floats(0.01, 0.99))
@pytest.mark.parametrize("method", METHODS)
def test_every_result_of_every_arm_is_there_once_and_best_first(
    method: Method, dense: Ranking, lexical: Ranking, weight: float
) -> None:
    results = fuse({"dense": dense, "lexical": lexical}, method(dense_weight=weight))
    rows = [result.row for result in results]
    assert sorted(rows) == sorted({*dense.rows.tolist(), *lexical.rows.tolist()})
    words = [result.contributions.get("lexical") for result in results]
    keys = [
        (-result.score, 0.0 if part is None else -part.weighted, result.row)
        for result, part in zip(results, words, strict=True)
    ]
    assert keys == sorted(keys)
    for result in results:
        assert result.score == pytest.approx(sum(part.weighted for part in result.contributions.values()))
        assert 0 <= result.score <= 1 + 1e-9
