"""Experiments, exposures and events in the catalog. The tables are made when the first experiment is.

An event is one row: its metrics are names in one text, values in one blob of doubles, so that a million of them are
read as arrays. Its id makes recording idempotent: what arrives again changes nothing and is counted.
"""

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from ragcli.abtest.experiment import Experiment
from ragcli.errors import DataError, UsageError
from ragcli.workspace.database import Database

_Item = TypeVar("_Item")

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS experiments (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " state TEXT NOT NULL, definition TEXT NOT NULL, created REAL NOT NULL, started REAL, stopped REAL,"
    " duplicates INTEGER NOT NULL DEFAULT 0)",
    "CREATE TABLE IF NOT EXISTS exposures (experiment INTEGER NOT NULL, user TEXT NOT NULL, variant TEXT NOT NULL,"
    " time REAL NOT NULL, PRIMARY KEY (experiment, user, variant)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS events (experiment INTEGER NOT NULL, id TEXT NOT NULL, user TEXT NOT NULL,"
    " time REAL NOT NULL, names TEXT NOT NULL, amounts BLOB NOT NULL, detail TEXT NOT NULL,"
    " PRIMARY KEY (experiment, id)) WITHOUT ROWID",
)
_BATCH = 10_000  # events a transaction: 8 writers take turns


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a user did or got.

    Attributes:
        time: Seconds since 1970.
        variant: What the user saw then, where it is told; an exposure of its own.
        metrics: Recorded name -> value; empty for a bare exposure.
        detail: What ``abtest query`` keeps beside: question, hits, stages; as JSON knows it.
    """

    id: str
    user: str
    time: float
    variant: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of events: stored, known already, of users never seen in the experiment, later than its end.

    Attributes:
        stray_clicks: On impressions that are not known, or another user's, or on ranks that they have not.
        taken_ids: Of the duplicates, those whose id is that of another user's event: most likely lost.
    """

    events: int = 0
    duplicates: int = 0
    unknown_users: int = 0
    late: int = 0
    stray_clicks: int = 0
    taken_ids: int = 0
    metrics: tuple[str, ...] = ()


