"""How many users a decision takes, by what was recorded of control so far; and how the analysis behaves on them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragcli.abtest.experiment import Experiment
from ragcli.abtest.findings import parts_of, resolved
from ragcli.abtest.inference import power, ratios
from ragcli.abtest.inference.estimate import Values
from ragcli.abtest.inference.sequential import HORIZON
from ragcli.abtest.inference.simulate import REPEATS, Characteristics, Design, characteristics
from ragcli.abtest.metrics import MetricSpec
from ragcli.abtest.observations import Observations, observe
from ragcli.abtest.store import ExperimentStore
from ragcli.errors import DataError, UsageError
from ragcli.evaluate.margin import Margin


@dataclass(frozen=True, slots=True)
class Plan:
    """What one metric takes; users are those of all variants.

    Attributes:
        control: Its value in control so far, and ``deviation`` between control's users.
        effect: The change that is to be found.
        users: That find it with the wanted probability; None where no effect was given.
        detectable: The smallest change that ``now`` users find.
        days: That so many users take to come; None where they cannot be told.
        alpha: Of its test, divided by the metrics and treatments that decide.
    """

    metric: MetricSpec
    control: float
    deviation: float
    effect: float | None
    users: int | None
    now: int
    detectable: float
    days: float | None
    alpha: float


@dataclass(frozen=True, slots=True)
class Simulated:
    """One metric's experiments on control's users, repeated without and with an effect."""

    metric: MetricSpec
    users: int
    effect: float
    alpha: float
    nothing: Characteristics
    something: Characteristics | None


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be planned.

    Attributes:
        effect: The change to be found: an amount, or a share of control's value; None asks for no change.
        users: Of an experiment; its horizon, or the users that have come, unless given.
        metrics: Names of the experiment's metrics; all but quantiles unless given.
    """

    effect: Margin | None = None
    users: int | None = None
    metrics: Sequence[str] = ()


def plan(store: ExperimentStore, name: str, question: Question, wanted: float) -> tuple[Plan, ...]:
    """What each metric takes, control and the first treatment together.

    Args:
        store: Where the experiment is.
        name: Of the experiment.
        question: What is asked.
        wanted: The probability of finding a change.

    Raises:
        UsageError: A metric is not known, or a quantile; an effect is none, or leads out of 0 to 1.
        DataError: Nothing is known of control yet.
    """
    experiment, seen = _observed(store, name)
    chosen = _chosen(experiment, seen, question.metrics)
    return tuple(_plan(experiment, seen, metric, question, wanted) for metric in chosen)


def _plan(experiment: Experiment, seen: Observations, metric: MetricSpec, question: Question, wanted: float) -> Plan:
    values = _values(seen, metric)
    arms, share, alpha = _arms(experiment), _share(experiment), experiment.alpha_of(metric)
    control, deviation = float(values.mean()), float(values.std(ddof=1))
    now = question.users or experiment.horizon or len(seen.users)
    change = None if question.effect is None else question.effect.amount(control) * metric.better
    needed = None
    if metric.kind == "conversion":
        if change is not None:
            needed = power.users_for_proportions(change, control, share=share, alpha=alpha, power=wanted)
        least = power.detectable_proportion(round(now * arms), control, share=share, alpha=alpha, power=wanted)
    else:
        both = (deviation, deviation * _widened(seen, metric, control, change or 0.0))
        if change is not None:
            needed = power.users_for_means(change, both, share=share, alpha=alpha, power=wanted)
        least = power.detectable_mean(round(now * arms), both, share=share, alpha=alpha, power=wanted)
    users = None if needed is None else math.ceil(needed / arms)
    days = None if users is None else _days(seen, users)
    return Plan(metric, control, deviation, change, users, now, least, days, alpha)


