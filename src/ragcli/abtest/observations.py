"""From exposures and events to arrays: what each user did, in which variant, before and after they first saw it."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ragcli.abtest.assignment import Assigner
from ragcli.abtest.experiment import Experiment
from ragcli.abtest.store import ExperimentStore
from ragcli.errors import DataError

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one recorded name: of which user each is (a place in ``Observations.users``), and how much."""

    users: Places
    values: Floats


@dataclass(frozen=True, slots=True)
class Counts:
    """Events that no metric is made of, and users who are not analysed.

    Attributes:
        before: Events before their user's first exposure: they serve as covariates.
        late: After the experiment was stopped, and those of users who came after that.
        unknown_users: Events of users who never saw a variant.
        duplicates: Arrived again.
        crossed: Users who saw several variants: left out.
        moved: Users whose variant changed when the shares did, whether they came back or not: left out.
        overridden: Testers: left out.
    """

    events: int
    before: int
    late: int
    unknown_users: int
    duplicates: int
    crossed: int
    moved: int
    overridden: int


@dataclass(frozen=True)
class Observations:
    """All that is known of an experiment, users in the order of their first exposure.

    Attributes:
        names: Of the variants, control first.
        variant: Of each user, a place in ``names``; int64 [users].
        exposed: When each was first exposed, in seconds since 1970; float64 [users].
        after: Recorded name -> values from then on.
        before: Recorded name -> values from before.
    """

    names: tuple[str, ...]
    users: tuple[str, ...]
    variant: Places
    exposed: Floats
    after: Mapping[str, Column]
    before: Mapping[str, Column]
    counts: Counts

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Users of each variant."""
        return tuple(np.bincount(self.variant, minlength=len(self.names)).tolist())

    def sums(self, name: str, *, before: bool = False) -> tuple[Floats, Floats]:
        """Of each user: the sum of a recorded name's values, and how many there are."""
        column = (self.before if before else self.after).get(name)
        if column is None:
            return np.zeros(len(self.users)), np.zeros(len(self.users))
        size = len(self.users)
        return (
            np.bincount(column.users, column.values, size).astype(np.float64, copy=False),
            np.bincount(column.users, minlength=size).astype(np.float64),
        )

    def first(self, users: int) -> "Observations":
        """As if only so many users had come; names that nothing was recorded of by then are not there."""
        if users >= len(self.users):
            return self
        after, before = (
            {
                name: Column(one.users[own], one.values[own])
                for name, one in found.items()
                if (own := one.users < users).any()
            }
            for found in (self.after, self.before)
        )
        return replace(
            self,
            users=self.users[:users],
            variant=self.variant[:users],
            exposed=self.exposed[:users],
            after=after,
            before=before,
        )


def observe(store: ExperimentStore, experiment: Experiment) -> Observations:
    """Read all that was recorded.

    Raises:
        DataError: Nobody has been exposed.
    """
    with store.snapshot():
        exposures = store.exposures(experiment.name)
        events = _Events()
        for batch in store.events(experiment.name):
            events.add(batch)
    if not exposures:
        hint = f"ragcli abtest query {experiment.name} QUESTION --user USER, assign, or record events with a variant"
        raise DataError(f"nobody has seen a variant of {experiment.name} yet", hint=hint)
    stopped = math.inf if experiment.stopped is None else experiment.stopped
    everybody = {user for user, _, _ in exposures}
    exposures = [row for row in exposures if row[2] <= stopped]
    seen = Counter(user for user, _, _ in exposures)
    testers = experiment.overrides.keys() & seen.keys()
    moved = _moved(experiment, exposures)
    crossed = {user for user, count in seen.items() if count > 1} - moved
    ignored = crossed | moved | testers
    kept = [row for row in exposures if row[0] not in ignored]
    places = {name: place for place, name in enumerate(experiment.names)}
    users = tuple(row[0] for row in kept)
    exposed = np.array([row[2] for row in kept], dtype=np.float64)
    found = events.by_user(users, exposed, stopped)
    left_out, too_late = events.of(seen.keys() - set(users)), events.of(everybody - seen.keys())
    return Observations(
        names=experiment.names,
        users=users,
        variant=np.array([places[row[1]] for row in kept], dtype=np.int64),
        exposed=exposed,
        after=found.after,
        before=found.before,
        counts=Counts(
            events=events.size,
            before=found.early,
            late=found.late + too_late,
            unknown_users=events.size - found.known - left_out - too_late,
            duplicates=experiment.duplicates,
            crossed=len(crossed - testers),
            moved=len(moved),
            overridden=len(testers),
        ),
    )


