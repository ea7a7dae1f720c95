"""From events to a verdict: health first, then every metric of every treatment, then what to do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragcli.abtest.decision import Decision, failure_of
from ragcli.abtest.experiment import Experiment
from ragcli.abtest.findings import Direction, Finding, concluded, find
from ragcli.abtest.health import Check, checks
from ragcli.abtest.inference.multiplicity import adjust
from ragcli.abtest.inference.power import POWER
from ragcli.abtest.observations import Observations, observe
from ragcli.abtest.store import ExperimentStore
from ragcli.errors import DataError, RagcliError
from ragcli.evaluate.distributions import normal_quantile
from ragcli.evaluate.gates import p_text


@dataclass(frozen=True, slots=True)
class Analysis:
    """All that an experiment says.

    Attributes:
        users: Variant -> users that were analysed.
        seen: The arrays behind it.
        findings: Metric by metric, for each treatment.
        decisions: Treatment -> what to do with it.
        sentence: The verdict for people.
    """

    experiment: Experiment
    seen: Observations
    health: tuple[Check, ...]
    findings: tuple[Finding, ...]
    decisions: dict[str, Decision]
    decision: Decision
    sentence: str

    @property
    def users(self) -> dict[str, int]:
        """Variant -> users who are analysed."""
        return dict(zip(self.seen.names, self.seen.sizes, strict=True))

    @property
    def failure(self) -> RagcliError | None:
        """What the command ends with; None where a treatment may ship."""
        return failure_of(self.decision, self.experiment.name)


def analyze(store: ExperimentStore, experiment: Experiment) -> Analysis:
    """Analyse an experiment of split traffic.

    Raises:
        DataError: Nobody has seen a variant, or nothing of any metric was recorded.
    """
    return analysis_of(experiment, observe(store, experiment))


def analysis_of(experiment: Experiment, seen: Observations) -> Analysis:
    """As ``analyze``, of what was observed; a horizon cuts off the users who came after it."""
    health = checks(experiment, seen)
    if experiment.horizon is not None:
        seen = seen.first(experiment.horizon)
    known = [metric for metric in experiment.metrics if metric.value in seen.after]
    known = [metric for metric in known if not metric.per or metric.per in seen.after]
    if not known:
        wanted = ", ".join(metric.name for metric in experiment.metrics)
        raise DataError(
            f"nothing was recorded of {wanted}", hint=f"ragcli abtest record {experiment.name} --user USER --metric ..."
        )
    found = [one for place in range(1, len(seen.names)) for one in find(experiment, seen, known, place)]
    findings = _adjusted([replace(one, detectable=_detectable(one, experiment)) for one in found], experiment)
    decisions = {
        name: _decision([one for one in findings if one.treatment == name], health) for name in experiment.names[1:]
    }
    decision = _overall(list(decisions.values()))
    return Analysis(
        experiment, seen, health, findings, decisions, decision, _sentence(decision, decisions, findings, health)
    )


def _adjusted(found: Sequence[Finding], experiment: Experiment) -> tuple[Finding, ...]:
    """With p adjusted over all metrics that decide and all treatments."""
    deciding = [one for one in found if one.metric.role == "metric"]
    adjusted = iter(adjust([one.p for one in deciding], experiment.correction))
    return tuple(
        concluded(one, next(adjusted), experiment.alpha) if one.metric.role == "metric" else one for one in found
    )


def _detectable(finding: Finding, experiment: Experiment) -> float:
    """At a fixed horizon of as many users; NaN where no error is known."""
    reach = normal_quantile(1 - experiment.alpha_of(finding.metric) / 2) + normal_quantile(POWER)
    return reach * finding.estimate.error or math.nan


def _decision(findings: Sequence[Finding], health: Sequence[Check]) -> Decision:
    levels = {check.level for check in health}
    directions = {one.direction for one in findings}
    if "invalid" in levels:
        return Decision.INVALID
    if "wait" in levels:
        return Decision.INCONCLUSIVE
    if directions & {Direction.WORSE, Direction.VIOLATED}:
        return Decision.HARM
    guarded = all(one.direction is Direction.HOLDS for one in findings if one.metric.role == "guardrail")
    return Decision.SHIP if Direction.BETTER in directions and guarded else Decision.INCONCLUSIVE


def _overall(decisions: Sequence[Decision]) -> Decision:
    """One treatment that may ship is enough; harm is only said where nothing else is open."""
    order = (Decision.INVALID, Decision.SHIP, Decision.INCONCLUSIVE, Decision.HARM)
    return next(decision for decision in order if decision in decisions)


def _sentence(
    decision: Decision, decisions: dict[str, Decision], findings: Sequence[Finding], health: Sequence[Check]
) -> str:
    if decision in {Decision.INVALID, Decision.INCONCLUSIVE}:
        level = "invalid" if decision is Decision.INVALID else "wait"
        if reasons := [check.message for check in health if check.level == level]:
            return f"{decision}: {'; '.join(reasons)}"
    told = []
    for name, own in decisions.items():
        if own is not decision:
            continue
        mine = [one for one in findings if one.treatment == name]
        told.append(f"{decision} {name}: {'; '.join(_told(one) for one in _telling(mine, decision))}")
    return "; ".join(told)


def _telling(findings: Sequence[Finding], decision: Decision) -> list[Finding]:
    """The findings that a decision rests on."""
    telling = {
        Decision.SHIP: {Direction.BETTER, Direction.HOLDS},
        Decision.HARM: {Direction.WORSE, Direction.VIOLATED},
        Decision.INCONCLUSIVE: {Direction.OPEN},
    }
    return [one for one in findings if one.direction in telling.get(decision, set())] or list(findings)


def _violated(one: Finding) -> str:
    """How much worse a guardrail is, whose interval lies on the worse side of 0."""
    least, most = sorted((abs(one.interval.low), abs(one.interval.high)))
    how = f"by {least:.4g} at least" if least >= one.margin else f"by up to {most:.4g}"
    return f"is worse {how}, where {one.margin:.4g} is allowed"


def _told(one: Finding) -> str:
    interval = one.interval
    change = f"{one.estimate.difference:+.4g} ({interval.low:+.4g} to {interval.high:+.4g}"
    share = "" if math.isnan(one.estimate.relative) else f", {one.estimate.relative:+.1%}"
    p = "" if math.isnan(one.adjusted_p) else f", p {p_text(one.adjusted_p)}"
    what = {
        Direction.BETTER: "is better",
        Direction.WORSE: "is worse",
        Direction.HOLDS: f"is not worse by {one.margin:.4g} or more",
        Direction.VIOLATED: _violated(one),
        Direction.OPEN: "may be either" if math.isnan(one.margin) else f"may be worse by {one.margin:.4g}",
    }[one.direction]
    return f"{one.metric.name} {what}: {change}{share}{p})"