def _widened(seen: Observations, metric: MetricSpec, control: float, change: float) -> float:
    """How much wider the treatment scatters: a mean of 0 and 1 like a share does, others as control."""
    moved = control + change
    shares = metric.kind == "mean" and np.isin(seen.after[metric.value].values, (0.0, 1.0)).all()
    if not shares or not (0.0 < control < 1.0 and 0.0 < moved < 1.0):
        return 1.0
    return math.sqrt(moved * (1 - moved) / (control * (1 - control)))


def _arms(experiment: Experiment) -> float:
    """Share of all users that control and the first treatment have together."""
    return sum(list(experiment.shares.values())[:2])


def _share(experiment: Experiment) -> float:
    """Share of these who get the treatment."""
    return list(experiment.shares.values())[1] / _arms(experiment)


def simulate(
    store: ExperimentStore, name: str, question: Question, every: int, repeats: int = REPEATS
) -> tuple[Simulated, ...]:
    """Repeat the experiment on control's users, randomly assigned anew.

    Args:
        store: Where the experiment is.
        name: Of the experiment.
        question: What is asked; without an effect only false alarms are counted.
        every: Users between two looks of those who peek.
        repeats: How many experiments.

    Raises:
        UsageError: A metric is not known, or a quantile.
        DataError: Nothing is known of control yet.
    """
    experiment, seen = _observed(store, name)
    users, arms = question.users or experiment.horizon or len(seen.users), _arms(experiment)
    found = []
    for metric in _chosen(experiment, seen, question.metrics):
        values, alpha = _values(seen, metric), experiment.alpha_of(metric)
        change = 0.0 if question.effect is None else question.effect.amount(float(values.mean())) * metric.better
        design = Design(
            round(users * arms), share=_share(experiment), every=max(1, round(every * arms)),
            horizon=experiment.horizon or HORIZON, confidence=1 - alpha,
        )  # fmt: skip
        nothing = characteristics(values, design, repeats=repeats)
        something = characteristics(values, replace(design, effect=change), repeats=repeats) if change else None
        found.append(Simulated(metric, users, change, alpha, nothing, something))
    return tuple(found)


def _observed(store: ExperimentStore, name: str) -> tuple[Experiment, Observations]:
    experiment = store.load(name)
    if experiment.mode == "interleave":
        raise UsageError("mixed rankings have no variance of control to plan by", hint="for --mode split")
    return experiment, observe(store, experiment)


def _chosen(experiment: Experiment, seen: Observations, names: Sequence[str]) -> list[MetricSpec]:
    known = {metric.name: metric for metric in experiment.metrics}
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"{experiment.name} has no metric {unknown[0]!r}", hint=f"one of {', '.join(known)}")
    if quantiles := [name for name in names if known[name].kind == "quantile"]:
        raise UsageError(f"{quantiles[0]} is a quantile, of which no variance is known", hint="name its mean")
    wanted = [metric for name, metric in known.items() if name in names or (not names and metric.kind != "quantile")]
    recorded = [one for one in wanted if one.value in seen.after and (not one.per or one.per in seen.after)]
    if not recorded:
        raise DataError(f"nothing is recorded of {', '.join(one.name for one in wanted) or 'any metric but quantiles'}")
    return [resolved(metric, seen) for metric in recorded]


def _values(seen: Observations, metric: MetricSpec) -> Values:
    """One value of each user of control, whose mean is the metric and whose deviation is what planning needs."""
    numerator, denominator = parts_of(seen, metric)
    kept = (seen.variant == 0) & (denominator != 0)
    if kept.sum() < 2:
        raise DataError(f"control has {int(kept.sum())} users with {metric.name}: too few to know how they differ")
    values = ratios.linearised((numerator[kept], denominator[kept]))
    return np.asarray(values, dtype=np.float64)


def _days(seen: Observations, users: int) -> float | None:
    """At the pace at which the middle nine of ten users have come: a first or last one may be far away."""
    early, late = np.quantile(seen.exposed, [0.05, 0.95])
    days = users / (0.9 * len(seen.users)) * float(late - early) / 86_400
    return days if days > 0.0 else None
