"""Welch's test and Fieller's interval against scipy, published values and input that says nothing."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from ragcli.abtest.inference import estimate
from ragcli.abtest.inference.estimate import UNBOUNDED, Values
from ragcli.abtest.inference.means import welch
from ragcli.evaluate.statistics import Interval

GENERATOR = np.random.default_rng(5)
CONTROL, TREATMENT = GENERATOR.lognormal(0.0, 1.0, 37), GENERATOR.lognormal(0.3, 0.8, 53)


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_welch_equals_scipy(confidence: float) -> None:
    found = welch(CONTROL, TREATMENT, confidence=confidence)
    expected = stats.ttest_ind(TREATMENT, CONTROL, equal_var=False)
    interval = expected.confidence_interval(confidence)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-10)
    assert found.freedom == pytest.approx(expected.df, rel=1e-12)
    assert (found.interval.low, found.interval.high) == pytest.approx((interval.low, interval.high), rel=1e-10)
    assert found.difference == pytest.approx(TREATMENT.mean() - CONTROL.mean(), rel=1e-12)
    assert found.error == pytest.approx(found.difference / expected.statistic, rel=1e-12)
    assert found.users == (37, 53)
    assert found.test == "Welch t-test"


def test_relative_interval_holds_the_ratios_that_are_not_rejected() -> None:
    found = welch(CONTROL, TREATMENT)
    reach = stats.t.ppf(0.975, found.freedom)
    low, high = CONTROL.var(ddof=1) / CONTROL.size, TREATMENT.var(ddof=1) / TREATMENT.size

    def excess(ratio: float) -> float:
        gap = float(TREATMENT.mean() - ratio * CONTROL.mean())
        return abs(gap) / math.sqrt(high + ratio * ratio * low) - float(reach)

    assert found.relative == pytest.approx(TREATMENT.mean() / CONTROL.mean() - 1)
    ratio = 1 + found.relative
    assert found.relative_interval.low == pytest.approx(optimize.brentq(excess, 0.1, ratio) - 1, abs=1e-9)
    assert found.relative_interval.high == pytest.approx(optimize.brentq(excess, ratio, 9.0) - 1, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_both_intervals_and_p_agree(seed: int) -> None:
    generator = np.random.default_rng(seed)
    found = welch(generator.normal(5.0, 2.0, 40), generator.normal(5.9, 2.0, 40))
    differs = not found.interval.low <= 0.0 <= found.interval.high
    assert differs == (found.p < 0.05)
    assert differs == (not found.relative_interval.low <= 0.0 <= found.relative_interval.high)


def test_swapping_the_variants_turns_the_sign() -> None:
    found, other = welch(CONTROL, TREATMENT), welch(TREATMENT, CONTROL)
    assert other.difference == -found.difference
    assert other.p == found.p
    assert other.interval == Interval(-found.interval.high, -found.interval.low)


def values(*numbers: float) -> Values:
    return np.array(numbers)


@pytest.mark.parametrize("control", [values(), values(3.0)])
def test_fewer_than_two_users_give_no_test(control: Values) -> None:
    found = welch(control, values(1.0, 2.0, 4.0))
    assert math.isnan(found.p)
    assert math.isnan(found.error)
    assert found.interval == UNBOUNDED
    assert math.isnan(found.relative_interval.low)
    assert math.isnan(found.control) == (control.size == 0)


def test_constant_values_that_differ_are_certain() -> None:
    found = welch(values(2.0, 2.0, 2.0), values(3.0, 3.0))
    assert (found.p, found.error, found.interval) == (0.0, 0.0, Interval(1.0, 1.0))
    assert found.relative_interval == Interval(0.5, 0.5)


def test_constant_values_alike_show_nothing() -> None:
    found = welch(np.full(5, 0.1), np.full(7, 0.1))
    assert (found.p, found.difference, found.interval) == (1.0, 0.0, Interval(0.0, 0.0))


def test_a_control_of_zero_has_no_ratio() -> None:
    found = welch(np.zeros(4), values(1.0, 2.0, 3.0))
    assert math.isnan(found.relative)
    assert math.isnan(found.relative_interval.low)
    assert math.isnan(found.relative_interval.high)
    assert found.p == pytest.approx(float(stats.ttest_1samp(values(1.0, 2.0, 3.0), 0.0).pvalue), rel=1e-10)


def test_a_control_that_may_be_zero_has_no_bounds_of_the_ratio() -> None:
    found = welch(values(-1.0, 1.5, 0.2, -0.5), values(1.0, 2.0, 3.0))
    assert not math.isnan(found.relative)
    assert math.isnan(found.relative_interval.low)


def test_tail_at_infinite_freedom_is_the_normal_one() -> None:
    assert estimate.upper_tail(1.96, math.inf) == pytest.approx(float(stats.norm.sf(1.96)), rel=1e-12)
    assert estimate.upper_tail(-1.3, 7.0) == pytest.approx(float(stats.t.sf(-1.3, 7)), rel=1e-12)
