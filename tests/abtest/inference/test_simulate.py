"""Simulated experiments against the analyses they stand for."""

import math

import numpy as np
import pytest

from ragcli.abtest.inference import sequential, simulate
from ragcli.abtest.inference.means import welch
from ragcli.abtest.inference.power import power_of_means
from ragcli.abtest.inference.simulate import Design, characteristics
from ragcli.errors import UsageError

VALUES = np.random.default_rng(3).lognormal(0.0, 1.0, 2_000)


def test_decisions_are_those_of_welchs_test_and_of_the_sequential_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same users and assignments, analysed one experiment at a time by the functions that users get."""
    design = Design(600, effect=0.4, every=60, horizon=700)
    looks = simulate._looks(design)
    significant, stopped = simulate._decisions(VALUES, design, looks, 30, np.random.default_rng(1))
    generator = np.random.default_rng(1)
    drawn = simulate._draw(VALUES, 600, 30, generator)
    treated = generator.random(drawn.shape) < 0.5
    for row in range(30):
        arms = [(drawn[row, :n][~treated[row, :n]], drawn[row, :n][treated[row, :n]] + 0.4) for n in looks]
        found = [welch(*pair) for pair in arms]
        assert significant[row].tolist() == [one.p <= 0.05 for one in found]
        variances = [np.array([pair[side].var(ddof=1) / pair[side].size for pair in arms]) for side in (0, 1)]
        users = [np.array([float(pair[side].size) for pair in arms]) for side in (0, 1)]
        error = sequential.cautious_error((variances[0], variances[1]), (users[0], users[1]))
        valid = sequential.always_valid(
            np.array([one.difference for one in found]), error, looks.astype(float), horizon=700
        )
        called = looks[valid.p <= 0.05]
        assert stopped[row] == (called[0] if called.size else pytest.approx(math.nan, nan_ok=True))
    assert 3 < np.isfinite(stopped).sum() < 30


def test_peeking_cries_wolf_and_the_sequential_analysis_does_not() -> None:
    found = characteristics(VALUES, Design(2_000), repeats=1_000)
    assert (found.repeats, found.looks) == (1_000, 20)
    assert found.fixed == pytest.approx(0.05, abs=0.02)
    assert found.peeking > 0.2
    assert found.sequential < 0.03
    assert found.deviation == pytest.approx(VALUES.std(ddof=1))


def test_a_planted_effect_is_found_as_often_as_power_says() -> None:
    deviation = float(VALUES.std(ddof=1))
    found = characteristics(VALUES, Design(2_000, effect=0.2, share=0.4), repeats=1_000)
    assert found.fixed == pytest.approx(power_of_means(2_000, 0.2, (deviation, deviation), share=0.4), abs=0.04)
    assert 0.05 < found.sequential < found.fixed
    assert 100 < found.stopped <= 2_000


def test_hits_stay_hits() -> None:
    hits = (np.arange(2_000) % 10 == 0).astype(float)
    generator = np.random.default_rng(0)
    for effect in (0.05, -0.05):
        moved = simulate._moved(np.tile(hits, (50, 1)), hits, effect, generator)
        assert set(np.unique(moved)) == {0.0, 1.0}
        assert moved.mean() == pytest.approx(0.1 + effect, abs=0.005)
    assert simulate._moved(hits, hits, -0.5, generator).max() == 0.0
    ones = np.ones(5)
    assert simulate._moved(ones, ones, 0.1, generator).tolist() == ones.tolist()


def test_users_are_drawn_once_as_far_as_they_go() -> None:
    generator = np.random.default_rng(0)
    drawn = simulate._draw(np.arange(10.0), 10, 5, generator)
    assert [sorted(row) for row in drawn.tolist()] == [list(range(10))] * 5
    assert simulate._draw(np.arange(10.0), 40, 5, generator).shape == (5, 40)


def test_looks_end_with_the_last_user() -> None:
    assert simulate._looks(Design(250, every=100)).tolist() == [100, 200, 250]
    assert simulate._looks(Design(200, every=100)).tolist() == [100, 200]
    assert simulate._looks(Design(50, every=100)).tolist() == [50]


def test_values_without_variance_call_nothing() -> None:
    found = characteristics(np.full(50, 0.1), Design(50, every=10), repeats=100)
    assert (found.fixed, found.peeking, found.sequential) == (0.0, 0.0, 0.0)
    assert found.deviation == pytest.approx(0.0)
    assert math.isnan(found.stopped)


@pytest.mark.parametrize(("users", "share", "every"), [(0, 0.5, 10), (10, 0.0, 10), (10, 1.0, 10), (10, 0.5, 0)])
def test_designs_that_cannot_be_simulated(users: int, share: float, every: int) -> None:
    with pytest.raises(UsageError, match="a simulation needs"):
        characteristics(VALUES, Design(users, share=share, every=every))


def test_one_user_cannot_be_simulated() -> None:
    with pytest.raises(UsageError, match="not 1 users"):
        characteristics(np.ones(1), Design(10))


def test_moments_are_those_of_the_users_seen_by_a_look() -> None:
    drawn = VALUES[:40].reshape(2, 20)
    members = np.arange(40).reshape(2, 20) % 3 > 0
    found = simulate._moments(drawn, members, np.array([8, 20]))
    for row, look, users in ((0, 0, 8), (1, 0, 8), (1, 1, 20)):
        own = drawn[row, :users][members[row, :users]]
        assert found.size[row, look] == own.size
        assert found.mean[row, look] == pytest.approx(own.mean(), rel=1e-12)
        assert found.variance[row, look] == pytest.approx(own.var(ddof=1) / own.size, rel=1e-12)