class ExperimentStore:
    """The experiments of a workspace. Several processes may write at once; each takes its turn.

    Args:
        catalog: The catalog's file.
        readonly: Nothing on disk is changed.

    Raises:
        IndexMissingError: ``readonly`` and there is no catalog.
        BackendError: The file cannot be used; every method may raise it too.
    """

    def __init__(self, catalog: Path, *, readonly: bool = False) -> None:
        self._database = Database(catalog, readonly=readonly)
        if not readonly:
            for statement in _SCHEMA:
                self._database.run(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def names(self) -> list[str]:
        """Of all experiments, in the order in which they were created."""
        if not self._database.one("SELECT 1 FROM sqlite_master WHERE name = 'experiments'"):
            return []
        return [row[0] for row in self._database.all("SELECT name FROM experiments ORDER BY number")]

    def load(self, name: str) -> Experiment:
        """An experiment.

        Raises:
            UsageError: There is none of this name.
        """
        names = self.names()
        if name not in names:
            hint = f"one of {', '.join(names)}" if names else "ragcli abtest create NAME --control A --treatment B"
            raise UsageError(f"there is no experiment {name!r}", hint=hint)
        row = self._database.one(
            "SELECT definition, state, created, started, stopped, duplicates FROM experiments WHERE name = ?", (name,)
        )
        facts = dict(zip(("state", "created", "started", "stopped", "duplicates"), row[1:], strict=True))
        return Experiment.of(name, json.loads(row[0]), **facts)

    def add(self, experiment: Experiment) -> None:
        """Store a new experiment.

        Raises:
            UsageError: There is one of its name.
        """
        added = self._database.run_counted(
            "INSERT OR IGNORE INTO experiments (name, state, definition, created, started) VALUES (?, ?, ?, ?, ?)",
            (experiment.name, experiment.state, _json(experiment.definition()), experiment.created, experiment.started),
        )
        if not added:
            raise UsageError(
                f"there is an experiment {experiment.name!r} already", hint=f"ragcli abtest delete {experiment.name}"
            )

    def change(self, experiment: Experiment) -> None:
        """Store state, times and shares anew."""
        self._database.run(
            "UPDATE experiments SET state = ?, definition = ?, started = ?, stopped = ? WHERE name = ?",
            (experiment.state, _json(experiment.definition()), experiment.started, experiment.stopped, experiment.name),
        )

    def delete(self, name: str) -> tuple[int, int]:
        """Remove an experiment with its exposures and events; returns how many of each there were."""
        with self._database.transaction():
            number = self._number(name)
            exposures = self._database.run_counted("DELETE FROM exposures WHERE experiment = ?", (number,))
            events = self._database.run_counted("DELETE FROM events WHERE experiment = ?", (number,))
            self._database.run("DELETE FROM experiments WHERE number = ?", (number,))
        return exposures, events

    def count(self, name: str) -> tuple[dict[str, int], int]:
        """Users that saw each variant, and events stored."""
        number = self._number(name)
        users = self._database.all(
            "SELECT variant, COUNT(*) FROM exposures WHERE experiment = ? GROUP BY variant", (number,)
        )
        return dict(users), self._database.one("SELECT COUNT(*) FROM events WHERE experiment = ?", (number,))[0]

    def record(self, experiment: Experiment, events: Iterable[Event]) -> Recorded:
        """Store events, each at most once; what is stored stays, whatever comes of the rest.

        Raises:
            DataError: The experiment has been deleted meanwhile.
        """
        number, stopped = self._number(experiment.name), experiment.stopped
        counts: Counter[str] = Counter()
        metrics: dict[str, None] = {}
        for batch in filter(None, _batches(events, _BATCH)):
            counts["late"] += sum(stopped is not None and event.time > stopped for event in batch)
            for event in batch:
                metrics |= dict.fromkeys(event.metrics)
            with self._database.transaction():
                if self._number(experiment.name) != number:
                    raise _deleted(experiment.name)
                added = self._store(number, batch)
                self._database.run(
                    "UPDATE experiments SET duplicates = duplicates + ? WHERE number = ?", (len(batch) - added, number)
                )
                counts["unknown_users"] += self._unknown(number, batch)
                counts["stray_clicks"] += self._stray(number, batch)
                counts["taken_ids"] += self._taken(number, batch) if added < len(batch) else 0
            counts["events"] += added
            counts["duplicates"] += len(batch) - added
        return Recorded(**counts, metrics=tuple(metrics))

    def expose(self, name: str, pairs: Iterable[tuple[str, str]], time: float) -> None:
        """Note that users saw variants; their first time counts."""
        with self._database.transaction():
            number = self._number(name)
            self._expose((number, user, variant, time) for user, variant in pairs)

    def exposures(self, name: str) -> list[tuple[str, str, float]]:
        """User, variant and when they first met, in the order of time."""
        return self._database.all(
            "SELECT user, variant, time FROM exposures WHERE experiment = ? ORDER BY time, user, variant",
            (self._number(name),),
        )

    def events(self, name: str, rows: int = 50_000) -> Iterator[Sequence[tuple[str, float, str, bytes]]]:
        """User, time, metric names joined by spaces, and their values as doubles; so many events at a time."""
        yield from self._database.batches(
            "SELECT user, time, names, amounts FROM events WHERE experiment = ?", (self._number(name),), rows
        )

    def details(self, name: str) -> Iterator[tuple[str, str, float, dict[str, Any]]]:
        """Id, user, time and detail of the events that have one."""
        rows = self._database.all(
            "SELECT id, user, time, detail FROM events WHERE experiment = ? AND detail != ''", (self._number(name),)
        )
        return ((event, user, time, json.loads(detail)) for event, user, time, detail in rows)

    def snapshot(self) -> AbstractContextManager[None]:
        """Several reads that see the same state."""
        return self._database.snapshot()

    def _store(self, number: int, events: Sequence[Event]) -> int:
        before = self._changes()
        self._database.run_many("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", _rows(number, events))
        added = self._changes() - before
        self._expose((number, event.user, event.variant, event.time) for event in events if event.variant)
        return added

    def _changes(self) -> int:
        found: int = self._database.one("SELECT total_changes()")[0]
        return found

    def _expose(self, rows: Iterable[tuple[int, str, str, float]]) -> None:
        self._database.run_many(
            "INSERT INTO exposures VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET time = excluded.time WHERE excluded.time < time",
            rows,
        )

    def _unknown(self, number: int, events: Sequence[Event]) -> int:
        users = [event.user for event in events if not event.variant]
        known: set[str] = set()
        for some in _batches(dict.fromkeys(users), 500):
            sql = (
                "SELECT DISTINCT user FROM exposures WHERE experiment = ? AND user IN (SELECT value FROM json_each(?))"
            )
            known |= {row[0] for row in self._database.all(sql, (number, _json(some)))}
        return sum(user not in known for user in users)

    def _stray(self, number: int, events: Sequence[Event]) -> int:
        clicks = [(event.user, event.detail) for event in events if "click" in event.detail]
        if not clicks:
            return 0
        names = _json(list(dict.fromkeys(detail["impression"] for _, detail in clicks)))
        sql = "SELECT id, user, detail FROM events WHERE experiment = ? AND id IN (SELECT value FROM json_each(?))"
        shown = {
            (event, user): len(json.loads(detail or "{}").get("teams", ()))
            for event, user, detail in self._database.all(sql, (number, names))
        }
        return sum(detail["click"] > shown.get((detail["impression"], user), 0) for user, detail in clicks)

    def _taken(self, number: int, events: Sequence[Event]) -> int:
        sql = (  # CROSS: the few ids look the events up, not all events the ids
            "SELECT COUNT(*) FROM json_each(?) AS one CROSS JOIN events ON events.experiment = ?"
            " AND events.id = json_extract(one.value, '$[0]') WHERE events.user != json_extract(one.value, '$[1]')"
        )
        found: int = self._database.one(sql, (_json([(event.id, event.user) for event in events]), number))[0]
        return found

    def _number(self, name: str) -> int:
        row = self._database.one("SELECT number FROM experiments WHERE name = ?", (name,))
        if row is None:
            raise _deleted(name)
        number: int = row[0]
        return number


def _deleted(name: str) -> DataError:
    return DataError(f"the experiment {name!r} has been deleted meanwhile")


def _batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """So many at a time; where the items break off, those before it are a batch too, and then the error goes on."""
    batch: list[_Item] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == size:
                yield batch
                batch = []
    except DataError:
        yield batch
        raise
    yield batch


def _rows(number: int, events: Iterable[Event]) -> Iterator[tuple[int, str, str, float, str, bytes, str]]:
    for event in events:
        names, amounts = " ".join(event.metrics), array("d", event.metrics.values()).tobytes()
        detail = _json(event.detail) if event.detail else ""
        yield number, event.id, event.user, event.time, names, amounts, detail


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
