"""From events to arrays: who is analysed, with what, and what is left out and counted."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.abtest.conftest import START, experiment

from ragcli.abtest.health import checks
from ragcli.abtest.observations import Observations, observe
from ragcli.abtest.store import Event, ExperimentStore
from ragcli.errors import DataError

Opened = Callable[[], ExperimentStore]


def seen(store: Opened, *events: Event, **changes: object) -> Observations:
    made = experiment(**changes)  # type: ignore[arg-type]  # changes of the experiment
    with store() as experiments:
        experiments.add(made)
        experiments.record(made, events)
        return observe(experiments, made)


def event(user: str, after: float, variant: str = "", **metrics: float) -> Event:
    return Event(f"{user}-{after}-{variant}", user, START + after, variant, metrics)


def test_users_come_in_the_order_of_their_exposure(store: Opened) -> None:
    found = seen(store, event("b", 2, "treatment"), event("a", 1, "control"), event("b", 3, "treatment"))
    assert found.users == ("a", "b")
    assert found.variant.tolist() == [0, 1]
    assert (found.exposed - START).tolist() == [1, 2]
    assert found.sizes == (1, 1)


def test_values_are_added_up_by_user(store: Opened) -> None:
    found = seen(
        store,
        event("a", 1, "control", clicked=1),
        event("b", 2, "treatment", ms=7),
        event("a", 3, clicked=2, ms=5),
        event("a", 4, ms=6, clicked=0.5),
    )
    assert [column.tolist() for column in found.sums("clicked")] == [[3.5, 0], [3, 0]]
    assert [column.tolist() for column in found.sums("ms")] == [[11, 7], [2, 1]]
    assert [column.tolist() for column in found.sums("nothing")] == [[0, 0], [0, 0]]


def test_what_was_before_the_exposure_is_kept_apart(store: Opened) -> None:
    found = seen(store, event("a", -5, clicked=4), event("a", 1, "control"), event("a", 2, clicked=1))
    assert found.sums("clicked")[0].tolist() == [1]
    assert found.sums("clicked", before=True)[0].tolist() == [4]
    assert found.counts.before == 1


def test_what_cannot_be_used_is_counted(store: Opened) -> None:
    found = seen(
        store,
        event("a", 1, "control", clicked=1),
        event("crossed", 1, "control", clicked=1),
        event("crossed", 2, "treatment"),
        event("tester", 1, "treatment", clicked=1),
        event("stranger", 1, clicked=1),
        event("stranger", 2, clicked=1),
        event("a", 50, clicked=1),
        overrides={"tester": "treatment"},
        state="stopped",
        stopped=START + 10,
    )
    assert found.users == ("a",)
    assert found.sums("clicked")[0].tolist() == [1]
    counts = found.counts
    assert (counts.events, counts.late, counts.unknown_users, counts.crossed, counts.overridden) == (7, 1, 2, 1, 1)


def test_the_first_users_alone(store: Opened) -> None:
    found = seen(store, *(event(f"u{n}", n, "control", ms=n) for n in range(5)), event("u4", 9, ms=100))
    first = found.first(3)
    assert first.users == ("u0", "u1", "u2")
    assert first.sums("ms")[0].tolist() == [0, 1, 2]
    assert found.first(99) is found


def test_nobody_is_an_error(store: Opened) -> None:
    with pytest.raises(DataError, match="nobody has seen a variant of exp"):
        seen(store, event("stranger", 1, clicked=1))


def test_many_events_are_read_in_batches(store: Opened) -> None:
    events = [Event(str(n), f"u{n % 10}", START + n, "control", {"ms": float(n)}) for n in range(120)]
    made = experiment()
    with store() as experiments:
        experiments.add(made)
        experiments.record(made, events)
        read = experiments.events
        experiments.events = lambda name, rows=7: read(name, 7)  # type: ignore[method-assign]  # many small batches
        found = observe(experiments, made)
    assert found.sums("ms")[0].tolist() == [sum(range(first, 120, 10)) for first in range(10)]
    assert replace(found.counts) == found.counts


def test_who_came_after_the_stop_is_not_analysed(store: Opened) -> None:
    found = seen(
        store,
        event("a", 1, "control", clicked=1),
        event("b", 2, "treatment", clicked=1),
        event("a", 60, "treatment"),  # would have seen both, but too late
        event("late", 70, "treatment", clicked=1),
        state="stopped",
        stopped=START + 50,
    )
    assert found.users == ("a", "b")
    assert (found.counts.crossed, found.counts.late, found.counts.unknown_users) == (0, 2, 0)


def test_who_moved_with_the_shares_is_left_out_whether_back_or_not(store: Opened) -> None:
    made = experiment()
    made = replace(made, splits=()).with_shares({"treatment": 0.2}, START)
    ramped = made.with_shares({"treatment": 0.5}, START + 1_000)
    early, late = ([f"{when}{number}" for number in range(400)] for when in ("early", "late"))
    events = [Event(f"1-{user}", user, START + 1, made.assigner(user), {"clicked": 1}) for user in early]
    back = [user for user in early if user.endswith(("0", "1", "2"))]  # some of them
    events += [
        Event(f"2-{user}", user, START + 2_000, ramped.assigner(user), {"clicked": 1}) for user in (*back, *late)
    ]
    with store() as experiments:
        experiments.add(ramped)
        experiments.record(ramped, events)
        found = observe(experiments, ramped)
    moved = {user for user in early if made.assigner(user) != ramped.assigner(user)}
    assert 80 < len(moved) < 160
    assert set(found.users) == {*early, *late} - moved
    assert (found.counts.moved, found.counts.crossed) == (len(moved), 0)
    assert all(
        found.names[place] == ramped.assigner(user) for user, place in zip(found.users, found.variant, strict=True)
    )
    levels = {one.name: one.level for one in checks(ramped, found)}
    assert levels["sample ratio"] == "ok"
    assert levels["moved users"] == "note"
