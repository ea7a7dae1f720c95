"""Means with intervals of what an evaluation found, over all queries and over slices of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import SEED, Interval, bootstrap_interval

_SLICE_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """The mean of one metric over the queries that it has a value for.

    Attributes:
        interval: 95 % bootstrap interval of the mean, as if the queries were a sample of those yet to come.
        queries: How many rows were averaged.
        failed: How many rows were not, because they failed.
        unscored: How many were not, because they have nothing to be scored against, such as judged spans.
    """

    metric: str
    mean: float
    interval: Interval
    queries: int
    failed: int
    unscored: int = 0


def summarise(result: EvalResult, metrics: Sequence[str] = (), *, seed: int = SEED) -> tuple[Summary, ...]:
    """One summary a metric: the named ones, or all.

    Raises:
        DataError: All rows of a metric failed.
        UsageError: The result has no such metric.
    """
    every = list(range(len(result.queries)))
    names = metrics or tuple(result.values)
    for name in names:
        result.succeeded(name)
    return tuple(_summary(result, name, every, seed) for name in names)


def slices(result: EvalResult, metrics: Sequence[str] = (), *, seed: int = SEED) -> dict[str, tuple[Summary, ...]]:
    """Tag -> summaries over the queries that carry it; a metric whose rows all failed there is left out."""
    rows: dict[str, list[int]] = {}
    for row, question in enumerate(result.questions):
        for tag in question.tags:
            rows.setdefault(tag, []).append(row)
    found = {}
    for tag in sorted(rows):
        names = metrics or tuple(result.values)
        known = [name for name in names if not np.isnan(result.values[name][rows[tag]]).all()]
        found[tag] = tuple(_summary(result, name, rows[tag], seed, _SLICE_RESAMPLES) for name in known)
    return found


def counts(result: EvalResult) -> dict[str, int]:
    """How many queries were judged, had no judgements, failed, and retrieved nothing."""
    return {
        "judged": len(result.queries),
        "unjudged": result.unjudged,
        "failed": len(result.failures),
        "missing": len(result.missing),
    }


def _summary(result: EvalResult, name: str, rows: Sequence[int], seed: int, resamples: int = 2_000) -> Summary:
    """Of rows of which one has a value at least."""
    column = result.values[name][list(rows)]
    values = column[~np.isnan(column)]
    failed = int(np.count_nonzero(result.failed(name)[list(rows)] & np.isnan(column)))
    interval = bootstrap_interval(values, resamples=resamples, seed=seed)
    return Summary(name, float(values.mean()), interval, values.size, failed, len(rows) - values.size - failed)
