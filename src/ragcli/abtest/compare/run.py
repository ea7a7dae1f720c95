"""A comparison from configurations to a verdict."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ragcli.abtest.compare.engines import ComparedEngine, ask_in_turn, opened, warm_up
from ragcli.abtest.compare.slices import Slice, slices
from ragcli.abtest.compare.verdict import Judged, Verdict, in_all, judge, sentence
from ragcli.config.settings import Config
from ragcli.errors import InconclusiveError, NotComparableError, RegressionError, UsageError
from ragcli.evaluate import comparison, statistics
from ragcli.evaluate.comparison import MUST_AGREE, Comparison, Comparisons, Settings
from ragcli.evaluate.direction import direction
from ragcli.evaluate.evaluation import Evaluation
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.result import EvalResult
from ragcli.index.progress import Progress

LATENCY = "latency_ms"
MEASURED = (LATENCY, "query_tokens", "query_cost")
"""Metrics that every evaluation measures besides those of quality."""


@dataclass(frozen=True, slots=True)
class Options:
    """How configurations are compared.

    Attributes:
        metrics: Those of quality that are measured.
        deciding: Metrics that the verdict in all is from; empty for those of quality whose higher values are better.
        top_k: Documents per question.
        settings: Margins, test, level and what may differ.
    """

    metrics: tuple[str, ...]
    deciding: tuple[str, ...]
    top_k: int
    settings: Settings = field(default_factory=Settings)


@dataclass(frozen=True, slots=True)
class Arm:
    """One treatment against the control.

    Attributes:
        name: Its file.
        metrics: Those that decide first.
        slices: Differences by tag.
        changed: Fingerprints that differ: field -> (control, treatment).
        mismatched: Those that should not, and were allowed.
        result: Its evaluation.
        comparisons: As ``eval`` has them, for its tables and charts.
    """

    name: str
    verdict: Verdict
    sentence: str
    metrics: tuple[Judged, ...]
    slices: tuple[Slice, ...]
    changed: Mapping[str, tuple[str, str]]
    mismatched: Mapping[str, tuple[str, str]]
    result: EvalResult
    comparisons: Comparisons


@dataclass(frozen=True, slots=True)
class CompareResult:
    """All treatments against one control.

    Attributes:
        control: Its file.
        result: Its evaluation.
        arms: In the order given.
    """

    dataset: str
    control: str
    result: EvalResult
    arms: tuple[Arm, ...]
    seconds: float

    @property
    def best(self) -> Arm:
        """The treatment that speaks most for a change: by verdict, then by the gain of the first metric."""
        order = (Verdict.TREATMENT, Verdict.EQUIVALENT, Verdict.INCONCLUSIVE, Verdict.CONTROL)
        return min(self.arms, key=lambda arm: (order.index(arm.verdict), -arm.metrics[0].gain))

    @property
    def verdict(self) -> Verdict:
        """That of the best treatment."""
        return self.best.verdict

    @property
    def tests(self) -> int:
        """How many p values are adjusted together: those of all metrics and treatments."""
        return sum(len(arm.metrics) for arm in self.arms)

    @property
    def failure(self) -> RegressionError | InconclusiveError | None:
        """What the command ends with; None when the best treatment is better or equivalent."""
        best = self.best
        match best.verdict:
            case Verdict.CONTROL:
                return RegressionError("control better", hint="-o FILE.html shows every question")
            case Verdict.INCONCLUSIVE:
                return InconclusiveError("cannot decide", hint=_open_hint(best))
            case Verdict.TREATMENT | Verdict.EQUIVALENT:
                return None


def run_compare(
    named: Sequence[tuple[Path, Config]], dataset: Dataset, options: Options, progress: Progress | None = None
) -> CompareResult:
    """Ask all configurations the questions in turn, and judge each treatment against the first one, the control.

    Raises:
        IndexStateError: A configuration has no index that fits it.
        NotComparableError: Their indexes hold other documents, or judgements are on other things in them.
        UsageError: A metric or a margin is unknown.
        DataError: No judged document is in an index, or nothing is left to compare.
    """
    started = time.perf_counter()
    with opened(named) as engines:
        control, *treatments = evaluated(named, engines, dataset, options, progress)
    compared = [_compared(control, result, options, str(named[0][0])) for result in treatments]
    tests = [item for found in compared for item in found.gated]
    adjusted = iter(_adjusted(tests))
    arms = []
    for (file, _), result, found in zip(named[1:], treatments, compared, strict=True):
        judged = tuple(_judged(item, next(adjusted), control, result, options) for item in found.gated)
        verdict = in_all(judged)
        arms.append(
            Arm(
                name=str(file),
                verdict=verdict,
                sentence=sentence(verdict, judged, str(named[0][0]), str(file), len(tests)),
                metrics=judged,
                slices=slices(control, result, [item.metric for item in judged]),
                changed=found.changed,
                mismatched=found.mismatched,
                result=result,
                comparisons=found,
            )
        )
    return CompareResult(dataset.name, str(named[0][0]), control, tuple(arms), time.perf_counter() - started)


def evaluated(
    named: Sequence[tuple[Path, Config]],
    engines: Sequence[ComparedEngine],
    dataset: Dataset,
    options: Options,
    progress: Progress | None = None,
) -> list[EvalResult]:
    """The evaluation of each engine, all asked in turn; raises as ``run_compare`` does."""
    evaluations = [Evaluation(engine, dataset, options.metrics, options.top_k) for engine in engines]
    for (file, _), evaluation in zip(named[1:], evaluations[1:], strict=True):
        _check_alike(str(named[0][0]), str(file), evaluations[0], evaluation, options.settings.allow_mismatch)
    warm_up([file for file, _ in named], engines, evaluations[0].questions, options.top_k)

    def forget() -> None:
        for engine in engines:
            engine.forget()

    ask_in_turn(evaluations, progress, forget)
    return [evaluation.finish()[0] for evaluation in evaluations]


def _check_alike(control: str, treatment: str, one: Evaluation, other: Evaluation, allowed: frozenset[str]) -> None:
    """Refuse unlike configurations before they are asked."""
    pairs = {name: (one.fingerprints.get(name, ""), other.fingerprints.get(name, "")) for name in MUST_AGREE}
    refused = [name for name, (left, right) in pairs.items() if left != right and name not in allowed]
    if refused:
        details = "; ".join(f"{name}: {pairs[name][0]} and {pairs[name][1]}" for name in refused)
        raise NotComparableError(
            f"{control} and {treatment} differ in {details}",
            hint="sync both workspaces from the same documents, or "
            + " ".join(f"--allow-mismatch {name}" for name in refused),
        )


def _compared(control: EvalResult, treatment: EvalResult, options: Options, name: str) -> Comparisons:
    """All metrics, those that get a verdict gated: what decides, else all of quality; and latency."""
    deciding = options.deciding or comparison.gated_metrics(control, treatment)
    settings = replace(options.settings, gated=tuple(dict.fromkeys([*deciding, LATENCY])))
    return comparison.compare(control, treatment, settings, name=name)


def _adjusted(items: Sequence[Comparison]) -> list[float]:
    """The p values after Holm over all metrics and treatments; a p that is not known counts as 1."""
    return statistics.holm([1.0 if np.isnan(item.p) else item.p for item in items])


def _judged(item: Comparison, p: float, control: EvalResult, treatment: EvalResult, options: Options) -> Judged:
    adjusted = replace(item, adjusted_p=p)
    equivalence = statistics.equivalence_test(differences(control, treatment, item.metric), item.margin)
    decides = item.metric.casefold() in {name.casefold() for name in options.deciding}
    decides = decides or (not options.deciding and item.metric != LATENCY)
    return Judged(adjusted, equivalence, judge(adjusted, equivalence, options.settings.alpha), decides)


def differences(control: EvalResult, treatment: EvalResult, metric: str) -> "statistics.Differences":
    """The differences treatment - control of the questions that both have a value for; rounding is none."""
    found = treatment.values[metric] - control.values[metric]
    found = found[~np.isnan(found)]
    return np.where(np.abs(found) <= statistics.EQUAL, 0.0, found)


def metrics_of(wanted: Sequence[str], configured: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Metrics of quality to measure, and those that decide, of the ones that are wanted.

    Raises:
        UsageError: One is unknown, or no better direction is known of it.
    """
    from ragcli.evaluate.measures import Metric

    measured = {name.casefold(): name for name in MEASURED}
    quality = tuple(str(Metric.parse(name)) for name in wanted if name.casefold() not in measured)
    deciding = tuple(measured.get(name.casefold()) or str(Metric.parse(name)) for name in wanted)
    for name in deciding:
        if not direction(name):
            raise UsageError(f"neither more nor less {name} is better, so it cannot decide")
    return quality or tuple(configured), deciding


def _open_hint(arm: Arm) -> str:
    verdicts = {item.verdict for item in arm.metrics if item.decides}
    if {Verdict.TREATMENT, Verdict.CONTROL} <= verdicts:
        return "say which metric decides, with --metric, or what loss does not matter, with --margin"
    if sum(item.decides for item in arm.metrics) > 1:
        return "more judged questions; one --metric, named before looking, is not adjusted for the others"
    return "more judged questions"
