"""Clicks on mixed rankings decide, by user."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from tests.abtest.conftest import START, experiment

from ragcli.abtest.decision import Decision
from ragcli.abtest.events import click
from ragcli.abtest.experiment import Experiment
from ragcli.abtest.preference import Preference, prefer
from ragcli.abtest.store import Event, ExperimentStore
from ragcli.errors import DataError

Opened = Callable[[], ExperimentStore]


def interleaved(**changes: object) -> Experiment:
    ended = {"state": "stopped", "stopped": START + 1e7} if changes.get("horizon") else {}
    return experiment(mode="interleave", min_users=20, **(ended | changes))  # type: ignore[arg-type]  # named by the tests


def impression(user: str, number: int, teams: list[int], *clicks: int) -> Iterator[Event]:
    """A mixed ranking that a user saw, and the ranks that they clicked on."""
    name = f"{user}-{number}"
    yield Event(name, user, START + number, "", {"hits": len(teams)}, {"teams": teams})
    for rank in clicks:
        yield Event(f"{name}-{rank}", user, START + number, "", {}, click(name, rank))


def preferred(store: Opened, made: Experiment, *events: Event) -> Preference:
    with store() as experiments:
        experiments.add(made)
        experiments.record(made, events)
        return prefer(experiments, made)


def users(shares: list[float], each: int = 1) -> list[Event]:
    """Users who click on the treatment's hit with their own probability."""
    generator = np.random.default_rng(0)
    found: list[Event] = []
    for number, share in enumerate(shares):
        for turn in range(each):
            rank = 2 if generator.random() < share else 1
            found += impression(f"u{number}", number * 100 + turn, [0, 1], rank)
    return found


def test_clicks_are_counted_by_impression_and_user(store: Opened) -> None:
    events = [
        *impression("a", 1, [0, 1, 1], 2, 3),  # the treatment
        *impression("a", 2, [1, 0], 2),  # control
        *impression("a", 3, [1, 0], 1, 2),  # both
        *impression("b", 4, [0, 1], 2, 9),  # the treatment, and a rank that is not there
        *impression("b", 5, [0, 1]),  # nothing
        Event("stray", "c", START, "", {}, click("nowhere", 1)),
        Event("other", "b", START, "", {}, click("a-1", 1)),  # on what another user was shown
    ]
    found = preferred(store, interleaved(), *events)
    assert found.clicks.wins.tolist() == [1, 1]
    assert found.clicks.decided.tolist() == [2, 1]
    assert (found.clicks.impressions, found.clicks.ties, found.clicks.stray) == (5, 1, 3)
    assert found.share == pytest.approx(2 / 3)
    assert found.decision is Decision.INCONCLUSIVE
    assert "20 users who click are waited for" in found.sentence


def test_one_click_a_user_is_a_share_with_its_interval(store: Opened) -> None:
    found = preferred(store, interleaved(horizon=400), *users([0.6] * 400))
    won = int(found.clicks.wins.sum())
    error = np.sqrt(won / 400 * (1 - won / 400) / 399)
    assert found.share == pytest.approx(won / 400)
    assert found.interval.high - found.share == pytest.approx(1.9659 * error, rel=1e-3)
    assert found.sign_p == pytest.approx(binomtest(won, 400).pvalue)
    assert found.p == pytest.approx(found.sign_p, abs=0.005)
    assert found.decision is Decision.SHIP
    assert found.failure is None


def test_no_look_is_taken_at_the_first_few_users(store: Opened) -> None:
    """Seven in a row are luck that some run of users has, and their deviation is not known yet."""
    found = preferred(store, interleaved(horizon=30), *users([1.0] * 6 + [0.0] + [1.0] * 12))
    assert found.always_valid_p == 1.0
    assert found.p < 0.05
    assert found.decision is Decision.INCONCLUSIVE


def test_users_who_all_agree_decide(store: Opened) -> None:
    found = preferred(store, interleaved(), *users([1.0] * 60))
    assert found.share == 1.0
    assert found.looks.p[18] == 1.0  # no look before the 20th user
    assert found.decision is Decision.SHIP
    assert 0.5 < found.always_valid.low < found.always_valid.high


def test_a_preference_that_has_turned_since_it_was_called_decides_nothing(store: Opened) -> None:
    first, then = users([1.0] * 100), users([0.0] * 120)
    later = [replace(event, id=f"x{event.id}", user=f"x{event.user}", time=event.time + 1e6) for event in then]
    later = [
        replace(event, detail={**event.detail, "impression": f"x{event.detail['impression']}"})
        if "impression" in event.detail
        else event
        for event in later
    ]
    found = preferred(store, interleaved(), *first, *later)
    assert found.always_valid_p < 0.05
    assert found.share < 0.5
    assert found.decision is Decision.INCONCLUSIVE


def test_a_worse_ranking_is_harm(store: Opened) -> None:
    found = preferred(store, interleaved(), *users([0.3] * 300))
    assert found.decision is Decision.HARM
    assert found.always_valid.high < 0.5


def test_users_who_click_often_count_as_one(store: Opened) -> None:
    shares = [0.95] * 16 + [0.05] * 14
    found = preferred(store, interleaved(horizon=30), *users(shares, each=40))
    clicks = found.clicks
    assert binomtest(int(clicks.wins.sum()), int(clicks.decided.sum())).pvalue < 0.05
    assert found.p > 0.3
    assert found.decision is Decision.INCONCLUSIVE


def test_alike_rankings_raise_an_alarm_seldom(store: Opened) -> None:
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(60):
        made = interleaved(horizon=60)
        events: list[Event] = []
        for user in range(60):
            events += impression(f"u{user}", user, [0, 1], 1 + int(generator.random() < 0.5))
        with store() as experiments:
            experiments.add(made)
            experiments.record(made, events)
            alarms += prefer(experiments, made).decision is not Decision.INCONCLUSIVE
            experiments.delete(made.name)
    assert alarms <= 8


def test_testers_and_late_clicks_are_left_out(store: Opened) -> None:
    made = interleaved(overrides={"tester": "control"}, state="stopped", stopped=START + 50)
    found = preferred(
        store,
        made,
        *impression("tester", 1, [0, 1], 1),
        *impression("a", 2, [0, 1], 2),
        *impression("b", 99, [0, 1], 1),
    )
    assert found.clicks.decided.size == 1


def test_without_clicks_nothing_is_known(store: Opened) -> None:
    with pytest.raises(DataError, match="1 impression of exp, no click decides any"):
        preferred(store, interleaved(), *impression("a", 1, [0, 1]))


def test_a_ranking_that_always_wins_ships(store: Opened) -> None:
    found = preferred(store, interleaved(), *users([1.0] * 100))
    assert found.decision is Decision.SHIP
    assert found.always_valid.low > 0.8
