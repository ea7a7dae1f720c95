"""Means with intervals of what an evaluation found, over all queries and over slices of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import Interval, bootstrap_interval

_SLICE_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Summary:
    """The mean of one metric over the queries whose row did not fail.

    Attributes:
        interval: 95 % bootstrap interval of the mean, as if the queries were a sample of those yet to come.
        queries: How many rows were averaged.
        failed: How many rows were not, because they failed.
    """

    metric: str
    mean: float
    interval: Interval
    queries: int
    failed: int


def summarise(result: EvalResult, metrics: Sequence[str] = (), *, seed: int = 0) -> tuple[Summary, ...]:
    """One summary a metric: the named ones, or all.

    Raises:
        DataError: All rows of a metric failed.
        UsageError: The result has no such metric.
    """
    return tuple(
        _summary(name, result.succeeded(name), len(result.queries), seed) for name in metrics or tuple(result.values)
    )


def slices(result: EvalResult, metrics: Sequence[str] = (), *, seed: int = 0) -> dict[str, tuple[Summary, ...]]:
    """Tag -> summaries over the queries that carry it; a metric whose rows all failed there is left out."""
    rows: dict[str, list[int]] = {}
    for row, question in enumerate(result.questions):
        for tag in question.tags:
            rows.setdefault(tag, []).append(row)
    found = {}
    for tag in sorted(rows):
        parts = {name: result.values[name][rows[tag]] for name in metrics or tuple(result.values)}
        kept = {name: part[~np.isnan(part)] for name, part in parts.items()}
        found[tag] = tuple(
            _summary(name, part, len(rows[tag]), seed, _SLICE_RESAMPLES) for name, part in kept.items() if part.size
        )
    return found


def counts(result: EvalResult) -> dict[str, int]:
    """How many queries were judged, had no judgements, failed, and retrieved nothing."""
    return {
        "judged": len(result.queries),
        "unjudged": result.unjudged,
        "failed": len(result.failures),
        "missing": len(result.missing),
    }


def _summary(name: str, values: NDArray[np.float64], rows: int, seed: int, resamples: int = 2_000) -> Summary:
    interval = bootstrap_interval(values, resamples=resamples, seed=seed)
    return Summary(name, float(values.mean()), interval, values.size, rows - values.size)
