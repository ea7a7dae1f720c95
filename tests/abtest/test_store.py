"""Experiments and events on disk: each event once, whoever writes, and whatever happens to the writer."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.abtest.conftest import START, experiment

from ragcli.abtest.metrics import MetricSpec, parse_metrics
from ragcli.abtest.store import Event, ExperimentStore, Recorded
from ragcli.errors import DataError, IndexMissingError, UsageError
from ragcli.evaluate.margin import Margin

Opened = Callable[[], ExperimentStore]


def event(name: str, user: str = "u", time: float = START, variant: str = "control", **metrics: float) -> Event:
    return Event(name, user, time, variant, metrics)


def test_an_experiment_comes_back_as_it_was(store: Opened) -> None:
    metrics = parse_metrics(["clicked", "a/b", "ms:p95"], ["cost:total:lower"], {"cost:total": Margin(0.5)})
    made = experiment(
        *metrics, treatments=("b", "c"), overrides={"tester": "c"}, horizon=900, alpha=0.1, correction="bh",
        mode="split", min_users=5,
    )  # fmt: skip
    made = made.with_shares({"b": 0.4, "c": 0.35}, START + 5)
    with store() as experiments:
        experiments.add(made)
        assert experiments.load("exp") == made
        assert [made.assigner(f"u{n}") for n in range(99)] == [
            experiments.load("exp").assigner(f"u{n}") for n in range(99)
        ]
        stopped = replace(made, state="stopped", stopped=START + 9)
        experiments.change(stopped)
        assert experiments.load("exp") == stopped


def test_names_are_unique_and_unknown_ones_are_told_with_the_known(store: Opened) -> None:
    with store() as experiments:
        experiments.add(experiment())
        with pytest.raises(UsageError, match="there is an experiment 'exp' already"):
            experiments.add(experiment())
        with pytest.raises(UsageError, match="there is no experiment 'exq'") as error:
            experiments.load("exq")
        assert error.value.hint == "one of exp"


def test_an_event_counts_once(store: Opened) -> None:
    with store() as experiments:
        made = experiment()
        experiments.add(made)
        first = experiments.record(made, [event("1", clicked=1), event("2", clicked=0), event("1", clicked=5)])
        assert first == Recorded(events=2, duplicates=1, metrics=("clicked",))
        assert experiments.record(made, [event("2"), event("3")]).duplicates == 1
        assert experiments.load("exp").duplicates == 2
        assert experiments.count("exp") == ({"control": 1}, 3)
        [batch] = experiments.events("exp")
        assert [(row[0], row[2]) for row in batch] == [("u", "clicked"), ("u", "clicked"), ("u", "")]


def test_late_events_and_those_of_strangers_are_kept_and_counted(store: Opened) -> None:
    with store() as experiments:
        made = replace(experiment(), state="stopped", stopped=START + 10)
        experiments.add(made)
        found = experiments.record(
            made, [event("1"), event("2", time=START + 11), event("3", user="stranger", variant="", clicked=1)]
        )
        assert (found.events, found.late, found.unknown_users) == (3, 1, 1)


def test_the_first_exposure_counts(store: Opened) -> None:
    with store() as experiments:
        made = experiment()
        experiments.add(made)
        experiments.expose("exp", [("u", "control"), ("v", "treatment")], START + 5)
        experiments.record(made, [event("1", time=START + 2), event("2", time=START + 9)])
        assert experiments.exposures("exp") == [("u", "control", START + 2), ("v", "treatment", START + 5)]


def test_deleting_takes_everything_along(store: Opened) -> None:
    with store() as experiments:
        for name in ("exp", "other"):
            made = replace(experiment(), name=name)
            experiments.add(made)
            experiments.record(made, [event("1")])
        experiments.delete("exp")
        assert experiments.names() == ["other"]
        assert experiments.count("other") == ({"control": 1}, 1)
        with pytest.raises(DataError, match="has been deleted meanwhile"):
            experiments.record(experiment(), [event("1")])
        experiments.add(experiment())
        assert experiments.count("exp") == ({}, 0)


def test_reading_makes_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError):
        ExperimentStore(tmp_path / "none.db", readonly=True)
    assert not (tmp_path / "none.db").exists()


def test_a_catalog_without_experiments_has_none(tmp_path: Path) -> None:
    from ragcli.workspace.catalog import Catalog

    Catalog(tmp_path / "catalog.db").close()
    with ExperimentStore(tmp_path / "catalog.db", readonly=True) as experiments:
        assert experiments.names() == []


WRITER = """
import sys, time
from pathlib import Path
from ragcli.abtest.store import Event, ExperimentStore
catalog, writer, count = sys.argv[1:]
with ExperimentStore(Path(catalog)) as store:
    made = store.load("exp")
    for number in range(int(count)):
        shared = Event(f"shared-{number}", "u", time.time(), "control", {"clicked": 1})
        own = Event(f"{writer}-{number}", f"{writer}-{number % 7}", time.time(), "treatment", {"clicked": 1})
        store.record(made, [shared, own])
        print(number, flush=True)
