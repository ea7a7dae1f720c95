"""The mixture test against its definition by integration, its invariants, and input that says nothing."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from ragcli.abtest.inference.estimate import Values
from ragcli.abtest.inference.sequential import HORIZON, always_valid, cautious_error, evidence, mixture


@pytest.mark.parametrize(("difference", "error", "tau"), [(0.3, 0.1, 0.2), (-0.05, 0.02, 0.01), (0.0, 1.0, 3.0)])
def test_evidence_is_the_likelihood_ratio_averaged_over_effects(difference: float, error: float, tau: float) -> None:
    def likelihood(effect: float) -> float:
        return float(stats.norm.pdf(difference, effect, error) * stats.norm.pdf(effect, 0.0, tau))

    averaged = integrate.quad(likelihood, -30 * tau, 30 * tau, points=(0.0, difference), limit=200)[0]
    expected = math.log(averaged / stats.norm.pdf(difference, 0.0, error))
    found = evidence(np.array([difference / error]), np.array([tau**2 / error**2]))
    assert found[0] == pytest.approx(expected, abs=1e-8)


def path(looks: int = 40, effect: float = 0.1) -> tuple[Values, Values, Values]:
    """Running means of a normal sample, known deviation 1."""
    users = np.arange(100.0, 100.0 * looks + 1, 100.0)
    steps = np.random.default_rng(6).normal(effect, 0.2, looks)
    errors = np.array([2.0 / math.sqrt(size) for size in users])
    return np.cumsum(steps) / np.arange(1, looks + 1), errors, users


def test_p_is_at_most_alpha_once_an_interval_has_left_out_0() -> None:
    found = always_valid(*path())
    left_out = (found.low > 0.0) | (found.high < 0.0)
    assert left_out.any()
    assert not left_out.all()
    assert ((found.p <= 0.05) == np.maximum.accumulate(left_out)).all()
    assert (np.diff(found.p) <= 0.0).all()


def test_a_look_does_not_change_what_earlier_looks_said() -> None:
    difference, error, users = path()
    full, half = always_valid(difference, error, users), always_valid(difference[:20], error[:20], users[:20])
    assert full.p[:20].tolist() == half.p.tolist()
    assert full.low[:20].tolist() == half.low.tolist()


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_interval_is_narrowest_at_the_horizon(confidence: float) -> None:
    def reach(horizon: float) -> float:
        found = always_valid(np.zeros(1), np.ones(1), np.array([1_000.0]), horizon=horizon, confidence=confidence)
        return float(found.high[0])

    assert reach(1_000.0) < min(reach(800.0), reach(1_250.0))
    assert reach(1_000.0) == pytest.approx(min(reach(h) for h in np.linspace(500.0, 2_000.0, 301)), rel=1e-4)


def test_interval_by_hand() -> None:
    found = always_valid(np.array([0.2]), np.array([0.1]), np.array([float(HORIZON)]))
    weight = -2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))
    assert mixture(np.array([float(HORIZON)]), HORIZON, 0.05)[0] == pytest.approx(weight)
    reach = 0.1 * math.sqrt(2 * (1 + weight) / weight * math.log(math.sqrt(1 + weight) / 0.05))
    assert (found.low[0], found.high[0]) == pytest.approx((0.2 - reach, 0.2 + reach))
    assert found.p[0] == pytest.approx(min(1.0, math.sqrt(1 + weight) * math.exp(-2 * weight / (1 + weight))))


def test_looks_that_say_nothing() -> None:
    difference = np.array([math.nan, 0.5, 0.5, 0.5])
    error, users = np.array([math.nan, 0.0, 0.1, math.nan]), np.array([1.0, 20.0, 4_000.0, 5_000.0])
    found = always_valid(difference, error, users)
    assert found.p[:2].tolist() == [1.0, 1.0]
    assert found.p[3] == found.p[2] < 0.05
    assert np.isinf(found.low[[0, 1, 3]]).all()
    assert np.isinf(found.high[[0, 1, 3]]).all()
    empty = np.empty(0)
    assert always_valid(empty, empty, empty).p.size == 0


def test_cautious_errors() -> None:
    def error(variances: tuple[float, float], users: tuple[float, float]) -> float:
        control, treatment = (np.array([variance]) for variance in variances)
        return float(cautious_error((control, treatment), (np.array([users[0]]), np.array([users[1]])))[0])

    assert error((0.01, 0.02), (101.0, 101.0)) == pytest.approx(math.sqrt(0.03))
    pooled = 100 * 1.01 / 150  # of a treatment that has seen no hit yet, with control's variance of 1.01
    assert error((0.01, 0.0), (101.0, 51.0)) == pytest.approx(math.sqrt(0.01 + pooled / 2 / 51))
    assert error((0.0, 0.0), (101.0, 51.0)) == 0.0
    assert math.isnan(error((math.nan, 0.1), (1.0, 51.0)))
    assert math.isnan(error((math.nan, math.nan), (0.0, 1.0)))
