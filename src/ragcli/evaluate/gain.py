"""Metrics of graded gain: nDCG and what trec_eval derives from it.

The gain is the grade, or with ``gains=exp`` 2 ** grade - 1 (Burges et al., Learning to rank using gradient descent,
ICML 2005); the discount of nDCG is log2(1 + rank) (Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR
techniques, ACM TOIS 20(4), 2002).
"""

from dataclasses import dataclass

import numpy as np

from ragcli.evaluate.columns import Integers
from ragcli.evaluate.measures import WHOLE, Metric
from ragcli.evaluate.ranking import Ranked, Values


def ndcg(ranked: Ranked, metric: Metric) -> Values:
    """Discounted cumulative gain over that of the ideal order (trec_eval ndcg, ndcg_cut_k)."""
    return _quotient(_dcg(ranked, metric), _dcg(ranked.ideal, metric))


def _dcg(ranked: Ranked, metric: Metric) -> Values:
    rows = (ranked.grade >= 1) & (ranked.rank <= (metric.cutoff or WHOLE))
    gains = ranked.grade[rows].astype(np.float64)
    if metric.gains == "exp":
        gains = np.exp2(gains) - 1.0
    return ranked.total(ranked.query[rows], gains / np.log2(ranked.rank[rows] + 1.0))


def ndcg_of_relevant(ranked: Ranked, _metric: Metric) -> Values:
    """Mean of nDCG at the rank of each relevant document, of those not returned at the end (trec_eval ndcg_rel)."""
    got, ideal = _Gained.of(ranked), _Gained.of(ranked.ideal)
    points = got.sums / np.maximum(ideal.until(got.query, got.rank), 1e-300)
    at_end = _quotient(got.totals, ideal.totals)
    total = ranked.total(got.query, points) + (ideal.counts - got.counts) * at_end
    return _quotient(total, ideal.counts.astype(np.float64))


def ndcg_at_levels(ranked: Ranked, _metric: Metric) -> Values:
    """Mean of nDCG where the ideal order goes from one grade to the next, and at the end (trec_eval Rndcg)."""
    got, ideal = _Gained.of(ranked), _Gained.of(ranked.ideal)
    last = np.ones(len(ideal.query), dtype=bool)
    last[:-1] = (ideal.query[1:] != ideal.query[:-1]) | (ideal.gain[1:] != ideal.gain[:-1])
    query = ideal.query[last]
    points = got.until(query, ideal.rank[last]) / ideal.sums[last]
    ended = (ideal.counts > 0) & (ranked.retrieved > ideal.counts + 1)  # as trec_eval counts, not from the next one
    total = ranked.total(query, points) + np.where(ended, _quotient(got.totals, ideal.totals), 0.0)
    return _quotient(total, (ranked.count(query) + ended).astype(np.float64))


def normalised_gain(ranked: Ranked, _metric: Metric) -> Values:
    """Gain of each result over log2(2 + what the ideal order had gained more by then), normalised (trec_eval G)."""
    got, ideal = _Gained.of(ranked, discount=False), _Gained.of(ranked.ideal, discount=False)
    spent = ideal.until(got.query, got.rank) + np.maximum(got.rank - ideal.counts[got.query], 0)
    total = ranked.total(got.query, got.gain / np.log2(2.0 + spent - got.sums))
    return _quotient(total, ideal.totals)


@dataclass(frozen=True, slots=True)
class _Gained:
    """Results of grade 1 and more, and what was gained from a query's first to each.

    Attributes:
        query: Ascending; likewise ``rank`` within a query; int64 [n].
        gain: The grade; float64 [n].
        sums: Gain of the query's results up to this one, discounted or not; float64 [n].
        counts: How many there are of each query; int64 [q].
        totals: What each query gained; float64 [q].
    """

    query: Integers
    rank: Integers
    gain: Values
    sums: Values
    counts: Integers
    totals: Values

    @classmethod
    def of(cls, ranked: Ranked, *, discount: bool = True) -> "_Gained":
        rows = ranked.grade >= 1
        query, rank = ranked.query[rows], ranked.rank[rows]
        gain = ranked.grade[rows].astype(np.float64)
        amount = gain / np.log2(rank + 1.0) if discount else gain
        counts = ranked.count(query)
        before = np.concatenate([[0.0], np.cumsum(amount)])[np.cumsum(counts) - counts]
        return cls(query, rank, gain, np.cumsum(amount) - before[query], counts, ranked.total(query, amount))

    def until(self, query: Integers, rank: Integers) -> Values:
        """What queries had gained up to a rank each; float64 as long as they are."""
        if not len(self.query):
            return np.zeros(len(query))
        wide = int(max(self.rank.max(), rank.max(initial=0))) + 1
        rows = np.searchsorted(self.query * wide + self.rank, query * wide + rank, side="right") - 1
        inside = (rows >= 0) & (self.query[rows] == query)
        return np.where(inside, self.sums[rows], 0.0)


def _quotient(part: Values, whole: Values) -> Values:
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
