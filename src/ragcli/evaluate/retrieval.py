"""Retrieval metrics in trec_eval's definitions, over all queries at once.

The formulas look only at judged results, so they work on one row per judged result, not on every result. They equal
trec_eval 9.0 (https://github.com/usnistgov/trec_eval).
"""

from collections.abc import Callable, Sequence

import numpy as np

from ragcli.evaluate import gain
from ragcli.evaluate.columns import Integers
from ragcli.evaluate.measures import ELEVEN_POINTS, UTILITY, WHOLE, Measure, Metric
from ragcli.evaluate.ranking import Ranked, Values
from ragcli.records import Score

_INFERRED = 1e-5
_LEAST = 1e-5  # what a value of 0 counts in a geometric mean


def score(ranked: Ranked, metrics: Sequence[Metric]) -> list[Score]:
    """Values of each metric over all judged queries and ``together``; a query missing from the run counts 0."""
    scores = []
    for metric in metrics:
        values = values_of(ranked, metric)
        own = dict(zip(ranked.queries, values.tolist(), strict=True))
        scores.append(Score(str(metric), together(metric, values), own))
    return scores


def values_of(ranked: Ranked, metric: Metric) -> Values:
    """Values of a metric over all judged queries; float64 [q]."""
    return _FORMULAS[metric.measure](ranked, metric)


def together(metric: Metric, values: Values) -> float:
    """One number of the whole run: the mean; of counts the sum, of ``gm_`` the geometric mean, as trec_eval has it."""
    match metric.of_run:
        case "sum":
            return float(values.sum())
        case "geometric":
            return float(np.exp(np.log(np.maximum(values, _LEAST)).mean()))
        case None:
            return float(values.mean())


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


def _graded_rank_biased_precision(ranked: Ranked, metric: Metric) -> Values:
    """RBP of graded gain: the grade over the highest that the query's judgements have (trec_eval rbp).

    Moffat and Zobel, section 5, where a document's gain lies between 0 and 1.
    """
    highest = np.ones(len(ranked.queries))
    np.maximum.at(highest, ranked.judged_query, ranked.judged_grade.astype(np.float64))
    rows = (ranked.grade >= 1) & (ranked.rank <= (metric.cutoff or WHOLE))
    query = ranked.query[rows]
    chance: Values = np.power(metric.p, ranked.rank[rows] - 1.0)
    return np.asarray((1 - metric.p) * ranked.total(query, ranked.grade[rows] / highest[query] * chance))


def _interpolated_precision(ranked: Ranked, metric: Metric) -> Values:
    """Best precision at or beyond a recall (trec_eval iprec_at_recall).

    The recall stands for as many relevant documents as are nearest to it, as of trec_eval 9.0.8; earlier ones, and
    pytrec_eval with them, mostly round up.
    """
    return _interpolated(ranked, metric, metric.share)


def _eleven_points(ranked: Ranked, metric: Metric) -> Values:
    """Mean of the interpolated precision at recall 0, 0.1, ... 1, or at others (trec_eval 11pt_avg)."""
    points = metric.numbers or ELEVEN_POINTS
    return np.asarray(np.mean([_interpolated(ranked, metric, point) for point in points], axis=0))


def _interpolated(ranked: Ranked, metric: Metric, recall: float) -> Values:
    needed = np.floor(recall * ranked.relevant(metric.rel) + 0.5)
    rows = ranked.grade >= metric.rel
    query = ranked.query[rows]
    nth = _earlier(ranked, query) + 1
    deep = nth >= needed[query]
    values = np.zeros(len(ranked.queries))
    np.maximum.at(values, query[deep], (nth / ranked.rank[rows])[deep])
    return values


def _multiple_r_precision(ranked: Ranked, metric: Metric) -> Values:
    """Precision after a multiple of as many results as there are relevant documents (trec_eval Rprec_mult)."""
    cutoff = np.floor(metric.share * ranked.relevant(metric.rel) + 0.9).astype(np.int64)
    return _share(_relevant_in(ranked, metric.rel, cutoff), cutoff)


def _inferred_average_precision(ranked: Ranked, metric: Metric) -> Values:
    """Average precision estimated from a judged sample of the pool (trec_eval infAP).

    Yilmaz and Aslam, Estimating average precision with incomplete and imperfect judgments, CIKM 2006. A negative grade
    is of the pool and not judged.
    """
    judged = ranked.grade >= 0
    before = _earlier(ranked, ranked.query)[judged]
    query, good = ranked.query[judged], ranked.grade[judged] >= metric.rel
    own = query[good]
    relevant, seen = _earlier(ranked, own), _earlier(ranked, query)[good]
    ratio = (relevant + _INFERRED) / (seen + 2 * _INFERRED)
    amount = (1.0 + before[good] * ratio) / ranked.rank[judged][good]
    return _share(ranked.total(own, amount), ranked.relevant(metric.rel))