def _moved(experiment: Experiment, exposures: Sequence[tuple[str, str, float]]) -> set[str]:
    """Users who first came at shares that gave them another variant than later ones do.

    All of them, not only those who came back and saw it: else control would keep those who do not come back.
    """
    if len(experiment.splits) < 2:
        return set()
    since = np.array([split.since for split in experiment.splits])
    keeps = [Assigner(experiment.salt, stretches, rule=experiment.rule) for stretches in experiment.settled_stretches]
    firsts: dict[str, float] = {}
    for user, _, time in exposures:
        firsts.setdefault(user, time)
    phases = np.maximum(np.searchsorted(since, list(firsts.values()), side="right") - 1, 0)
    return {user for user, phase in zip(firsts, phases.tolist(), strict=True) if not keeps[phase](user)}


@dataclass(frozen=True, slots=True)
class _ByUser:
    after: Mapping[str, Column]
    before: Mapping[str, Column]
    known: int
    early: int
    late: int


class _Events:
    """Events as they are read: users as numbers, values in the blobs they were stored in."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._users: list[NDArray[np.int32]] = []
        self._times: list[Floats] = []
        self._names: dict[str, int] = {}
        self._shapes: list[NDArray[np.int32]] = []
        self._blobs: dict[str, list[bytes]] = {}
        self.size = 0

    def add(self, rows: Sequence[tuple[str, float, str, bytes]]) -> None:
        """Add a batch of rows."""
        numbers, names, count = self._numbers, self._names, len(rows)
        users, times, shapes, blobs = zip(*rows, strict=True)
        self._users.append(
            np.fromiter((numbers.setdefault(user, len(numbers)) for user in users), dtype=np.int32, count=count)
        )
        self._times.append(np.array(times, dtype=np.float64))
        own = np.fromiter((names.setdefault(shape, len(names)) for shape in shapes), dtype=np.int32, count=count)
        self._shapes.append(own)
        for shape in dict.fromkeys(shapes):
            number = names[shape]
            whole = (
                b"".join(blobs)
                if (own == number).all()
                else b"".join([blob for blob, other in zip(blobs, own.tolist(), strict=True) if other == number])
            )
            self._blobs.setdefault(shape, []).append(whole)
        self.size += count

    def of(self, users: Iterable[str]) -> int:
        """How many events are of some users."""
        if not self._users:
            return 0
        wanted = np.zeros(len(self._numbers), dtype=np.bool_)
        wanted[[self._numbers[user] for user in users if user in self._numbers]] = True
        return int(wanted[np.concatenate(self._users)].sum())

    def by_user(self, users: Sequence[str], exposed: Floats, stopped: float) -> _ByUser:
        """Values by recorded name, before and after exposure; those of others and after the end are left out."""
        if not self._users:
            return _ByUser({}, {}, 0, 0, 0)
        places = np.full(len(self._numbers), -1, dtype=np.int64)
        for position, user in enumerate(users):
            if (number := self._numbers.get(user)) is not None:
                places[number] = position
        place = places[np.concatenate(self._users)]
        times, shapes = np.concatenate(self._times), np.concatenate(self._shapes)
        known = place >= 0
        late = known & (times > stopped)
        early = known & ~late & (times < exposed[np.maximum(place, 0)])
        parts: dict[bool, dict[str, list[Column]]] = {False: {}, True: {}}
        for shape, number in self._names.items():
            rows = shapes == number
            names = shape.split(" ") if shape else []
            table = np.frombuffer(b"".join(self._blobs.pop(shape)), dtype=np.float64).reshape(rows.sum(), len(names))
            own, wanted, before = place[rows], (known & ~late)[rows], early[rows]
            for is_early, chosen in ((False, wanted & ~before), (True, wanted & before)):
                if chosen.any():
                    for column, name in enumerate(names):
                        parts[is_early].setdefault(name, []).append(Column(own[chosen], table[chosen, column]))
        after, before_ = ({name: _joined(some) for name, some in found.items()} for found in parts.values())
        return _ByUser(after, before_, int(known.sum()), int(early.sum()), int(late.sum()))


def _joined(columns: Sequence[Column]) -> Column:
    if len(columns) == 1:
        return columns[0]
    return Column(np.concatenate([one.users for one in columns]), np.concatenate([one.values for one in columns]))
