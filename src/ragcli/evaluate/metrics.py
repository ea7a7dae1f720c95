"""Retrieval metrics in trec_eval's definitions.

A metric is a value whose name round-trips: ``Metric.parse("ndcg@10")`` prints as ``nDCG@10``. All formulas work on
arrays over queries at once and equal trec_eval 9.0 (https://github.com/usnistgov/trec_eval), its tie rule included:
results are ordered by score in single precision, ties by document name in descending byte order.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError, UsageError
from ragcli.records import Score

_WHOLE = 2**31  # beyond any ranking

Qrels = Mapping[str, Mapping[str, int]]
"""Query id -> document name -> grade; a grade of 1 or more is relevant."""

Run = Mapping[str, Mapping[str, float]]
"""Query id -> document name -> score, higher is better."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A run seen through judgements. One row a query, in the order of ``queries``.

    Attributes:
        gains: Grade of the document at each rank, 0 for unjudged and beyond the end; float64 [q, depth].
        ideal: Positive grades of each query, descending, padded with 0; float64 [q, most].
        relevant: Number of relevant documents of each query; int64 [q].
    """

    queries: tuple[str, ...]
    gains: NDArray[np.float64]
    ideal: NDArray[np.float64]
    relevant: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Metric:
    """A measure and its cutoff; ``cutoff`` 0 means the whole ranking."""

    measure: str
    cutoff: int = 0

    def __str__(self) -> str:
        return f"{self.measure}@{self.cutoff}" if self.cutoff else self.measure

    @classmethod
    def parse(cls, name: str) -> "Metric":
        """Read a name such as ``nDCG@10``, in any case.

        Raises:
            UsageError: No such measure, or a cutoff that is missing or below 1.
        """
        match = re.fullmatch(r"([a-z]+)(?:@([1-9]\d*))?", name.strip().lower())
        measure = _SPELLINGS.get(match[1]) if match else None
        if match is None or measure is None:
            raise UsageError(f"unknown metric {name!r}", hint=f"known: {', '.join(_EXAMPLES)}")
        if match[2] is None and measure in _NEED_CUTOFF:
            raise UsageError(f"metric {name!r} needs a cutoff", hint=f"for example {measure}@10")
        return cls(measure, int(match[2] or 0))

    def values(self, judged: Judged) -> NDArray[np.float64]:
        """The metric of each query, float64 [q]."""
        return _MEASURES[self.measure](judged, self.cutoff or _WHOLE)


def judge(run: Run, qrels: Qrels) -> Judged:
    """Look at a run through judgements: every judged query has a row, also when the run lacks it.

    Raises:
        DataError: There are no judgements, or no query of the run is judged.
    """
    if not qrels:
        raise DataError("there are no judgements to score against")
    if run and not qrels.keys() & run.keys():
        raise DataError(f"none of the {len(run)} queries of the run is judged", hint="check that their ids agree")
    queries = tuple(qrels)
    ranked = [[qrels[query].get(name, 0) for name in _ranking(run.get(query, {}))] for query in queries]
    ideal = [sorted((grade for grade in qrels[query].values() if grade > 0), reverse=True) for query in queries]
    relevant = np.array([len(grades) for grades in ideal], dtype=np.int64)
    return Judged(queries, _padded(ranked), _padded(ideal), relevant)


def score(run: Run, qrels: Qrels, metrics: Sequence[Metric]) -> list[Score]:
    """Mean and per-query values of each metric over all judged queries; a query missing from the run counts 0."""
    judged = judge(run, qrels)
    scores = []
    for metric in metrics:
        values = metric.values(judged)
        scores.append(Score(str(metric), float(values.mean()), dict(zip(judged.queries, values.tolist(), strict=True))))
    return scores


def _ranking(results: Mapping[str, float]) -> list[str]:
    """Names by score in single precision, then by name in bytes, both descending: trec_eval's order."""
    return sorted(results, key=lambda name: (np.float32(results[name]), name.encode()), reverse=True)


def _padded(rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    width = max(1, *map(len, rows)) if rows else 1
    table = np.zeros((len(rows), width))
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


def _precision(judged: Judged, cutoff: int) -> NDArray[np.float64]:
    """Relevant results in the first k, divided by k also when fewer were returned (trec_eval P_k)."""
    return np.asarray((judged.gains[:, :cutoff] > 0).sum(axis=1) / cutoff)


def _recall(judged: Judged, cutoff: int) -> NDArray[np.float64]:
    """Share of the relevant documents in the first k (trec_eval recall_k)."""
    found = (judged.gains[:, :cutoff] > 0).sum(axis=1)
    return np.asarray(found / np.maximum(judged.relevant, 1))


def _reciprocal_rank(judged: Judged, cutoff: int) -> NDArray[np.float64]:
    """One over the rank of the first relevant result, 0 when there is none in the first k (trec_eval recip_rank)."""
    hits = judged.gains[:, :cutoff] > 0
    return np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0)


def _ndcg(judged: Judged, cutoff: int) -> NDArray[np.float64]:
    """Discounted cumulative gain over that of the ideal order; gain is the grade (trec_eval ndcg_cut_k).

    Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, ACM TOIS 20(4), 2002, with the
    discount log2(1 + rank).
    """
    ideal = _dcg(judged.ideal, cutoff)
    return np.divide(_dcg(judged.gains, cutoff), ideal, out=np.zeros_like(ideal), where=ideal > 0)


def _dcg(gains: NDArray[np.float64], cutoff: int) -> NDArray[np.float64]:
    top = np.maximum(gains[:, :cutoff], 0.0)
    return np.asarray(top @ (1.0 / np.log2(np.arange(top.shape[1]) + 2.0)))


_MEASURES: dict[str, Callable[[Judged, int], NDArray[np.float64]]] = {
    "P": _precision,
    "recall": _recall,
    "MRR": _reciprocal_rank,
    "nDCG": _ndcg,
}
_SPELLINGS = {name.lower(): name for name in _MEASURES} | {"precision": "P", "rr": "MRR", "r": "recall"}
_NEED_CUTOFF = {"P", "recall"}
_EXAMPLES = ("P@5", "recall@10", "MRR", "MRR@10", "nDCG", "nDCG@10")