def _binary_gain(ranked: Ranked, metric: Metric) -> Values:
    """Mean over the relevant documents of 1 / log2(2 + results above that are not relevant) (trec_eval binG)."""
    rows = ranked.grade >= metric.rel
    query = ranked.query[rows]
    above = ranked.rank[rows] - _earlier(ranked, query) - 1
    return _share(ranked.total(query, 1.0 / np.log2(2.0 + above)), ranked.relevant(metric.rel))


def _relative_precision(ranked: Ranked, metric: Metric) -> Values:
    """Precision over the best that there can be (trec_eval relative_P_k, set_relative_P)."""
    best = np.minimum(metric.cutoff or ranked.retrieved, ranked.relevant(metric.rel))
    return _share(_relevant_in(ranked, metric.rel, metric.cutoff or WHOLE), best)


def _set_precision(ranked: Ranked, metric: Metric) -> Values:
    """Share of what was returned that is relevant (trec_eval set_P)."""
    return _share(_returned(ranked, metric), ranked.retrieved)


def _set_recall(ranked: Ranked, metric: Metric) -> Values:
    """Share of the relevant documents that was returned (trec_eval set_recall)."""
    return _share(_returned(ranked, metric), ranked.relevant(metric.rel))


def _set_f(ranked: Ranked, metric: Metric) -> Values:
    """Harmonic mean of the two (trec_eval set_F)."""
    return _share(2.0 * _returned(ranked, metric), ranked.retrieved + ranked.relevant(metric.rel))


def _set_map(ranked: Ranked, metric: Metric) -> Values:
    """Product of the two (trec_eval set_map)."""
    return _set_precision(ranked, metric) * _set_recall(ranked, metric)


def _utility(ranked: Ranked, metric: Metric) -> Values:
    """Relevant results less the others, or by weights of those two and of what was missed (trec_eval utility).

    trec_eval's fourth weight, of what is neither relevant nor returned, takes the size of the collection and is 0 here.
    """
    hit, noise, miss = metric.numbers or UTILITY
    found = _returned(ranked, metric)
    return hit * found + noise * (ranked.retrieved - found) + miss * (ranked.relevant(metric.rel) - found)


def _returned(ranked: Ranked, metric: Metric) -> Values:
    """Relevant results (trec_eval num_rel_ret)."""
    return _relevant_in(ranked, metric.rel, WHOLE).astype(np.float64)


def _returned_irrelevant(ranked: Ranked, metric: Metric) -> Values:
    """Results judged not relevant (trec_eval num_nonrel_judged_ret)."""
    rows = (ranked.grade >= 0) & (ranked.grade < metric.rel)
    return ranked.count(ranked.query[rows]).astype(np.float64)


def _unjudged(ranked: Ranked, metric: Metric) -> Values:
    """Results without a judgement in the first k, divided by k also when fewer were returned (trec_eval unj_k)."""
    judged = ranked.count(ranked.query[(ranked.rank <= metric.cutoff) & (ranked.grade >= 0)])
    return np.asarray((np.minimum(ranked.retrieved, metric.cutoff) - judged) / metric.cutoff)


def _residual(ranked: Ranked, metric: Metric) -> Values:
    """What RBP could grow by if all without a judgement were relevant; 0 where all are judged (trec_eval rbp_resid)."""
    rows = ranked.grade >= 0
    query = ranked.query[rows]
    known = (1 - metric.p) * ranked.total(query, np.power(metric.p, ranked.rank[rows] - 1.0))
    return np.where(ranked.count(query) < ranked.retrieved, 1.0 - known, 0.0)


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
    "nDCG": gain.ndcg,
    "bpref": _bpref,
    "RBP": _rank_biased_precision,
    "graded_RBP": _graded_rank_biased_precision,
    "judged": _judged,
    "unj": _unjudged,
    "iprec_at_recall": _interpolated_precision,
    "11pt_avg": _eleven_points,
    "Rprec_mult": _multiple_r_precision,
    "infAP": _inferred_average_precision,
    "gm_map": _average_precision,
    "gm_bpref": _bpref,
    "RBP_resid": _residual,
    "binG": _binary_gain,
    "G": gain.normalised_gain,
    "ndcg_rel": gain.ndcg_of_relevant,
    "Rndcg": gain.ndcg_at_levels,
    "relative_P": _relative_precision,
    "set_relative_P": _relative_precision,
    "set_P": _set_precision,
    "set_recall": _set_recall,
    "set_F": _set_f,
    "set_map": _set_map,
    "utility": _utility,
    "num_ret": lambda ranked, _: ranked.retrieved.astype(np.float64),
    "num_rel": lambda ranked, metric: ranked.relevant(metric.rel).astype(np.float64),
    "num_rel_ret": _returned,
    "num_nonrel_judged_ret": _returned_irrelevant,
}
