"""Two evaluations of the same questions: is the candidate worse than the baseline?

The rule, metric by metric, with the 95 % interval of the mean difference and a margin, the largest drop that does not
matter:

- **pass**: the interval excludes a drop of the margin or more (non-inferiority).
- **regression**: not that, and the candidate is significantly worse (two-sided p below 0.05 after Holm's adjustment
  over the gated metrics).
- **inconclusive**: neither; these queries are too few to tell, and the smallest detectable effect says how few.

Together they regress when one gated metric does, and pass when all of them pass. Only regressions need an adjustment
for many metrics: passing needs every interval at once (Berger, Multiparameter hypothesis testing and acceptance
sampling, Technometrics 24, 1982). Systems alike regress in at most 2.5 % of comparisons, with however many metrics.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError, NotComparableError, UsageError
from ragcli.evaluate import statistics
from ragcli.evaluate.direction import direction
from ragcli.evaluate.margin import MARGIN, RELATIVE_MARGIN, Margin
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import Counts, Interval, TestName

MUST_AGREE = ("dataset", "split", "judgements", "corpus", "top_k")
"""Fingerprints that make two results comparable: the same questions, judgements (and what they are on: documents,
spans or chunks) and documents, retrieved equally deep.

Whatever else differs (chunker, generation, model, query, seed, ragcli ...) is what a comparison is there to judge: it
is listed, not refused. ``notes``, which define metrics, must agree where both results have them.
"""
QUERIES = "queries"
"""Name under which queries that only one result has are refused or allowed."""


class Verdict(StrEnum):
    """What the queries say of the candidate."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Settings:
    """How two results are compared.

    Attributes:
        gated: Metrics that decide the verdict; empty for all that both results have and whose higher values are better.
        margins: Metric -> margin, where the default does not fit.
        test: Where p comes from; ``t`` takes its interval from Student, the others from the bootstrap.
        alpha: Level of the tests; intervals have confidence 1 - alpha.
        allow_mismatch: Fields that may differ although they should not.
    """

    gated: tuple[str, ...] = ()
    margins: Mapping[str, Margin] = field(default_factory=dict)
    test: TestName = "permutation"
    alpha: float = 0.05
    seed: int = statistics.SEED
    allow_mismatch: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Comparison:
    """One metric, candidate against baseline, over the queries that both have.

    Attributes:
        baseline: Mean over the paired queries; likewise ``candidate``.
        difference: candidate - baseline, below 0 for a drop.
        p: Two-sided, of no difference.
        adjusted_p: After Holm over the gated metrics; NaN for a metric that is not gated.
        effect: Cohen's d_z.
        counts: Queries on which the candidate is better, worse, the same.
        deviation: Standard deviation of the differences: what ``--power`` needs.
        detectable: Smallest difference that would be found with 80 % probability; NaN when nothing differs.
        margin: Largest change for the worse that does not matter, in the metric's units.
        queries: How many pairs there are.
        failed: How many pairs were left out because either row failed.
        unscored: How many were left out because they have nothing to be scored against, such as judged spans.
        verdict: None for a metric that is not gated.
    """

    metric: str
    baseline: float
    candidate: float
    difference: float
    interval: Interval
    p: float
    adjusted_p: float
    effect: float
    counts: Counts
    deviation: float
    detectable: float
    margin: float
    queries: int
    failed: int
    unscored: int
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Comparisons:
    """All metrics of two results.

    Attributes:
        name: What the baseline is called: a file, or its id in the store.
        metrics: The gated ones first.
        changed: Fingerprints that differ, which is the point of comparing: field -> (baseline, candidate).
        mismatched: Fields that should agree and do not, and were allowed.
        only_baseline: Queries that only the baseline has; likewise ``only_candidate``. Not paired.
    """

    name: str
    verdict: Verdict
    metrics: tuple[Comparison, ...]
    changed: Mapping[str, tuple[str, str]]
    mismatched: Mapping[str, tuple[str, str]]
    only_baseline: tuple[str, ...]
    only_candidate: tuple[str, ...]
    settings: Settings

    @property
    def gated(self) -> tuple[Comparison, ...]:
        """The comparisons that decide."""
        return tuple(item for item in self.metrics if item.verdict is not None)