"""


def writer(catalog: Path, name: str, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(catalog), name, str(count)], stdout=subprocess.PIPE, text=True
    )


def test_eight_writers_lose_nothing(store: Opened, tmp_path: Path) -> None:
    with store() as experiments:
        experiments.add(experiment())
    writers = [writer(tmp_path / "catalog.db", f"w{number}", 40) for number in range(8)]
    assert [one.wait(timeout=100) for one in writers] == [0] * 8
    for one in writers:
        one.communicate()
    with store() as experiments:
        assert experiments.count("exp") == ({"control": 1, "treatment": 56}, 40 + 8 * 40)
        assert experiments.load("exp").duplicates == 7 * 40


def test_a_killed_writer_leaves_whole_events_and_goes_on(store: Opened, tmp_path: Path) -> None:
    with store() as experiments:
        experiments.add(experiment())
    killed = writer(tmp_path / "catalog.db", "w", 100_000)
    assert killed.stdout is not None
    for _ in range(20):
        killed.stdout.readline()
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    with store() as experiments:
        _, before = experiments.count("exp")
        assert before >= 40
        assert before % 2 == 0  # both events of a call, or none
    again = writer(tmp_path / "catalog.db", "w", 60)
    assert again.wait(timeout=100) == 0
    again.communicate()
    with store() as experiments:
        assert experiments.count("exp")[1] == max(before, 120)


def test_a_file_that_breaks_off_is_recorded_to_there_and_once(store: Opened) -> None:
    from ragcli.abtest.events import parse_events

    lines = [json.dumps({"id": str(n), "user": "u", "time": n, "variant": "control"}).encode() for n in range(10_050)]
    with store() as experiments:
        made = experiment()
        experiments.add(made)
        with pytest.raises(DataError, match="f:10051: "):
            experiments.record(made, parse_events([*lines, b"{"], "f", made.names))
        assert experiments.count("exp")[1] == 10_050
        assert experiments.record(made, parse_events(lines, "f", made.names)) == Recorded(0, 10_050)


def test_metrics_are_stored_as_doubles(store: Opened) -> None:
    values = {"a": 0.1, "b": -1e300, "c": 5e-324, "d": 3}
    with store() as experiments:
        made = experiment(MetricSpec.parse("a"))
        experiments.add(made)
        experiments.record(made, [Event("1", "ü", time.time(), "", values)])
        import numpy as np

        [[(user, _, names, amounts)]] = experiments.events("exp")
        assert user == "ü"
        assert dict(zip(names.split(" "), np.frombuffer(amounts).tolist(), strict=True)) == values


def test_recording_ends_when_the_experiment_is_deleted(store: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    made = experiment()
    monkeypatch.setattr("ragcli.abtest.store._BATCH", 2)
    with store() as experiments, store() as other:
        experiments.add(made)

        def arriving() -> Iterator[Event]:
            for number in range(4):
                if number == 3:
                    other.delete("exp")
                    other.add(made)  # of the same name, but another one
                yield event(f"e{number}")

        with pytest.raises(DataError, match="has been deleted meanwhile"):
            experiments.record(made, arriving())
        assert experiments.count("exp") == ({}, 0)


def test_an_id_of_another_users_event_is_told(store: Opened) -> None:
    with store() as experiments:
        made = experiment()
        experiments.add(made)
        found = experiments.record(made, [event("1", "a"), event("2", "a"), event("1", "b"), event("1", "a")])
        assert (found.events, found.duplicates, found.taken_ids) == (2, 2, 1)
