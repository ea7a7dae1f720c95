"""Differences among the questions that carry a tag."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ragcli.evaluate import statistics
from ragcli.evaluate.direction import direction
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import Counts, Interval

_RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Slice:
    """One metric over the questions of one tag. Its interval is its own: not adjusted for how many slices there are.

    Attributes:
        difference: treatment - control.
        counts: Questions on which the treatment is better, worse, the same.
        queries: How many questions have a value in both.
    """

    tag: str
    metric: str
    control: float
    treatment: float
    difference: float
    interval: Interval
    counts: Counts
    queries: int


def slices(control: EvalResult, treatment: EvalResult, metrics: Sequence[str]) -> tuple[Slice, ...]:
    """By tag, then in the order of the metrics; a tag none of whose questions has a value is left out."""
    rows: dict[str, list[int]] = {}
    for row, question in enumerate(control.questions):
        for tag in question.tags:
            rows.setdefault(tag, []).append(row)
    found = (_slice(control, treatment, tag, metric, rows[tag]) for tag in sorted(rows) for metric in metrics)
    return tuple(one for one in found if one is not None)


def _slice(control: EvalResult, treatment: EvalResult, tag: str, metric: str, rows: list[int]) -> Slice | None:
    before, after = control.values[metric][rows], treatment.values[metric][rows]
    valid = ~(np.isnan(before) | np.isnan(after))
    if not valid.any():
        return None
    before, after = before[valid], after[valid]
    differences = np.where(np.abs(after - before) <= statistics.EQUAL, 0.0, after - before)
    counts = statistics.count(differences)
    return Slice(
        tag=tag,
        metric=metric,
        control=float(before.mean()),
        treatment=float(after.mean()),
        difference=float(differences.mean()),
        interval=statistics.bootstrap_interval(differences, resamples=_RESAMPLES),
        counts=counts if direction(metric) >= 0 else Counts(counts.losses, counts.wins, counts.ties),
        queries=int(valid.sum()),
    )
