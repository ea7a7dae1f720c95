"""Quantile differences against a plain bootstrap that repeats each user's events, and input that says nothing."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ragcli.abtest.inference import quantiles as module
from ragcli.abtest.inference.estimate import UNBOUNDED, Values
from ragcli.abtest.inference.quantiles import Events, QuantileColumn, quantiles
from ragcli.evaluate.statistics import Interval


def events(users: int, *, scale: float = 1.0, seed: int = 0) -> Events:
    """A few of each user, alike within a user, in random order."""
    generator = np.random.default_rng(seed)
    owners = generator.permutation(np.repeat(np.arange(users), generator.geometric(0.3, users)))
    level = generator.normal(0.0, 0.7, users)[owners]
    return Events(scale * np.exp(level + generator.normal(0.0, 0.7, owners.size)), owners)


def no_events() -> Events:
    return Events(np.empty(0), np.empty(0, np.int64))


def plain(sample: Events, weights: NDArray[np.float32], probability: float) -> Values:
    """Of each resample: its events written out, sorted, and the first at or above the rank."""
    found = []
    for row in weights:
        values = np.repeat(sample.values, row[sample.users].astype(int))
        found.append(float(np.quantile(values, probability, method="inverted_cdf")))
    return np.array(found)


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
def test_resampled_quantiles_equal_those_of_events_written_out(probability: float) -> None:
    users, repeats = 400, 200
    sample = events(users)
    found = module._resampled([(sample, probability)], users, repeats, (3, 0))[0]
    weights = module._poisson(np.random.default_rng((3, 0)), repeats, users)
    assert found.resamples.tolist() == plain(sample, weights, probability).tolist()
    assert found.value == np.quantile(sample.values, probability, method="inverted_cdf")


def test_weights_have_the_poisson_distribution() -> None:
    weights = module._poisson(np.random.default_rng(1), 500, 1_000)
    shares = np.bincount(weights.astype(int).ravel(), minlength=10) / weights.size
    expected = [math.exp(-1) / math.factorial(k) for k in range(10)]
    assert shares[:10] == pytest.approx(expected, abs=0.003)
    assert module._POISSON.mean() == pytest.approx(1.0, abs=1e-4)
    assert module._POISSON.var() == pytest.approx(1.0, abs=1e-3)


def test_an_estimate_is_made_of_all_pairs_of_resamples() -> None:
    control, treatment = events(300), events(250, scale=1.2, seed=1)
    found = quantiles([QuantileColumn(0.5, control, treatment)], (300, 250), repeats=100, seed=4)[0]
    low = plain(control, module._poisson(np.random.default_rng((4, 0)), 100, 300), 0.5)
    high = plain(treatment, module._poisson(np.random.default_rng((4, 1)), 100, 250), 0.5)
    differences = (high[:, None] - low).ravel()
    assert found.test == "bootstrap"
    assert found.difference == found.treatment - found.control
    assert (found.interval.low, found.interval.high) == pytest.approx(np.quantile(differences, [0.025, 0.975]))
    ratios = (high[:, None] / low).ravel() - 1
    bounds = found.relative_interval.low, found.relative_interval.high
    assert bounds == pytest.approx(np.quantile(ratios, [0.025, 0.975]))
    below = (differences < 0).mean() + (differences == 0).mean() / 2
    assert found.p == pytest.approx(max(2 / 101, 2 * min(below, 1 - below)))
    assert found.error == pytest.approx(math.sqrt(low.var(ddof=1) + high.var(ddof=1)))


def test_columns_do_not_touch_each_other_and_a_seed_repeats() -> None:
    columns = [QuantileColumn(p, events(200), events(200, seed=1)) for p in (0.5, 0.9)]
    together = quantiles(columns, (200, 200), repeats=50)
    assert together == [quantiles([column], (200, 200), repeats=50)[0] for column in columns]
    assert quantiles(columns, (200, 200), repeats=50, seed=1) != together


def test_errors_know_that_events_of_a_user_are_alike() -> None:
    generator = np.random.default_rng(0)
    owners = np.repeat(np.arange(300), 10)
    alike = Events(generator.normal(0, 1, 300)[owners], owners)
    apart = Events(generator.normal(0, 1, 3_000), owners)
    errors = [quantiles([QuantileColumn(0.5, own, own)], (300, 300))[0].error for own in (alike, apart)]
    assert errors[0] > 2.5 * errors[1]


def test_more_events_than_the_window_holds() -> None:
    users = 20_000
    sample = events(users)
    prepared = module._prepare(sample, 0.5, users)
    assert prepared.window.size < sample.values.size / 10
    weights = module._poisson(np.random.default_rng((3, 0)), 5, users)
    assert module._weighted(prepared, weights).tolist() == plain(sample, weights, 0.5).tolist()


@pytest.mark.parametrize("control", [no_events(), Events(np.array([1.0, 2.0]), np.array([4, 4]))])
def test_too_few_users_give_no_test(control: Events) -> None:
    found = quantiles([QuantileColumn(0.5, control, events(9))], (9, 9), repeats=50)[0]
    assert math.isnan(found.p)
    assert math.isnan(found.error)
    assert found.interval == UNBOUNDED
    assert math.isnan(found.relative_interval.low)
    assert math.isnan(found.control) == (control.values.size == 0)


def test_no_users_at_all_and_no_columns() -> None:
    found = quantiles([QuantileColumn(0.5, no_events(), no_events())], (0, 0), repeats=50)[0]
    assert math.isnan(found.difference)
    assert quantiles([], (9, 9)) == []


def test_constant_values() -> None:
    owners = np.arange(40)
    ones = Events(np.ones(40), owners)
    alike = quantiles([QuantileColumn(0.95, ones, ones)], (40, 40), repeats=50)[0]
    assert (alike.p, alike.error, alike.interval) == (1.0, 0.0, Interval(0.0, 0.0))
    higher = quantiles([QuantileColumn(0.95, ones, Events(3 * np.ones(40), owners))], (40, 40), repeats=50)[0]
    assert (higher.p, higher.interval) == (2 / 51, Interval(2.0, 2.0))
    assert higher.relative_interval == Interval(2.0, 2.0)


def test_a_control_of_zero_has_no_ratio() -> None:
    zeros = Events(np.zeros(40), np.arange(40))
    found = quantiles([QuantileColumn(0.5, zeros, events(40))], (40, 40), repeats=50)[0]
    assert math.isnan(found.relative)
    assert math.isnan(found.relative_interval.high)


def test_two_users_who_may_both_be_left_out() -> None:
    two = Events(np.array([1.0, 2.0, 3.0]), np.array([0, 1, 1]))
    found = quantiles([QuantileColumn(0.5, two, two)], (2, 2), repeats=200)[0]
    assert 1 - 3 <= found.interval.low <= found.interval.high <= 3 - 1
