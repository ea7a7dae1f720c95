"""A run seen through judgements: judged results by query and rank, in trec_eval's order.

Results are ordered by score in single precision, ties by document name in descending byte order
(https://github.com/usnistgov/trec_eval).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError
from ragcli.evaluate.columns import Column, Integers, Words, mixed
from ragcli.evaluate.judgements import Qrels
from ragcli.evaluate.lines import in_threads, parts
from ragcli.evaluate.runs import Run

Values = NDArray[np.float64]
_SIEVE_BITS = 20


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
    """

    queries: tuple[str, ...]
    query: Integers
    rank: Integers
    grade: Integers
    retrieved: Integers
    judged_query: Integers
    judged_grade: Integers

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
    qrels = qrels if isinstance(qrels, Qrels) else Qrels.of(qrels)
    if not qrels.queries:
        raise DataError("there are no judgements to score against")
    numbers = {query: number for number, query in enumerate(qrels.queries)}
    owner = np.array([numbers.get(query, -1) for query in run.queries], dtype=np.int64)
    if len(owner) and (owner < 0).all():
        raise DataError(f"none of the {len(owner)} queries of the run is judged", hint="check that their ids agree")
    judged = _Judgements(qrels)
    none = np.zeros(0, dtype=np.int64)
    found = [(none, none, none), *in_threads(partial(_judged_results, run, owner, judged), parts(run.bounds))]
    query, ranks, grade = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.lexsort((ranks, query))
    retrieved = np.zeros(len(qrels.queries), dtype=np.int64)
    retrieved[owner[owner >= 0]] = np.diff(run.bounds)[owner >= 0]
    return Ranked(qrels.queries, query[order], ranks[order], grade[order], retrieved, judged.query, qrels.grades)


class _Judgements:
    """Finds the judgement of a query and document."""

    def __init__(self, qrels: Qrels) -> None:
        self.query: Integers = np.repeat(np.arange(len(qrels.queries)), np.diff(qrels.bounds))
        keys = mixed(qrels.digests, self.query.astype(np.uint64))
        self._order = np.argsort(keys)
        self._keys = keys[self._order]
        self._documents = qrels.documents
        self._grades = qrels.grades
        self._shift = np.uint64(64 - max(_SIEVE_BITS, len(keys).bit_length() + 3))
        self._sieve = np.zeros(1 << 64 - int(self._shift), dtype=bool)
        self._sieve[keys >> self._shift] = True

    def find(self, query: Integers, documents: Column, digests: Words) -> tuple[Integers, Integers]:
        """Which rows are judged, ascending, and their grades; both int64."""
        keys = mixed(digests, query.astype(np.uint64))
        rows = np.flatnonzero(self._sieve[keys >> self._shift])
        places = np.searchsorted(self._keys, keys[rows])
        hits, grades = [], []
        while len(rows):  # a second round only where two judgements have the same hash
            inside = places < len(self._keys)
            rows, places = rows[inside], places[inside]
            same = self._keys[places] == keys[rows]
            rows, places = rows[same], places[same]
            judgements = self._order[places]
            right = documents.take(rows).equals(self._documents.take(judgements))
            right &= self.query[judgements] == query[rows]
            hits.append(rows[right])
            grades.append(self._grades[judgements[right]])
            rows, places = rows[~right], places[~right] + 1
        if not hits:
            return rows, rows
        found = np.concatenate(hits)
        order = np.argsort(found, kind="stable")
        return found[order], np.concatenate(grades)[order]


def _judged_results(
    run: Run, owner: Integers, judged: _Judgements, part: tuple[int, int]
) -> tuple[Integers, Integers, Integers]:
    """Query, rank and grade of the judged results of some queries of a run; all int64."""
    first, last = part
    rows = slice(int(run.bounds[first]), int(run.bounds[last]))
    bounds = run.bounds[first : last + 1] - rows.start
    local = np.repeat(np.arange(last - first), np.diff(bounds))
    documents = run.documents.take(rows)
    query = owner[first:last][local]
    found, grades = judged.find(query, documents, run.digests[rows])
    ranks = _ranks(local, bounds, run.scores[rows], documents)
    return query[found], ranks[found], grades


def _ranks(query: Integers, bounds: Integers, scores: NDArray[np.float32], documents: Column) -> Integers:
    """Rank of each row within its query from 1, in trec_eval's order; int64 [n]."""
    ranks: Integers = np.arange(1, len(query) + 1) - bounds[:-1][query]
    unordered = np.zeros(len(bounds) - 1, dtype=bool)
    unordered[query[1:][(scores[1:] >= scores[:-1]) & (query[1:] == query[:-1])]] = True
    rows = np.flatnonzero(unordered[query])
    if len(rows):
        keys: tuple[NDArray[np.float32], Integers] = (-scores[rows], query[rows])
        order = rows[np.lexsort(keys)]
        ranks[_by_name_where_tied(order, query, scores, documents)] = ranks[rows]
    return ranks


def _by_name_where_tied(order: Integers, query: Integers, scores: NDArray[np.float32], documents: Column) -> Integers:
    """The same order, with neighbours of equal score by name in descending byte order."""
    new = np.ones(len(order), dtype=bool)
    new[1:] = (query[order[1:]] != query[order[:-1]]) | (scores[order[1:]] != scores[order[:-1]])
    alone = new.copy()
    alone[:-1] &= new[1:]
    tied = np.flatnonzero(~alone)
    if len(tied):
        order[tied] = order[tied][documents.take(order[tied]).descending(np.cumsum(new)[tied])]
    return order