def compare(
    baseline: EvalResult, candidate: EvalResult, settings: Settings | None = None, *, name: str = "baseline"
) -> Comparisons:
    """Pair two results by query and judge every metric that both have.

    Raises:
        NotComparableError: Fields that must agree do not, or a query is in one result only.
        DataError: There is no query, or no metric, that both have a value for.
        UsageError: A gated metric, a margin or an allowed field is unknown.
    """
    settings = settings or Settings()
    mismatched = _mismatches(baseline, candidate, settings.allow_mismatch)
    rows = {query: row for row, query in enumerate(candidate.queries)}
    left = np.array([row for row, query in enumerate(baseline.queries) if query in rows], dtype=np.intp)
    right = np.array([rows[query] for query in baseline.queries if query in rows], dtype=np.intp)
    if not left.size:
        raise DataError("the two results have no query in common")
    gated = gated_metrics(baseline, candidate, settings.gated)
    names = (*gated, *(metric for metric in candidate.values if metric in baseline.values and metric not in gated))
    margins = _margins(names, settings.margins)
    failed = {metric: baseline.failed(metric)[left] | candidate.failed(metric)[right] for metric in names}
    pairs = {metric: (baseline.values[metric][left], candidate.values[metric][right]) for metric in names}
    found = [
        _compare(metric, pairs[metric], failed[metric], margins.get(metric), settings, len(gated)) for metric in names
    ]
    judged = _judge(found[: len(gated)], settings)
    known = set(baseline.queries)
    return Comparisons(
        name=name,
        verdict=overall([item.verdict for item in judged if item.verdict]),
        metrics=(*judged, *found[len(gated) :]),
        changed=_changed(baseline.fingerprints, candidate.fingerprints),
        mismatched=mismatched,
        only_baseline=tuple(query for query in baseline.queries if query not in rows),
        only_candidate=tuple(query for query in candidate.queries if query not in known),
        settings=settings,
    )


def queries_needed(comparisons: Comparisons, effect: float, *, power: float = 0.8) -> dict[str, int]:
    """How many queries would show a change of this size, for each gated metric, judged by how these results differ.

    A metric that did not change on any query is left out: nothing is known of how it scatters.

    Raises:
        UsageError: The effect is not above 0.
    """
    gated = comparisons.gated
    alpha = comparisons.settings.alpha / max(1, len(gated))
    return {
        item.metric: statistics.required_queries(effect, item.deviation, alpha=alpha, power=power)
        for item in gated
        if item.deviation > 0.0
    }


