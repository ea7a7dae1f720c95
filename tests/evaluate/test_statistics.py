"""Tests and intervals against scipy, brute force and published examples."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from ragcli.errors import UsageError
from ragcli.evaluate import statistics
from ragcli.evaluate.statistics import Counts, Interval

# Student's sleep data: extra hours under two drugs for the same ten patients (The probable error of a mean, 1908).
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
# Darwin's maize: heights of crossed minus self-fertilised plants, in eighths of an inch (Fisher 1935, section 21).
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)

small = st.lists(st.sampled_from([-1.0, -0.5, -0.1, 0.0, 0.1, 0.2, 0.3, 0.7]), min_size=1, max_size=9)


def sample(size: int = 60, seed: int = 3) -> NDArray[np.float64]:
    return np.random.default_rng(seed).beta(2, 2, size) - 0.45


@settings(max_examples=200, deadline=None)
@given(small)
def test_permutation_test_tries_all_signs(values: list[float]) -> None:
    observed = abs(math.fsum(values))
    flips = [math.fsum(s * v for s, v in zip(signs, values, strict=True)) for signs in signs_of(len(values))]
    expected = sum(abs(total) >= observed - 1e-12 for total in flips) / len(flips)
    assert statistics.permutation_test(np.array(values)) == pytest.approx(expected, abs=1e-12)


def signs_of(size: int) -> list[tuple[float, ...]]:
    return list(itertools.product((1.0, -1.0), repeat=size))


def test_permutation_test_gives_fishers_own_count() -> None:
    # Fisher counts 1,726 of 32,768 arrangements at least as extreme, in both directions.
    assert statistics.permutation_test(DARWIN) == pytest.approx(1_726 / 32_768, abs=1e-12)


def test_permutation_test_equals_scipy_exactly() -> None:
    def mean(x: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(x.mean(axis=axis))

    theirs = stats.permutation_test((SLEEP,), mean, permutation_type="samples", n_resamples=np.inf)
    assert statistics.permutation_test(SLEEP) == pytest.approx(theirs.pvalue, abs=1e-12)


def test_random_flips_approach_the_exact_p(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = statistics.permutation_test(DARWIN)
    monkeypatch.setattr(statistics, "EXACT", 0)
    random = [statistics.permutation_test(DARWIN, repeats=20_000, seed=seed) for seed in range(20)]
    assert np.mean(random) == pytest.approx(exact, abs=0.0015)  # four standard errors
    assert len(set(random)) > 10
    assert statistics.permutation_test(DARWIN, seed=5) == statistics.permutation_test(DARWIN, seed=5)


def test_a_random_p_counts_the_observed_arrangement() -> None:
    assert statistics.permutation_test(np.full(100, 0.5), repeats=999) == 1 / 1_000


def test_flipped_sums_are_sums_of_signs() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0])
    sums = statistics._flipped_sums(values, 5_000, seed=1)
    assert set(sums.tolist()) <= {sum(signs) for signs in itertools.product(*((v, -v) for v in values))}
    assert len(set(sums.tolist())) > 500  # all 512 are equally likely
    assert abs(sums.mean()) < 4 * 295.6 / math.sqrt(5_000)


def test_queries_that_do_not_differ_change_no_p() -> None:
    padded = np.concatenate([DARWIN, np.zeros(500)])
    assert statistics.permutation_test(padded) == statistics.permutation_test(DARWIN)
    assert statistics.permutation_test(np.zeros(7)) == 1.0


def test_t_test_gives_students_own_result() -> None:
    assert statistics.t_test(SLEEP) == pytest.approx(0.00283289, abs=1e-8)
    assert statistics.t_test(DARWIN) == pytest.approx(0.0497, abs=5e-5)


@pytest.mark.parametrize("size", [2, 3, 10, 300, 20_000])
def test_t_test_and_interval_equal_scipy(size: int) -> None:
    values = sample(size)
    theirs = stats.ttest_1samp(values, 0.0)
    assert statistics.t_test(values) == pytest.approx(theirs.pvalue, abs=1e-9)
    low, high = theirs.confidence_interval(0.95)
    ours = statistics.t_interval(values)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-9)


def test_t_test_of_degenerate_values() -> None:
    assert statistics.t_test(np.zeros(5)) == 1.0
    assert statistics.t_test(np.full(5, 0.1)) == 0.0
    assert math.isnan(statistics.t_test(np.array([0.1])))


@pytest.mark.parametrize(("size", "seed"), [(5, 1), (20, 2), (60, 7), (400, 8)])
def test_bca_interval_equals_scipy(size: int, seed: int) -> None:
    values = sample(size) ** 3  # skewed
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=3_000, method="BCa", rng=np.random.default_rng(seed)
    ).confidence_interval
    ours = statistics.bootstrap_interval(values, resamples=3_000, seed=seed, expanded=False)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_bca_acceleration_is_the_jackknifes() -> None:
    values = sample(30) ** 3
    left_out = np.array([np.delete(values, row).mean() for row in range(values.size)])
    distances = left_out.mean() - left_out
    expected = (distances**3).sum() / (6 * (distances**2).sum() ** 1.5)
    assert statistics.acceleration(values) == pytest.approx(expected, rel=1e-9)


def test_expanded_interval_covers_more_nearly_what_it_promises() -> None:
    generator = np.random.default_rng(11)
    hits = {True: 0, False: 0}
    for repeat in range(400):
        values = generator.normal(0.3, 1.0, 8)
        for expanded in hits:
            found = statistics.bootstrap_interval(values, resamples=1_000, seed=repeat, expanded=expanded)
            hits[expanded] += found.low <= 0.3 <= found.high
    assert hits[True] / 400 > 0.91
    assert hits[True] - hits[False] > 10


def test_large_samples_take_the_normal_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    values = sample(6_000)
    normal = statistics.bootstrap_interval(values)
    monkeypatch.setattr(statistics, "LARGE", 10_000)
    resampled = statistics.bootstrap_interval(values)
    width = resampled.high - resampled.low
    assert normal.low == pytest.approx(resampled.low, abs=0.05 * width)
    assert normal.high == pytest.approx(resampled.high, abs=0.05 * width)


def test_intervals_of_degenerate_values() -> None:
    assert statistics.bootstrap_interval(np.full(9, 0.25)) == Interval(0.25, 0.25)
    assert statistics.bootstrap_interval(np.array([0.25])) == Interval(-math.inf, math.inf)
    assert statistics.t_interval(np.full(9, 0.25)) == Interval(0.25, 0.25)


def test_bootstrap_test_agrees_with_its_interval() -> None:
    values = sample(60)
    p = statistics.bootstrap_test(values, seed=4)
    assert 0.001 < p < 0.2
    edges = statistics.bootstrap_interval(values, 1 - p, seed=4, expanded=False)
    assert min(abs(edges.low), abs(edges.high)) < 0.002
    assert statistics.bootstrap_test(np.full(9, 0.1), resamples=999) == 2 / 1_000
    assert statistics.bootstrap_test(np.zeros(9)) == 1.0
    assert statistics.bootstrap_test(np.abs(sample(60)) + 1, resamples=999) == 2 / 1_000
    assert statistics.bootstrap_test(sample(20_000)) == statistics.t_test(sample(20_000))


def test_holm_gives_a_worked_example() -> None:
    # Four tests at 0.01, 0.04, 0.03, 0.005: sorted 4 x 0.005, 3 x 0.01, 2 x 0.03, then never below the one before.
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.7, 0.6]) == [1.0, 1.0]
    assert statistics.holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_p_and_bonferroni(p_values: list[float]) -> None:
    for p, adjusted in zip(p_values, statistics.holm(p_values), strict=True):
        assert min(p, 1.0) <= adjusted <= min(1.0, p * len(p_values)) + 1e-12 or adjusted >= p
        assert adjusted <= 1.0
    rejected = sorted(p_values)
    # The step-down procedure itself, as Holm states it.
    count = next((i for i, p in enumerate(rejected) if p > 0.05 / (len(rejected) - i)), len(rejected))
    assert sum(adjusted <= 0.05 for adjusted in statistics.holm(p_values)) == pytest.approx(count, abs=0)


def test_effect_size_is_cohens_d_z() -> None:
    assert statistics.effect_size(SLEEP) == pytest.approx(1.58 / 1.229995, abs=1e-5)
    assert statistics.effect_size(np.zeros(4)) == 0.0
    assert statistics.effect_size(np.full(4, -0.1)) == -math.inf
    assert math.isnan(statistics.effect_size(np.array([0.5])))


def test_counts_take_rounding_for_equal() -> None:
    assert statistics.count(np.array([0.1, -0.2, 0.0, 1e-12, -1e-12, 0.3])) == Counts(2, 1, 3)


@pytest.mark.parametrize(("effect", "queries"), [(0.2, 199), (0.5, 34), (0.8, 15)])
def test_required_queries_equal_cohens_tables(effect: float, queries: int) -> None:
    # Cohen's small, medium and large effects in a paired t-test, alpha 0.05 two-sided, power 0.8.
    assert statistics.required_queries(effect, 1.0) == queries
    assert statistics.detectable_effect(1.0, queries) <= effect < statistics.detectable_effect(1.0, queries - 1)


@pytest.mark.parametrize(("deviation", "queries"), [(0.15, 50), (0.2, 300), (0.3, 1_000)])
def test_detectable_effect_has_the_promised_power(deviation: float, queries: int) -> None:
    effect = statistics.detectable_effect(deviation, queries)
    shift = effect / (deviation / math.sqrt(queries))
    critical = stats.t.ppf(0.975, queries - 1)
    assert stats.nct.sf(critical, queries - 1, shift) == pytest.approx(0.8, abs=0.005)


def test_power_that_cannot_be_known() -> None:
    assert math.isnan(statistics.detectable_effect(0.0, 10))
    assert math.isnan(statistics.detectable_effect(0.1, 1))
    for effect, deviation in ((0.0, 1.0), (0.1, math.nan), (0.1, -1.0)):
        with pytest.raises(UsageError, match="power needs an effect"):
            statistics.required_queries(effect, deviation)


@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1, 0.4])
def test_equivalence_is_the_larger_of_two_one_sided_t_tests(margin: float) -> None:
    values = sample()
    below = stats.ttest_1samp(values, -margin, alternative="greater").pvalue
    above = stats.ttest_1samp(values, margin, alternative="less").pvalue
    assert statistics.equivalence_test(values, margin) == pytest.approx(max(below, above), rel=1e-9)
    assert statistics.equivalence_test(-values, margin) == pytest.approx(max(below, above), rel=1e-9)


def test_equivalence_agrees_with_the_interval_of_twice_its_level() -> None:
    interval = statistics.t_interval(SLEEP, 0.9)
    reach = max(abs(interval.low), abs(interval.high))
    assert statistics.equivalence_test(SLEEP, reach) == pytest.approx(0.05, rel=1e-9)


def test_equivalence_at_its_edges() -> None:
    nothing, all_alike = np.zeros(9), np.full(9, 0.1)
    assert statistics.equivalence_test(nothing, 0.0) == 0.0
    assert statistics.equivalence_test(all_alike, 0.11) == 0.0
    assert statistics.equivalence_test(all_alike, 0.1) == 1.0
    assert statistics.equivalence_test(sample(), 0.0) >= 0.5
    assert math.isnan(statistics.equivalence_test(np.array([0.1]), 1.0))


def test_equivalence_keeps_its_level_at_the_margin() -> None:
    generator = np.random.default_rng(5)
    found = [statistics.equivalence_test(generator.normal(0.1, 0.3, 40), 0.1) < 0.05 for _ in range(4_000)]
    assert np.mean(found) == pytest.approx(0.05, abs=0.011)
