"""The score test and its intervals against statsmodels, published tables, brute force and exact coverage."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from ragcli.abtest.inference.estimate import UNBOUNDED
from ragcli.abtest.inference.proportions import exact, exceeds, proportion
from ragcli.evaluate.statistics import Interval

Z = 1.959963984540054


@pytest.mark.parametrize(
    ("table", "p", "ratio"),
    [
        ((52, 1_000, 80, 1_010), 0.01380964083404296, (1.0885424456127564, 2.1333221292621602)),
        ((400, 900, 500, 1_000), 0.01545190143672329, (1.0226288483166042, 1.2386918983051227)),
    ],
)
def test_p_and_ratio_equal_statsmodels(table: tuple[int, int, int, int], p: float, ratio: tuple[float, float]) -> None:
    found = proportion(*table)  # proportions_ztest; confint_proportions_2indep(method="score", compare="ratio")
    assert found.p == pytest.approx(p, rel=1e-9)
    interval = found.relative_interval
    assert (interval.low + 1, interval.high + 1) == pytest.approx(ratio, rel=1e-9)


@pytest.mark.parametrize(
    ("table", "expected"), [((48, 80, 56, 70), (0.0533, 0.3377)), ((3, 10, 9, 10), (0.1821, 0.8370))]
)
def test_difference_equals_newcombes_table(table: tuple[int, int, int, int], expected: tuple[float, float]) -> None:
    interval = proportion(*table).interval  # Newcombe, Statistics in Medicine 17, 1998, method 5
    assert (interval.low, interval.high) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("table", [(52, 1_000, 80, 1_010), (3, 40, 9, 45), (1, 30, 29, 30), (0, 20, 5, 30)])
def test_difference_equals_a_brute_force_search_for_the_likeliest_shares(table: tuple[int, int, int, int]) -> None:
    found = proportion(*table)

    def excess(shift: float) -> float:
        return abs(brute_score(table, shift)) - Z

    low, high = found.interval.low, found.interval.high
    assert low == pytest.approx(optimize.brentq(excess, -0.999, found.difference), abs=1e-6)
    assert high == pytest.approx(optimize.brentq(excess, found.difference, 0.9999), abs=1e-6)


def brute_score(table: tuple[int, int, int, int], shift: float) -> float:
    c, m, h, n = table

    def unlikely(share: float) -> float:
        treated = min(1.0, max(0.0, share + shift))
        return -float(stats.binom.logpmf(c, m, share) + stats.binom.logpmf(h, n, treated))

    bounds = (max(0.0, -shift) + 1e-13, min(1.0, 1 - shift) - 1e-13)
    share = float(optimize.minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x)
    treated = share + shift
    return (h / n - c / m - shift) / math.sqrt(share * (1 - share) / m + treated * (1 - treated) / n)


def test_all_three_agree_on_whether_there_is_a_difference() -> None:
    for hits in range(20, 61):
        found = proportion(40, 500, hits, 510)
        differs = not found.interval.low <= 0.0 <= found.interval.high
        assert differs == (found.p < 0.05)
        assert differs == (not found.relative_interval.low <= 0.0 <= found.relative_interval.high)


@pytest.mark.parametrize(("control", "treatment"), [((200, 0.1), (200, 0.15)), ((400, 0.05), (100, 0.1))])
def test_coverage_over_every_outcome(control: tuple[int, float], treatment: tuple[int, float]) -> None:
    chances = [stats.binom.pmf(np.arange(users + 1), users, share) for users, share in (control, treatment)]
    difference, ratio = treatment[1] - control[1], treatment[1] / control[1] - 1
    held = np.zeros(3)
    for c in np.flatnonzero(chances[0] > 1e-3).tolist():
        for t in np.flatnonzero(chances[1] > 1e-3).tolist():
            found = proportion(c, control[0], t, treatment[0])
            inside = [
                found.interval.low <= difference <= found.interval.high,
                found.relative_interval.low <= ratio <= found.relative_interval.high,
                True,
            ]
            held += chances[0][c] * chances[1][t] * np.array(inside)
    assert held[:2] / held[2] == pytest.approx(0.95, abs=0.01)


def test_no_hits_at_all_show_nothing_within_what_so_few_users_can_tell() -> None:
    found = proportion(0, 10, 0, 20)
    assert (found.p, found.difference, found.error) == (1.0, 0.0, 0.0)
    assert found.interval.high == pytest.approx(Z**2 / (20 + Z**2), rel=1e-9)  # Wilson's bound of 0 hits
    assert found.interval.low == pytest.approx(-(Z**2) / (10 + Z**2), rel=1e-9)
    assert math.isnan(found.relative)
    assert math.isnan(found.relative_interval.low)


def test_all_hits_show_nothing_either() -> None:
    found = proportion(10, 10, 20, 20)
    assert (found.p, found.difference, found.relative) == (1.0, 0.0, 0.0)
    assert found.interval.low == pytest.approx(-(Z**2) / (20 + Z**2), rel=1e-9)
    assert found.relative_interval.low < 0.0 < found.relative_interval.high


def test_none_against_all() -> None:
    found = proportion(10, 10, 0, 10)
    assert found.p == pytest.approx(2 * stats.norm.sf(math.sqrt(20)), rel=1e-9)
    assert found.interval.low == -1.0
    assert -1.0 < found.interval.high < -0.5
    assert found.relative_interval.low == -1.0
    assert proportion(0, 10, 10, 10).interval == Interval(-found.interval.high, 1.0)


def test_a_variant_without_users_has_no_share() -> None:
    found = proportion(0, 0, 3, 10)
    assert math.isnan(found.control)
    assert (found.treatment, found.interval) == (0.3, UNBOUNDED)
    assert math.isnan(found.p)
    assert math.isnan(exceeds(0, 0, 3, 10, shift=0.1))


def test_fishers_exact_test() -> None:
    assert exact(1, 4, 3, 4) == pytest.approx(34 / 70, rel=1e-12)  # Fisher's lady tasting tea, both directions
    assert (exact(0, 0, 3, 10), exact(0, 5, 0, 5), exact(5, 5, 6, 6)) == (1.0, 1.0, 1.0)


def test_exceeding_a_margin_is_the_score_test_of_farrington_and_manning() -> None:
    table = (52, 1_000, 80, 1_010)
    assert exceeds(*table, shift=0.01) == pytest.approx(stats.norm.sf(brute_score(table, 0.01)), rel=1e-5)
    assert exceeds(*table, shift=0.0) == pytest.approx(proportion(*table).p / 2, rel=1e-9)
    assert exceeds(0, 10, 0, 10, shift=-0.1) > 0.1  # no hits of so few users are no proof
