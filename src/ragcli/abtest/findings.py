"""One metric of one treatment against control: an estimate by user, and what the tests and looks at it say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ragcli.abtest.experiment import Experiment
from ragcli.abtest.inference import cuped, means, proportions, quantiles, ranks, ratios, sequential
from ragcli.abtest.inference.estimate import Estimate, Values
from ragcli.abtest.inference.inferiority import non_inferiority
from ragcli.abtest.inference.ranks import RankTest
from ragcli.abtest.inference.ratios import Parts
from ragcli.abtest.metrics import MetricSpec
from ragcli.abtest.observations import Observations
from ragcli.evaluate.statistics import Interval

LOOKS = 100
"""At most so many looks at the data make the path that the always-valid p is the least of."""


class Versus(NamedTuple):
    """A treatment and control.

    Attributes:
        arms: Which users are of control, and which of the treatment; bool [users] each.
        sequential: Whether always-valid numbers decide.
    """

    seen: Observations
    name: str
    arms: tuple[NDArray[np.bool_], NDArray[np.bool_]]
    confidence: float
    sequential: bool


class Direction(StrEnum):
    """What is concluded of a metric: for guardrails that it holds or is violated, for others better or worse."""

    BETTER = "better"
    WORSE = "worse"
    HOLDS = "holds"
    VIOLATED = "violated"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Looks:
    """The difference as it would have been seen at each look; float64 [looks] each.

    Attributes:
        users: That had come by then, in both variants together.
        time: When the last of them came.
        p: Always valid: the smallest so far.
        low: Of the confidence sequence; likewise ``high``.
    """

    users: Values
    time: Values
    difference: Values
    p: Values
    low: Values
    high: Values

    def stands(self, difference: float) -> bool:
        """Whether a difference has the sign that it had when p was smallest: what has turned since decides nothing."""
        return float(self.difference[self.p.argmin()]) * difference > 0


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric, a treatment against control.

    Attributes:
        metric: With the kind that it turned out to be.
        estimate: By user, of a fixed size: to be believed once, at the end.
        naive: As if every event were another user's; None where each user has one.
        adjusted_p: Of ``p``, over all metrics that decide and all treatments; NaN for a guardrail.
        looks: What may be looked at any time; None where only the end can be told.
        exact_p: Fisher's, of a conversion.
        ranks: Mann-Whitney's test of the users' values.
        removed: Share of the variance that the covariate from before the experiment took away.
        margin: Of a guardrail, in the metric's units; otherwise NaN.
        inferior_p: One-sided, of a change for the worse by the margin or more, at a fixed size; of a guardrail.
        detectable: The smallest difference that as many users show with 80 % probability at a fixed horizon, adjusted
            for all metrics and treatments that decide.
        direction: The conclusion.
    """

    metric: MetricSpec
    treatment: str
    estimate: Estimate
    naive: Estimate | None
    looks: Looks
    exact_p: float | None
    ranks: RankTest | None
    removed: float | None
    sequential: bool
    margin: float = math.nan
    inferior_p: float = math.nan
    detectable: float = math.nan
    adjusted_p: float = math.nan
    direction: Direction = Direction.OPEN

    @property
    def p(self) -> float:
        """What decides, before the adjustment: always valid, or of a fixed size."""
        return float(self.looks.p[-1]) if self.sequential else self.estimate.p

    @property
    def interval(self) -> Interval:
        """The interval that decides."""
        if not self.sequential:
            return self.estimate.interval
        return Interval(float(self.looks.low[-1]), float(self.looks.high[-1]))

    @property
    def disagree(self) -> bool:
        """Whether events taken as if they were users would say something else at the 5 % level."""
        return self.naive is not None and (self.naive.p < 0.05) != (self.estimate.p < 0.05)


def find(experiment: Experiment, seen: Observations, metrics: Sequence[MetricSpec], treatment: int) -> list[Finding]:
    """What is known of metrics that were recorded, of the treatment at this place among the variants."""
    arms = seen.variant == 0, seen.variant == treatment
    versus = Versus(seen, seen.names[treatment], arms, 1 - experiment.alpha, experiment.horizon is None)
    known = [resolved(metric, seen) for metric in metrics]
    of_quantiles = iter(_quantiles(versus, [one for one in known if one.kind == "quantile"]))
    found = [next(of_quantiles) if one.kind == "quantile" else _of_users(versus, one) for one in known]
    return [_guarded(one) if one.metric.role == "guardrail" else one for one in found]


def resolved(metric: MetricSpec, seen: Observations) -> MetricSpec:
    """The metric with what ``auto`` turns out to be: a conversion where only 0 and 1 were recorded, else a mean."""
    if metric.kind != "auto":
        return metric
    values = seen.after[metric.value].values
    return replace(metric, kind="conversion" if np.isin(values, (0.0, 1.0)).all() else "mean")


