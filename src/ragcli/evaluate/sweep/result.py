"""What a sweep found, and how the winner is chosen: by the questions to tune on, reported on those held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from ragcli.errors import DataError
from ragcli.evaluate.comparison import Comparison, Settings, compare
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import EQUAL, Interval, bootstrap_interval
from ragcli.evaluate.sweep.grid import Grid, Point, distance
from ragcli.records import JsonValue


@dataclass(frozen=True, slots=True)
class Split:
    """Ids of the questions to choose by, and of those that only report."""

    tune: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScoredPoint:
    """A point with its mean over the questions to tune on. Held-out scores are the winner's and the base's alone.

    Attributes:
        number: 0 is the base configuration.
        resumed: It had been scored by an earlier run.
    """

    number: int
    settings: Mapping[str, JsonValue]
    tune: float
    chosen: bool
    resumed: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """How a point does: mean over the questions to tune on, and over those held out with its 95 % interval."""

    number: int
    settings: Mapping[str, JsonValue]
    tune: float
    held_out: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Work:
    """What was really done.

    Attributes:
        workspaces: Ways to cut the documents that were visited.
        indexes: Index settings that were brought up to date.
        searches: Searches of one arm for one question.
        spared: Searches that another point had asked for.
        resumed: Points that an earlier run had scored.
    """

    workspaces: int
    indexes: int
    searches: int
    spared: int
    resumed: int


@dataclass(frozen=True, slots=True)
class SweepResult:
    """All points, the winner, and what the held-out questions say of it.

    Attributes:
        comparison: Winner against base on the held-out questions; None when the base itself won.
        notes: What a reader must know of the numbers.
    """

    dataset: str
    metric: str
    seed: int
    tune_queries: int
    held_out_queries: int
    points: tuple[ScoredPoint, ...]
    base: Standing
    winner: Standing
    comparison: Comparison | None
    notes: Mapping[str, str]
    work: Work
    seconds: float


def split(queries: Sequence[str], holdout: float, seed: int) -> Split:
    """Divide questions by a seeded hash of their ids: a question stays on its side when others come or go.

    Raises:
        DataError: One side would be empty.
    """
    held = {query: _share(query, seed) < holdout for query in queries}
    found = Split(tuple(q for q in queries if not held[q]), tuple(q for q in queries if held[q]))
    if not found.tune or not found.held_out:
        empty = "tune on" if not found.tune else "hold out"
        raise DataError(
            f"of {len(queries)} judged questions none is left to {empty}", hint="more questions, or another --holdout"
        )
    return found


def choose(points: Sequence[Point], tune: Mapping[int, float], grid: Grid) -> Point:
    """The point with the best mean; of equal ones the nearest to the base, then the first."""
    best = max(tune.values())
    equal = [point for point in points if tune[point.number] >= best - EQUAL]
    return min(equal, key=lambda point: (*distance(point, points[0], grid), point.number))


def mean(values: Mapping[str, float], queries: Sequence[str]) -> float:
    """Mean of the values of some questions."""
    return float(_values(values, queries).mean())


def standing(point: Point, values: Mapping[str, float], parts: Split, seed: int) -> Standing:
    """How a point does on both parts."""
    held_out = _values(values, parts.held_out)
    interval = bootstrap_interval(held_out, seed=seed)
    return Standing(point.number, point.settings, mean(values, parts.tune), float(held_out.mean()), interval)


def compared(
    metric: str, base: Mapping[str, float], winner: Mapping[str, float], queries: Sequence[str], seed: int
) -> Comparison:
    """Winner against base, paired over some questions."""
    before, after = (EvalResult("held out", tuple(queries), {metric: _values(own, queries)}) for own in (base, winner))
    return compare(before, after, Settings(seed=seed), name="base").metrics[0]


def _values(values: Mapping[str, float], queries: Sequence[str]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([values[query] for query in queries], dtype=np.float64)


def _share(query: str, seed: int) -> float:
    digest = blake2b(f"{seed}\n{query}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
