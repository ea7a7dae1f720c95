"""The delta method against Welch's test, the cluster-robust formula, and input that says nothing."""

import math

import numpy as np
import pytest

from ragcli.abtest.inference.estimate import UNBOUNDED
from ragcli.abtest.inference.means import welch
from ragcli.abtest.inference.ratios import Parts, linearised, ratio

GENERATOR = np.random.default_rng(2)


def parts(users: int, level: float) -> Parts:
    counts = GENERATOR.geometric(0.3, users).astype(float)
    return counts * level + GENERATOR.normal(0.0, 1.0, users), counts


def test_with_one_event_a_user_it_is_welchs_test() -> None:
    control, treatment = GENERATOR.normal(3.0, 1.0, 30), GENERATOR.normal(3.4, 2.0, 50)
    found = ratio((control, np.ones(30)), (treatment, np.ones(50)))
    expected = welch(control, treatment)
    assert found.test == "delta method"
    assert found.p == pytest.approx(expected.p, rel=1e-10)
    assert found.relative_interval.high == pytest.approx(expected.relative_interval.high, rel=1e-10)


def test_errors_are_those_of_the_published_formula() -> None:
    control, treatment = parts(200, 1.0), parts(300, 1.1)
    expected = 0.0
    for numerator, denominator in (control, treatment):
        n, value = numerator.size, numerator.mean() / denominator.mean()
        covariance = np.cov(numerator, denominator)
        inner = covariance[0, 0] - 2 * value * covariance[0, 1] + value**2 * covariance[1, 1]
        expected += inner / (n * denominator.mean() ** 2)
    found = ratio(control, treatment)
    assert found.error == pytest.approx(math.sqrt(expected), rel=1e-10)
    assert found.control == pytest.approx(control[0].sum() / control[1].sum())
    assert found.treatment == pytest.approx(treatment[0].sum() / treatment[1].sum())


def test_linearised_values_have_the_ratio_as_their_mean() -> None:
    own = parts(100, 1.3)
    found = linearised(own)
    assert found.mean() == pytest.approx(own[0].sum() / own[1].sum(), rel=1e-12)
    assert ratio(own, own).error == pytest.approx(math.sqrt(2 * found.var(ddof=1) / 100), rel=1e-12)


def test_a_denominator_of_nothing_has_no_ratio() -> None:
    found = ratio((np.array([1.0, 2.0]), np.zeros(2)), parts(10, 1.0))
    assert math.isnan(found.control)
    assert math.isnan(found.p)
    assert found.interval == UNBOUNDED
    assert np.isnan(linearised((np.array([1.0, 2.0]), np.zeros(2)))).all()
    empty = np.empty(0)
    assert math.isnan(ratio((empty, empty), parts(10, 1.0)).difference)


def test_users_who_are_all_alike_show_nothing_or_are_certain() -> None:
    counts = np.array([1.0, 2.0, 3.0, 7.0])
    alike = ratio((0.1 * counts, counts), (0.1 * counts[:3], counts[:3]))
    assert (alike.p, alike.difference, alike.error) == (1.0, 0.0, 0.0)
    assert ratio((0.1 * counts, counts), (0.2 * counts, counts)).p == 0.0