def parts_of(seen: Observations, metric: MetricSpec, *, before: bool = False) -> Parts:
    """Numerator and denominator of each user, all users; a denominator of 0 is of one who does not count."""
    sums, counts = seen.sums(metric.value, before=before)
    match metric.kind:
        case "conversion":
            return (sums > 0).astype(np.float64), np.ones(sums.size)
        case "total":
            return sums, np.ones(sums.size)
        case "ratio":
            return sums, seen.sums(metric.per, before=before)[0]
        case _:
            return sums, counts


def _of_users(versus: Versus, metric: MetricSpec) -> Finding:
    seen, arms, confidence = versus.seen, versus.arms, versus.confidence
    numerator, denominator = parts_of(seen, metric)
    counting = denominator != 0
    pairs = [(numerator[arm & counting], denominator[arm & counting]) for arm in arms]
    adjusted = _adjusted(seen, metric, [arm & counting for arm in arms], (pairs[0], pairs[1]))
    exact_p = None
    if adjusted is not None:
        estimate = means.welch(adjusted.control, adjusted.treatment, confidence=confidence)
        estimate = replace(estimate, test="CUPED, Welch t-test")
    elif metric.kind == "conversion":
        table = [number for top, _ in pairs for number in (int(top.sum()), top.size)]
        estimate = proportions.proportion(*table, confidence=confidence)
        exact_p = proportions.exact(*table)
    elif all((below == 1).all() for _, below in pairs):
        estimate = means.welch(pairs[0][0], pairs[1][0], confidence=confidence)
    else:
        estimate = ratios.ratio(pairs[0], pairs[1], confidence=confidence)
    if adjusted is not None:
        numerator, denominator = numerator.copy(), np.ones(numerator.size)
        for arm, own in zip(arms, (adjusted.control, adjusted.treatment), strict=True):
            numerator[arm & counting] = own
    kept = counting & (arms[0] | arms[1])
    return Finding(
        metric=metric,
        treatment=versus.name,
        estimate=estimate,
        naive=_naive(versus, metric),
        looks=_looks(
            (numerator[kept], denominator[kept]),
            arms[1][kept],
            seen.exposed[kept],
            confidence,
            shares=metric.kind == "conversion" and adjusted is None,
        ),
        exact_p=exact_p,
        ranks=None if metric.kind == "conversion" else ranks.mann_whitney(*(top / below for top, below in pairs)),
        removed=None if adjusted is None else adjusted.removed,
        sequential=versus.sequential,
    )


def _quantiles(versus: Versus, metrics: Sequence[MetricSpec]) -> list[Finding]:
    """Quantiles of events, all resampled together; of their looks only the last is known."""
    if not metrics:
        return []
    seen, arms, confidence = versus.seen, versus.arms, versus.confidence
    numbers = [np.cumsum(arm) - 1 for arm in arms]
    columns = []
    for metric in metrics:
        column = seen.after[metric.value]
        events = [
            quantiles.Events(column.values[own], number[column.users[own]])
            for arm, number in zip(arms, numbers, strict=True)
            for own in [arm[column.users]]
        ]
        columns.append(quantiles.QuantileColumn(metric.quantile, events[0], events[1]))
    sizes = int(arms[0].sum()), int(arms[1].sum())
    found = []
    for metric, estimate in zip(metrics, quantiles.quantiles(columns, sizes, confidence=confidence), strict=True):
        difference, error, users = (np.array([one]) for one in (estimate.difference, estimate.error, sum(sizes)))
        sequence = sequential.always_valid(difference, error, users.astype(np.float64), confidence=confidence)
        time = seen.exposed[-1:]
        looks = Looks(users.astype(np.float64), time, difference, sequence.p, sequence.low, sequence.high)
        found.append(Finding(metric, versus.name, estimate, None, looks, None, None, None, versus.sequential))
    return found


def _adjusted(
    seen: Observations, metric: MetricSpec, kept: list[NDArray[np.bool_]], pairs: tuple[Parts, Parts]
) -> cuped.Adjusted | None:
    """Values without the part that was there before the experiment; None where nothing was recorded before it."""
    if metric.value not in seen.before:
        return None
    numerator, denominator = parts_of(seen, metric, before=True)
    known = denominator != 0
    covariate = np.divide(numerator, denominator, out=np.full(numerator.size, np.nan), where=known)
    own = [(ratios.linearised(pair), covariate[arm]) for pair, arm in zip(pairs, kept, strict=True)]
    return cuped.adjust(own[0], own[1])


