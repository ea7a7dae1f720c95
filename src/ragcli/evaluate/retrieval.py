"""Retrieval metrics in trec_eval's definitions, over all queries at once.

The formulas look only at judged results, so they work on one row per judged result, not on every result. They equal
trec_eval 9.0 (https://github.com/usnistgov/trec_eval), its tie rule included: results are ordered by score in single
precision, ties by document name in descending byte order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError
from ragcli.evaluate.columns import Column, Integers, Words, mixed
from ragcli.evaluate.judgements import Qrels
from ragcli.evaluate.lines import in_threads, parts
from ragcli.evaluate.measures import WHOLE, Measure, Metric
from ragcli.evaluate.runs import Run
from ragcli.records import Score

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

    def values(self, metric: Metric) -> Values:
        """A metric of each query, float64 [q]."""
        return _FORMULAS[metric.measure](self, metric)


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


def score(ranked: Ranked, metrics: Sequence[Metric]) -> list[Score]:
    """Mean and per-query values of each metric over all judged queries; a query missing from the run counts 0."""
    scores = []
    for metric in metrics:
        values = ranked.values(metric)
        scores.append(Score(str(metric), float(values.mean()), dict(zip(ranked.queries, values.tolist(), strict=True))))
    return scores


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


def _share(part: Values | Integers, whole: Integers) -> Values:
    """Quotients, 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)


def _relevant_in(ranked: Ranked, level: int, cutoff: "int | Integers") -> Integers:
    limit = cutoff if isinstance(cutoff, int) else cutoff[ranked.query]
    return ranked.count(ranked.query[(ranked.grade >= level) & (ranked.rank <= limit)])


def _precision(ranked: Ranked, metric: Metric) -> Values:
    """Relevant results in the first k, divided by k also when fewer were returned (trec_eval P_k)."""
    return np.asarray(_relevant_in(ranked, metric.rel, metric.cutoff) / metric.cutoff)


def _recall(ranked: Ranked, metric: Metric) -> Values:
    """Share of the relevant documents in the first k (trec_eval recall_k)."""
    return _share(_relevant_in(ranked, metric.rel, metric.cutoff), ranked.relevant(metric.rel))


def _hit(ranked: Ranked, metric: Metric) -> Values:
    """1 where a relevant result is in the first k (trec_eval success_k)."""
    return np.minimum(_relevant_in(ranked, metric.rel, metric.cutoff), 1).astype(np.float64)


def _r_precision(ranked: Ranked, metric: Metric) -> Values:
    """Precision after as many results as there are relevant documents (trec_eval Rprec)."""
    relevant = ranked.relevant(metric.rel)
    return _share(_relevant_in(ranked, metric.rel, relevant), relevant)


def _reciprocal_rank(ranked: Ranked, metric: Metric) -> Values:
    """One over the rank of the first relevant result, 0 when there is none in the first k (trec_eval recip_rank)."""
    rows = (ranked.grade >= metric.rel) & (ranked.rank <= (metric.cutoff or WHOLE))
    query, first = np.unique(ranked.query[rows], return_index=True)
    values = np.zeros(len(ranked.queries))
    values[query] = 1.0 / ranked.rank[rows][first]
    return values


def _average_precision(ranked: Ranked, metric: Metric) -> Values:
    """Mean over all relevant documents of the precision at each one's rank (trec_eval map, map_cut_k)."""
    rows = (ranked.grade >= metric.rel) & (ranked.rank <= (metric.cutoff or WHOLE))
    query = ranked.query[rows]
    precision = (_earlier(ranked, query) + 1) / ranked.rank[rows]
    return _share(ranked.total(query, precision), ranked.relevant(metric.rel))


def _earlier(ranked: Ranked, query: Integers) -> Integers:
    """For rows in order of query, how many of the same query stand before each; int64 [n]."""
    counts = ranked.count(query)
    return np.asarray(np.arange(len(query)) - np.repeat(np.cumsum(counts) - counts, counts))


def _bpref(ranked: Ranked, metric: Metric) -> Values:
    """How seldom judged non-relevant results stand before relevant ones (trec_eval bpref).

    Buckley and Voorhees, Retrieval evaluation with incomplete information, SIGIR 2004, as trec_eval corrects it:
    with R relevant and N judged non-relevant documents, the sum of ``1 - min(n, R) / min(N, R)`` over R.
    """
    relevant = ranked.relevant(metric.rel)
    worse = ranked.count(ranked.judged_query[(ranked.judged_grade < metric.rel) & (ranked.judged_grade >= 0)])
    counted = ranked.grade >= 0  # trec_eval takes a negative grade for "not judged"
    query, good = ranked.query[counted], ranked.grade[counted] >= metric.rel
    bad_before = np.cumsum(~good)
    counts = ranked.count(query)
    starts = np.cumsum(counts) - counts
    before_query = np.concatenate([[0], bad_before])[starts]
    query, above = query[good], (bad_before - before_query[query])[good]
    lost = _share(np.minimum(above, relevant[query]), np.minimum(worse, relevant)[query])
    return _share(ranked.total(query, 1.0 - lost), relevant)


def _rank_biased_precision(ranked: Ranked, metric: Metric) -> Values:
    """Expected rate of relevant results for a reader who goes on with probability p.

    Moffat and Zobel, Rank-biased precision for measurement of retrieval effectiveness, ACM TOIS 27(1), 2008:
    ``(1 - p) * sum(p ** (rank - 1))`` over the relevant results.
    """
    rows = (ranked.grade >= metric.rel) & (ranked.rank <= (metric.cutoff or WHOLE))
    chance: Values = np.power(metric.p, ranked.rank[rows] - 1.0)
    return np.asarray((1 - metric.p) * ranked.total(ranked.query[rows], chance))


def _ndcg(ranked: Ranked, metric: Metric) -> Values:
    """Discounted cumulative gain over that of the ideal order (trec_eval ndcg_cut_k).

    Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002, with the
    discount log2(1 + rank); the gain is the grade, or with ``gains=exp`` 2 ** grade - 1 (Burges et al., Learning to
    rank using gradient descent, ICML 2005).
    """
    ideal = _dcg(ranked.ideal, metric)
    return np.divide(_dcg(ranked, metric), ideal, out=np.zeros(len(ideal)), where=ideal > 0)


def _dcg(ranked: Ranked, metric: Metric) -> Values:
    rows = (ranked.grade >= 1) & (ranked.rank <= (metric.cutoff or WHOLE))
    gains = ranked.grade[rows].astype(np.float64)
    if metric.gains == "exp":
        gains = np.exp2(gains) - 1.0
    return ranked.total(ranked.query[rows], gains / np.log2(ranked.rank[rows] + 1.0))


def _judged(ranked: Ranked, metric: Metric) -> Values:
    """Share of the first k results, or of as many as there are, that have a judgement (ir_measures Judged@k)."""
    found = ranked.count(ranked.query[ranked.rank <= metric.cutoff])
    return _share(found, np.minimum(ranked.retrieved, metric.cutoff))


_FORMULAS: dict[Measure, Callable[[Ranked, Metric], Values]] = {
    "P": _precision,
    "recall": _recall,
    "hit": _hit,
    "Rprec": _r_precision,
    "MRR": _reciprocal_rank,
    "MAP": _average_precision,
    "nDCG": _ndcg,
    "bpref": _bpref,
    "RBP": _rank_biased_precision,
    "judged": _judged,
}
