"""Is the experiment itself sound? Asked before any result, for a broken one gives confident nonsense.

Fabijan et al., Diagnosing sample ratio mismatch in online controlled experiments, KDD 2019.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from ragcli.abtest.experiment import Experiment, shares_of
from ragcli.abtest.findings import resolved
from ragcli.abtest.observations import Floats, Observations
from ragcli.evaluate.counting import counted
from ragcli.evaluate.gates import p_text

Level: TypeAlias = Literal["ok", "note", "wait", "invalid"]

ALARM = 0.001
"""Level of the tests: alarms must be rare enough to be believed."""
CROSSED = 0.01
"""Share of users in several variants from which on an experiment is not believed."""


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found.

    Attributes:
        level: ``invalid`` withholds the verdict, ``wait`` makes it inconclusive, a ``note`` is there to be read.
        p: Of the test behind it, if there is one.
    """

    name: str
    level: Level
    message: str
    p: float | None = None


def checks(experiment: Experiment, seen: Observations) -> tuple[Check, ...]:
    """All looks, whatever they found."""
    return (
        _sample_ratio(experiment, seen),
        _crossed(seen),
        *_failures(seen),
        *_missing(experiment, seen.first(experiment.horizon or len(seen.users))),
        _few(experiment, seen),
        *_events(seen),
    )


def _sample_ratio(experiment: Experiment, seen: Observations) -> Check:
    """Users against the shares that held when each came: the chi-square test of goodness of fit."""
    from scipy.stats import chisquare

    expected = np.zeros(len(seen.names))
    since = [split.since for split in experiment.splits]
    when = np.maximum(np.searchsorted(since, seen.exposed, side="right") - 1, 0)
    for place, stretches in enumerate(experiment.settled_stretches):
        shares = np.array(list(shares_of(stretches, seen.names).values()))
        expected += (when == place).sum() * shares / max(float(shares.sum()), 1e-12)
    observed, told = np.array(seen.sizes), " : ".join(f"{size:,}" for size in seen.sizes)
    if not expected.min() > 0:
        return Check("sample ratio", "invalid", f"users {told}, though a variant had no share")
    p = float(chisquare(observed, expected * (observed.sum() / expected.sum())).pvalue)
    wanted = " : ".join(f"{size:,.6g}" if size < 1e4 else f"{size:,.0f}" for size in expected.round(1))
    if p >= ALARM:
        return Check("sample ratio", "ok", f"users {told}, {wanted} expected, p {p_text(p)}", p)
    message = f"sample-ratio mismatch: users {told} where {wanted} were expected, p {p_text(p)}"
    return Check("sample ratio", "invalid", f"{message}: some users are lost in one variant", p)


def _crossed(seen: Observations) -> Check:
    crossed, users = seen.counts.crossed, len(seen.users)
    if not crossed:
        return Check("crossed users", "ok", "nobody saw two variants")
    level: Level = "invalid" if crossed > CROSSED * (crossed + users) else "note"
    return Check("crossed users", level, f"{counted(crossed, 'user')} saw several variants and are left out")


def _failures(seen: Observations) -> Iterator[Check]:
    """Do questions fail more often in one variant? By user, whether any failed."""
    if "failed" not in seen.after:
        return
    failed = seen.sums("failed")[0] > 0
    hits = np.bincount(seen.variant, failed, len(seen.names)).astype(np.float64)
    told = ", ".join(
        f"{name} {hit / max(size, 1):.2%}" for name, hit, size in zip(seen.names, hits, seen.sizes, strict=True)
    )
    p = _unlike(hits, seen.sizes)
    if p < ALARM:
        yield Check("error rates", "invalid", f"users with failed questions: {told}, p {p_text(p)}: mend that first", p)
    else:
        yield Check("error rates", "ok", f"users with failed questions: {told}", p)


def _missing(experiment: Experiment, seen: Observations) -> Iterator[Check]:
    """A mean or quantile is of who has a value: is that another share of users in one variant?"""
    for declared in experiment.metrics:
        metric = resolved(declared, seen) if declared.value in seen.after else declared
        for name in filter(None, (metric.value, metric.per)):
            if name not in seen.after:
                yield Check("missing metric", "invalid", f"{name} was never recorded, so {metric.name} is not known")
        if metric.kind in {"mean", "quantile"} and metric.value in seen.after:
            there = np.bincount(seen.variant, seen.sums(metric.value)[1] > 0, len(seen.names)).astype(np.float64)
            p = _unlike(there, seen.sizes)
            told = ", ".join(
                f"{name} {1 - has / max(size, 1):.1%}"
                for name, has, size in zip(seen.names, there, seen.sizes, strict=True)
            )
            if p < ALARM:
                message = f"users without {metric.value}: {told}, p {p_text(p)}: those who have it are not alike"
                yield Check("missing metric", "invalid", message, p)
            elif there.sum() < sum(seen.sizes):
                yield Check("missing metric", "note", f"users without {metric.value}: {told}", p)


def _few(experiment: Experiment, seen: Observations) -> Check:
    least = min(seen.sizes)
    if least < experiment.min_users:
        message = (
            f"{counted(least, 'user')} in the smallest variant: {experiment.min_users:,} are the least to decide by"
        )
        return Check("users", "wait", message)
    if waits := experiment.waits_for(len(seen.users)):
        return Check("users", "wait", waits)
    return Check("users", "ok", f"{len(seen.users):,} users")


def _events(seen: Observations) -> Iterator[Check]:
    counts = seen.counts
    told = {
        "before their user's exposure, used as covariates": counts.before,
        "after the experiment was stopped": counts.late,
        "of users who never saw a variant": counts.unknown_users,
    }
    for what, number in told.items():
        if number:
            yield Check("events", "note", f"{number:,} of {counts.events:,} events: {what}")
    if counts.duplicates:
        yield Check("events", "note", f"{counted(counts.duplicates, 'event')} arrived again, and counted once")
    if counts.moved:
        moved = f"{counted(counts.moved, 'user')} left out, whose variant changed with the shares"
        yield Check("moved users", "note", moved)
    if counts.overridden:
        yield Check("testers", "note", f"{counted(counts.overridden, 'tester')} left out")


def _unlike(hits: Floats, sizes: Sequence[int]) -> float:
    """P that all variants have the same share: chi-square, or Fisher's exact test where few are expected."""
    from scipy.stats import chi2_contingency, fisher_exact

    table = np.array([hits, np.array(sizes) - hits])
    if not table.sum(axis=1).all() or not table.sum(axis=0).all():
        return 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    if expected.min() < 5 and len(sizes) == 2:
        return float(fisher_exact(table).pvalue)
    return float(chi2_contingency(table, correction=False).pvalue)