def _naive(versus: Versus, metric: MetricSpec) -> Estimate | None:
    """Welch's t-test of events, as if each were a user's only one; None where that is so, or makes no sense."""
    if metric.kind in {"ratio", "total"}:
        return None
    column = versus.seen.after[metric.value]
    control, treatment = (column.values[arm[column.users]] for arm in versus.arms)
    if metric.kind == "conversion":
        if np.bincount(column.users).max() < 2:
            return None
        control, treatment = ((values > 0).astype(np.float64) for values in (control, treatment))
    return means.welch(control, treatment, confidence=versus.confidence)


def _looks(parts: Parts, treated: NDArray[np.bool_], time: Values, confidence: float, *, shares: bool) -> Looks:
    """Differences of ratios over the first users, at looks evenly apart; users in the order of their exposure.

    Of ``shares`` a variant's variance is at least that of one hit (Laplace's caution: all users alike so far does not
    mean that the next will be): without it, a guardrail of failures would never hold where nothing failed.
    """
    numerator, denominator = _centred(parts)
    size = numerator.size
    if not size:
        nothing = np.array([np.nan])
        return Looks(np.zeros(1), np.zeros(1), nothing, np.ones(1), np.array([-np.inf]), np.array([np.inf]))
    ends = np.unique(np.linspace(0, size, LOOKS + 1).round().astype(np.int64)[1:]) - 1
    statistics = [_running(numerator, denominator, arm, ends) for arm in (~treated, treated)]
    enough = np.minimum(statistics[0][2], statistics[1][2]) >= sequential.FIRST_LOOK
    if not enough.any():
        enough[-1:] = True
    difference = (statistics[1][0] - statistics[0][0])[enough]
    (_, low, control), (_, high, treatment) = statistics
    if shares:
        with np.errstate(divide="ignore"):
            low, high = np.maximum(low, 1 / control**2), np.maximum(high, 1 / treatment**2)
    error = sequential.cautious_error((low, high), (control, treatment))[enough]
    users = (ends[enough] + 1).astype(np.float64)
    found = sequential.always_valid(difference, error, users, confidence=confidence)
    alike = error == 0.0  # within each variant all have the same value: that is all that can be known
    low, high = (np.where(alike, difference, side) for side in (found.low, found.high))
    return Looks(users, time[ends[enough]], difference, found.p, low, high)


def _centred(parts: Parts) -> Parts:
    """Less the ratio of all: differences stay, and sums of squares keep their digits where values are large."""
    numerator, denominator = parts
    total = float(denominator.sum())
    return (numerator - numerator.sum() / total * denominator, denominator) if total else parts


def _running(
    numerator: Values, denominator: Values, arm: NDArray[np.bool_], ends: NDArray[np.int64]
) -> tuple[Values, Values, Values]:
    """Of one variant's users up to each end: the ratio, its variance by the delta method, how many they are."""
    top, below = np.where(arm, numerator, 0.0), np.where(arm, denominator, 0.0)
    tops, bottoms, squares, products, products_below, users = (
        np.cumsum(values)[ends]
        for values in (top, below, top * top, top * below, below * below, arm.astype(np.float64))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = tops / bottoms
        residual = np.maximum(squares - 2 * ratio * products + ratio**2 * products_below, 0.0)
        return ratio, residual * users / (users - 1) / bottoms**2, users


def _guarded(finding: Finding) -> Finding:
    """A guardrail holds when its interval leaves out a change for the worse by the margin or more."""
    margin = finding.metric.margin.amount(finding.estimate.control)
    finding = replace(finding, margin=margin, inferior_p=_inferior_p(finding, margin))
    better, interval = finding.metric.better, finding.interval
    worst = interval.low if better > 0 else -interval.high
    least = interval.high if better > 0 else -interval.low
    if worst > -finding.margin:
        return replace(finding, direction=Direction.HOLDS)
    return replace(finding, direction=Direction.VIOLATED if least < 0 else Direction.OPEN)


def _inferior_p(finding: Finding, margin: float) -> float:
    found, higher = finding.estimate, finding.metric.better > 0
    if finding.exact_p is None:
        return non_inferiority(found.difference, found.error, margin, higher_is_better=higher, freedom=found.freedom)
    control, treatment = (
        (round(share * users), users)
        for share, users in zip((found.control, found.treatment), found.users, strict=True)
    )
    worse, better = (control, treatment) if higher else (treatment, control)
    return proportions.exceeds(*worse, *better, shift=-margin)


def concluded(finding: Finding, adjusted_p: float, alpha: float) -> Finding:
    """A metric with its adjusted p and what follows; nothing where the difference has turned since p was smallest."""
    direction, now = Direction.OPEN, finding.estimate.difference
    stands = finding.looks.stands(now) if finding.sequential else now != 0
    if adjusted_p < alpha and stands:
        direction = Direction.BETTER if now * finding.metric.better > 0 else Direction.WORSE
    return replace(finding, adjusted_p=adjusted_p, direction=direction)
