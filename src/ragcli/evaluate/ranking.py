"""A run seen through judgements: judged results by query and rank, in trec_eval's order.

Results are ordered by score in single precision, ties by document name in descending byte order
(https://github.com/usnistgov/trec_eval).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError
from ragcli.evaluate.columns import Integers, mixed
from ragcli.evaluate.judgements import Qrels
from ragcli.evaluate.lines import Lines, in_threads, parts
from ragcli.evaluate.runs import Run, parse_block, parse_run

Values = NDArray[np.float64]
_SIEVE_BITS = 6  # of chance one row in 64 passes, or fewer


@dataclass(frozen=True)
class Ranked:
    """A run seen through judgements: its judged results, by query and rank.

    Attributes:
        queries: Ids of all judged queries, also of those that the run lacks.
        query: Number of each result's query, ascending; int64 [n].
        rank: Rank of each result from 1, ascending within a query; int64 [n].
        grade: Grade of each result; int64 [n].
        retrieved: How many results each query has, judged or not; int64 [q].
        judged_query: Number of each judgement's query, ascending; int64 [m].
        judged_grade: Grade of each judgement; int64 [m].
        unjudged: How many queries of the run are not judged.
    """

    queries: tuple[str, ...]
    query: Integers
    rank: Integers
    grade: Integers
    retrieved: Integers
    judged_query: Integers
    judged_grade: Integers
    unjudged: int = 0

    @property
    def missing(self) -> tuple[str, ...]:
        """Judged queries for which the run has nothing."""
        return tuple(self.queries[number] for number in np.flatnonzero(self.retrieved == 0).tolist())

    @cached_property
    def ideal(self) -> "Ranked":
        """What the judgements themselves would score, ranked by grade: the best possible run."""
        order = np.lexsort([-self.judged_grade, self.judged_query])
        query, grade = self.judged_query[order], self.judged_grade[order]
        counts = np.bincount(query, minlength=len(self.queries))
        rank = np.arange(1, len(query) + 1) - np.repeat(np.cumsum(counts) - counts, counts)
        return Ranked(self.queries, query, rank, grade, counts, query, grade)

    def relevant(self, level: int) -> Integers:
        """How many relevant documents each query has; int64 [q]."""
        return self.count(self.judged_query[self.judged_grade >= level])

    def count(self, query: Integers) -> Integers:
        """How often each query occurs; int64 [q]."""
        return np.bincount(query, minlength=len(self.queries))

    def total(self, query: Integers, amount: Values) -> Values:
        """Sum of the amounts of each query, in order of rank; float64 [q]."""
        return np.asarray(np.bincount(query, weights=amount, minlength=len(self.queries)), dtype=np.float64)


def rank(run: Run | Mapping[str, Mapping[str, float]], qrels: Qrels | Mapping[str, Mapping[str, int]]) -> Ranked:
    """Look at a run through judgements: every judged query is there, also when the run lacks it.

    Raises:
        DataError: There are no judgements, or no query of the run is judged.
    """
    run = run if isinstance(run, Run) else Run.of(run)
    judged = _Judgements(qrels if isinstance(qrels, Qrels) else Qrels.of(qrels))
    return judged.ranked(in_threads(lambda part: judged.found(run.part(*part)), parts(run.bounds)))


def rank_lines(lines: Lines, qrels: Qrels) -> Ranked:
    """``rank`` a run that is read meanwhile: of each block no more is kept than what is judged.

    Raises:
        DataError: As of ``rank`` and of ``read_run``.
    """
    judged, found, queries = _Judgements(qrels), list[_Part](), set[str]()
    for part in in_threads(lambda block: judged.found(parse_block(lines, block)), lines.blocks()):
        if not queries.isdisjoint(part.queries):
            break
        queries.update(part.queries)
        found.append(part)
    else:
        if queries:
            return judged.ranked(found)
    return rank(parse_run(lines), qrels)  # there are none, or they are not written query by query


@dataclass(frozen=True, slots=True)
class _Part:
    """What some queries of a run have found.

    Attributes:
        queries: Their ids.
        owner: Number of each among the judged queries, -1 for one that is not judged; int64 [p].
        retrieved: How many results each has; int64 [p].
        query: Number of each judged result's query among the judged ones; int64 [n].
        rank: Rank of each; int64 [n].
        grade: Grade of each; int64 [n].
    """

    queries: tuple[str, ...]
    owner: Integers
    retrieved: Integers
    query: Integers
    rank: Integers
    grade: Integers


class _Judgements:
    """Finds what is judged."""

    def __init__(self, qrels: Qrels) -> None:
        if not qrels.queries:
            raise DataError("there are no judgements to score against")
        self._qrels = qrels
        self._counts = np.diff(qrels.bounds)
        self._numbers = {query: number for number, query in enumerate(qrels.queries)}

    def found(self, run: Run) -> _Part:
        """The judged results of a run that is not large: it is worked on as a whole."""
        owner = np.array([self._numbers.get(query, -1) for query in run.queries], dtype=np.int64)
        retrieved = np.diff(run.bounds)
        query = np.repeat(np.arange(len(owner)), retrieved)
        rows, judgements = self._matches(run, query, owner)
        ranks = _places(rows, query, run)[rows] + 1 - run.bounds[query[rows]]
        return _Part(run.queries, owner, retrieved, owner[query[rows]], ranks, self._qrels.grades[judgements])

    def ranked(self, parts: Iterable[_Part]) -> Ranked:
        """The parts of a run as one."""
        found = [self.found(Run.of({})), *parts]
        owner, retrieved, query, ranks, grade = (
            np.concatenate(columns)
            for columns in zip(*((p.owner, p.retrieved, p.query, p.rank, p.grade) for p in found), strict=True)
        )
        known = owner >= 0
        if len(owner) and not known.any():
            raise DataError(f"none of the {len(owner)} queries of the run is judged", hint="check that their ids agree")
        total = np.zeros(len(self._counts), dtype=np.int64)
        total[owner[known]] = retrieved[known]
        order = np.argsort((query << 32) + ranks)
        judged_query = np.repeat(np.arange(len(self._counts)), self._counts)
        return Ranked(
            self._qrels.queries,
            query[order],
            ranks[order],
            grade[order],
            total,
            judged_query,
            self._qrels.grades,
            unjudged=len(owner) - int(np.count_nonzero(known)),
        )

    def _matches(self, run: Run, query: Integers, owner: Integers) -> tuple[Integers, Integers]:
        """Which rows of a run are judged, ascending, and the rows of their judgements; both int64."""
        judgements, of = self._of(owner)
        wanted = mixed(self._qrels.digests[judgements], of.astype(np.uint64))
        order = np.argsort(wanted)
        wanted, judgements, of = wanted[order], judgements[order], of[order]
        shift = np.uint64(64 - len(wanted).bit_length() - _SIEVE_BITS)
        sieve = np.zeros(1 << 64 - int(shift), dtype=bool)
        sieve[wanted >> shift] = True
        keys = mixed(run.digests, query.astype(np.uint64))
        rows = np.flatnonzero(sieve[keys >> shift])
        places = np.searchsorted(wanted, keys[rows])
        found, matches = [rows[:0]], [judgements[:0]]
        while len(rows):  # a second round only where two judgements have the same hash
            inside = places < len(wanted)
            rows, places = rows[inside], places[inside]
            same = wanted[places] == keys[rows]
            rows, places = rows[same], places[same]
            right = run.documents.take(rows).equals(self._qrels.documents.take(judgements[places]))
            right &= of[places] == query[rows]
            found.append(rows[right])
            matches.append(judgements[places[right]])
            rows, places = rows[~right], places[~right] + 1
        rows = np.concatenate(found)
        order = np.argsort(rows, kind="stable")
        return rows[order], np.concatenate(matches)[order]

    def _of(self, owner: Integers) -> tuple[Integers, Integers]:
        """The rows of all judgements of some queries, and to which of these each belongs; both int64."""
        known = np.flatnonzero(owner >= 0)
        counts = self._counts[owner[known]]
        first = self._qrels.bounds[owner[known]] - (np.cumsum(counts) - counts)
        return np.arange(counts.sum()) + np.repeat(first, counts), np.repeat(known, counts)


def _places(judged: Integers, query: Integers, run: Run) -> Integers:
    """Where each row would stand in trec_eval's order, int64 [n]; ties without a judged row are left as they are."""
    scores = run.scores
    places: Integers = np.arange(len(query))
    steps = np.flatnonzero(scores[1:] >= scores[:-1])
    steps = steps[query[steps] == query[steps + 1]]
    unordered = np.zeros(len(run.queries), dtype=bool)
    unordered[query[steps]] = True
    rows = np.flatnonzero(unordered[query])
    if len(rows):
        order = rows
        if (scores[steps] < scores[steps + 1]).any():
            keys: tuple[NDArray[np.float32], Integers] = (-scores[rows], query[rows])
            order = rows[np.lexsort(keys)]
        places[_by_name_where_tied(order, judged, query, run)] = rows
    return places


def _by_name_where_tied(order: Integers, judged: Integers, query: Integers, run: Run) -> Integers:
    """The same order, with neighbours of equal score by name in descending byte order where one of them is judged."""
    owner, scores = query[order], run.scores[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (owner[1:] != owner[:-1]) | (scores[1:] != scores[:-1])
    number = np.cumsum(new) - 1
    wanted = np.zeros(len(query), dtype=bool)
    wanted[judged] = True
    tied = np.zeros(len(order), dtype=bool)
    tied[number[wanted[order]]] = True
    tied &= np.bincount(number, minlength=len(order)) > 1
    rows = np.flatnonzero(tied[number])
    if len(rows):
        own = order[rows]
        order = order.copy()
        order[rows] = own[run.documents.take(own).descending(number[rows])]
    return order