def gated_metrics(baseline: EvalResult, candidate: EvalResult, wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """The metrics that decide: the named ones, or all of both results whose higher values are better.

    Raises:
        UsageError: A named metric has no values per query in one of them, or no better direction.
        DataError: No metric is left.
    """
    shared = [metric for metric in candidate.values if metric in baseline.values]
    names = {metric.casefold(): metric for metric in shared}
    chosen = []
    for metric in wanted:
        if (known := names.get(metric.casefold())) is None:
            raise UsageError(
                f"cannot compare {metric!r}: both results need its values per query",
                hint=f"both have: {', '.join(shared) or 'none'}",
            )
        if not direction(known):
            raise UsageError(f"neither more nor less {known} is better, so it cannot regress")
        chosen.append(known)
    chosen = list(dict.fromkeys(chosen)) or [metric for metric in shared if direction(metric) > 0]
    if not chosen:
        raise DataError("the two results have no metric in common that could regress")
    return tuple(chosen)


def overall(verdicts: Collection[Verdict]) -> Verdict:
    """The worst of some verdicts; none at all pass."""
    for worst in (Verdict.REGRESSION, Verdict.INCONCLUSIVE):
        if worst in verdicts:
            return worst
    return Verdict.PASS


def _compare(
    metric: str,
    pairs: tuple[NDArray[np.float64], NDArray[np.float64]],
    failed: NDArray[np.bool_],
    margin: Margin | None,
    settings: Settings,
    tests: int,
) -> Comparison:
    valid = ~(np.isnan(pairs[0]) | np.isnan(pairs[1]))
    if not valid.any():
        why = (
            "every row failed in one of them" if failed.all() else "the others failed, or have nothing to score against"
        )
        raise DataError(f"no query has a value of {metric} in both results: {why}")
    before, after = (values[valid] for values in pairs)
    differences = after - before
    differences[np.abs(differences) <= statistics.EQUAL] = 0.0
    deviation = float(differences.std(ddof=1)) if differences.size > 1 else math.nan
    mean = float(before.mean())
    return Comparison(
        metric=metric,
        baseline=mean,
        candidate=float(after.mean()),
        difference=float(differences.mean()),
        interval=_interval(differences, settings),
        p=_p(differences, settings),
        adjusted_p=math.nan,
        effect=statistics.effect_size(differences),
        counts=_oriented(statistics.count(differences), metric),
        deviation=deviation,
        detectable=statistics.detectable_effect(deviation, differences.size, alpha=settings.alpha / max(1, tests)),
        margin=(margin or _default_margin(metric)).amount(mean),
        queries=differences.size,
        failed=int((failed & ~valid).sum()),
        unscored=int((~failed & ~valid).sum()),
        verdict=None,
    )


def _p(differences: NDArray[np.float64], settings: Settings) -> float:
    match settings.test:
        case "permutation":
            return statistics.permutation_test(differences, seed=settings.seed)
        case "t":
            return statistics.t_test(differences)
        case "bootstrap":
            return statistics.bootstrap_test(differences, seed=settings.seed)


def _interval(differences: NDArray[np.float64], settings: Settings) -> Interval:
    if not differences.any():
        return Interval(0.0, 0.0)
    if settings.test == "t":
        return statistics.t_interval(differences, 1 - settings.alpha)
    return statistics.bootstrap_interval(differences, 1 - settings.alpha, seed=settings.seed)


def _judge(comparisons: Sequence[Comparison], settings: Settings) -> list[Comparison]:
    """The gated comparisons with Holm's p and a verdict; a p that is not known counts as 1."""
    adjusted = statistics.holm([1.0 if math.isnan(item.p) else item.p for item in comparisons])
    return [
        replace(item, adjusted_p=p, verdict=_verdict(item, p, settings.alpha))
        for item, p in zip(comparisons, adjusted, strict=True)
    ]


def _verdict(item: Comparison, p: float, alpha: float) -> Verdict:
    better = direction(item.metric)
    worst = item.interval.low if better > 0 else -item.interval.high
    if worst > -item.margin or worst >= 0.0:
        return Verdict.PASS
    return Verdict.REGRESSION if p < alpha and item.difference * better < 0 else Verdict.INCONCLUSIVE


def _oriented(counts: Counts, metric: str) -> Counts:
    return counts if direction(metric) >= 0 else Counts(counts.losses, counts.wins, counts.ties)


def _default_margin(metric: str) -> Margin:
    return Margin(MARGIN) if direction(metric) > 0 else Margin(RELATIVE_MARGIN, relative=True)


def _margins(names: Sequence[str], wanted: Mapping[str, Margin]) -> dict[str, Margin]:
    known = {name.casefold(): name for name in names}
    for metric in wanted:
        if metric.casefold() not in known:
            raise UsageError(f"a margin names {metric!r}, which is not compared", hint=f"compared: {', '.join(names)}")
    return {known[metric.casefold()]: margin for metric, margin in wanted.items()}


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    fields = dict.fromkeys([*before, *after])
    pairs = {name: (before.get(name, ""), after.get(name, "")) for name in fields if name not in MUST_AGREE}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _mismatches(baseline: EvalResult, candidate: EvalResult, allowed: frozenset[str]) -> dict[str, tuple[str, str]]:
    """Fields that should agree and do not; raises unless all of them are allowed."""
    known = {*MUST_AGREE, *baseline.notes, *candidate.notes, QUERIES}
    if unknown := allowed - known:
        raise UsageError(
            f"{min(unknown)!r} is no field that must agree", hint=f"fields that must: {', '.join(sorted(known))}"
        )
    pairs = {
        name: (baseline.fingerprints.get(name, "unknown"), candidate.fingerprints.get(name, "unknown"))
        for name in MUST_AGREE
    } | {name: (baseline.notes[name], candidate.notes[name]) for name in baseline.notes.keys() & candidate.notes.keys()}
    only = [set(baseline.queries) - set(candidate.queries), set(candidate.queries) - set(baseline.queries)]
    pairs[QUERIES] = (f"{len(only[0])} of its own", f"{len(only[1])} of its own") if any(only) else ("", "")
    unlike = {name: pair for name, pair in sorted(pairs.items()) if pair[0] != pair[1] or (name == QUERIES and pair[0])}
    if refused := [name for name in unlike if name not in allowed]:
        details = "; ".join(f"{name}: {unlike[name][0]} in the baseline, {unlike[name][1]} here" for name in refused)
        raise NotComparableError(
            f"the results differ in {details}",
            hint=" ".join(f"--allow-mismatch {name}" for name in refused) + " compares them all the same",
        )
    return unlike
