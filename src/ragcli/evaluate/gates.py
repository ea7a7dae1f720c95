"""From an evaluation to an exit status: limits, golden queries and the comparison with a baseline.

Limits look at the number itself, as printed, without a test: ``--min nDCG@10=0.6`` fails at 0.5999. Whatever cannot be
judged (an unknown metric, a number that is not there) is an error, never a pass.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ragcli.errors import DataError, InconclusiveError, RegressionError, UsageError
from ragcli.evaluate.comparison import Comparison, Comparisons, Settings, Verdict, compare, overall
from ragcli.evaluate.counting import counted
from ragcli.evaluate.direction import direction
from ragcli.evaluate.margin import Margin
from ragcli.evaluate.result import EvalResult, may_be_negative
from ragcli.evaluate.statistics import EQUAL
from ragcli.evaluate.summary import counts

_HINTS = {
    "cost": "the price of the embedder is unknown: set evaluate.embedder_price",
    "cost_judge": "set input_price and output_price of evaluate.answers.judge; the endpoint must tell its tokens",
}
Kind = Literal["min", "max", "must-pass", "baseline"]


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """What one gate found.

    Attributes:
        name: ``min nDCG@10``, ``must-pass q17``, ``baseline nDCG@10``.
        value: What was measured: a mean, a total, a difference; for a golden query its worst metric's value.
        limit: What it was held against.
        message: One sentence for people.
    """

    kind: Kind
    name: str
    value: float
    limit: float
    verdict: Verdict
    message: str


@dataclass(frozen=True, slots=True)
class Gates:
    """What a run is held against.

    Attributes:
        least: Metric and lower limit; likewise ``most`` with upper ones.
        must_pass: Whether golden queries are judged one by one.
        comparison: How it is compared with a baseline, if there is one.
    """

    least: tuple[tuple[str, float], ...] = ()
    most: tuple[tuple[str, float], ...] = ()
    must_pass: bool = False
    comparison: Settings = field(default_factory=Settings)


def judge(
    result: EvalResult, wanted: Gates, baseline: EvalResult | None = None, name: str = "baseline"
) -> tuple[Comparisons | None, tuple[GateOutcome, ...]]:
    """Hold a result against everything that is wanted of it.

    Args:
        result: The candidate.
        wanted: Limits, golden queries and how to compare.
        baseline: What to compare with; None for limits and golden queries alone.
        name: What the baseline is called.

    Raises:
        NotComparableError: The baseline is unlike.
        UsageError: A metric, margin or field is unknown.
        DataError: Something that is wanted was not measured.
    """
    outcomes = [*limits(result, "min", wanted.least), *limits(result, "max", wanted.most)]
    comparisons = None
    if baseline is not None:
        comparisons = compare(baseline, result, wanted.comparison, name=name)
        outcomes += against_baseline(comparisons)
    if wanted.must_pass:
        outcomes += must_pass(result, wanted.comparison.gated, baseline)
    return comparisons, tuple(outcomes)


def parse_margins(texts: Sequence[str]) -> dict[str, Margin]:
    """Read ``nDCG@10=0.01`` and ``p95_ms=5%``; raises UsageError."""
    pairs = [text.rpartition("=") for text in texts]
    for text, (name, _, _) in zip(texts, pairs, strict=True):
        if not name.strip():
            raise UsageError(f"{text!r} is not a margin", hint="METRIC=AMOUNT, such as nDCG@10=0.01 or latency_ms=5%")
    return {name.strip(): Margin.parse(amount) for name, _, amount in pairs}


def parse_limit(text: str) -> tuple[str, float]:
    """Read ``nDCG@10=0.6``.

    Raises:
        UsageError: There is no ``=``, or no finite number behind it.
    """
    name, equals, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not (name.strip() and equals and math.isfinite(value)):
        raise UsageError(f"{text!r} is not a limit", hint="METRIC=NUMBER, such as nDCG@10=0.6 or p95_ms=300")
    return name.strip(), value


def limits(result: EvalResult, kind: Literal["min", "max"], wanted: Sequence[tuple[str, float]]) -> list[GateOutcome]:
    """Hold means, totals and counts (``failed``, ``missing``, ``unjudged``) against limits.

    Raises:
        UsageError: The result has no such metric.
        DataError: It has no number for it, or no row to average.
    """
    return [_limit(result, kind, name, limit) for name, limit in wanted]


def measured(result: EvalResult, name: str) -> tuple[str, float]:
    """A metric's mean, a total or a count, with its name as the result spells it; raises as ``limits`` does."""
    known = counts(result)
    if name.casefold() in known:
        return name.casefold(), float(known[name.casefold()])
    name = result.metric(name)
    value = result.mean(name) if name in result.values else result.totals[name]
    if not math.isfinite(value):
        raise DataError(f"{name} was not measured in this run, so it cannot be gated", hint=_HINTS.get(name, ""))
    return name, value


def _limit(result: EvalResult, kind: Literal["min", "max"], name: str, limit: float) -> GateOutcome:
    name, value = measured(result, name)
    kept = value >= limit - EQUAL if kind == "min" else value <= limit + EQUAL
    relation = ("is at least" if kept else "is below") if kind == "min" else ("is at most" if kept else "is above")
    digits = 6 if kept or f"{value:.6g}" != f"{limit:.6g}" else 12
    message = f"{name} {value:.{digits}g} {relation} {limit:.{digits}g}"
    return GateOutcome(kind, f"{kind} {name}", value, limit, Verdict.PASS if kept else Verdict.REGRESSION, message)


def must_pass(result: EvalResult, metrics: Sequence[str] = (), baseline: EvalResult | None = None) -> list[GateOutcome]:
    """Judge every golden query by itself, without a test: any loss fails.

    A golden query fails when its row failed, when a metric is 0 (nothing relevant was found; not of those that may be
    negative, such as utility), or when a metric is lower than the baseline's for the same query. A metric that it has
    nothing to be scored against by, such as judged spans, is passed over unless there is no other.

    Args:
        result: With questions marked ``must_pass``.
        metrics: What must not be lost; empty for all whose higher values are better.
        baseline: An earlier result that it must keep up with, if there is one.

    Raises:
        UsageError: No question is marked ``must_pass``, or a metric is unknown.
        DataError: There is no metric to judge by.
    """
    if not result.golden:
        raise UsageError(
            f"no judged question of {result.dataset} is marked must_pass", hint='"must_pass": true in the dataset'
        )
    names = [result.metric(name) for name in metrics] or [name for name in result.values if direction(name) > 0]
    names = [name for name in names if name in result.values]
    if not names:
        raise DataError("there is no metric with values per query to judge golden queries by")
    rows = {query: row for row, query in enumerate(result.queries)}
    before = {} if baseline is None else {query: row for row, query in enumerate(baseline.queries)}
    outcomes = []
    for query in result.golden:
        values = {name: float(result.values[name][rows[query]]) for name in names}
        wanted = {}
        if baseline is not None and query in before:
            shared = [name for name in names if name in baseline.values]
            wanted = {name: float(baseline.values[name][before[query]]) for name in shared}
        failure = result.failures.get(query, "")
        due = {name for name, value in wanted.items() if not math.isnan(value)}
        scored = {name: value for name, value in values.items() if failure or name in due or not math.isnan(value)}
        outcomes.append(_golden(query, scored or values, wanted, failure))
    return outcomes


def _golden(query: str, values: Mapping[str, float], wanted: Mapping[str, float], failure: str) -> GateOutcome:
    losses: list[tuple[str, float, float, str]] = []
    for name, value in values.items():
        better = direction(name) or 1
        limit = wanted.get(name, math.nan)
        if math.isnan(value) or failure:
            losses.append((name, value, limit, f"{name} failed: {failure or 'it has no value'}"))
        elif value <= 0.0 and better > 0 and not may_be_negative(name):
            losses.append((name, value, limit, f"{name} is 0"))
        elif (value - limit) * better < -EQUAL:
            losses.append((name, value, limit, f"{name} went from {limit:.4g} to {value:.4g}"))
    if losses:
        name, value, limit, _ = losses[0]
        message = f"must-pass query {query}: {'; '.join(dict.fromkeys(loss[3] for loss in losses))}"
        return GateOutcome("must-pass", f"must-pass {query}", value, limit, Verdict.REGRESSION, message)
    name, value = next(iter(values.items()))
    message = f"must-pass query {query}: {name} {value:.4g}"
    return GateOutcome("must-pass", f"must-pass {query}", value, wanted.get(name, math.nan), Verdict.PASS, message)


def against_baseline(comparisons: Comparisons) -> list[GateOutcome]:
    """One outcome for each gated metric of a comparison."""
    return [
        GateOutcome(
            "baseline", f"baseline {item.metric}", item.difference, -item.margin * direction(item.metric),
            item.verdict or Verdict.PASS, explain(item),
        )
        for item in comparisons.gated
    ]  # fmt: skip


def explain(item: Comparison) -> str:
    """A comparison in one sentence."""
    counts, queries = item.counts, counted(item.queries, "query", "queries")
    effect = "" if math.isnan(item.effect) else f" effect {item.effect:+.2f},"
    facts = (
        f"{item.metric} {item.baseline:.4f} -> {item.candidate:.4f} ({item.difference:+.4f},"
        f" 95 % interval {item.interval.low:+.4f} to {item.interval.high:+.4f}, p {p_text(item.adjusted_p)},{effect}"
        f" {queries}: {counts.wins} better, {counts.losses} worse, {counts.ties} equal)"
    )
    rest = "" if math.isnan(item.detectable) else f"; these queries can show a change of {item.detectable:.4f}"
    rest += f"; left out because a row failed: {item.failed}" if item.failed else ""
    rest += f"; without anything to be scored against: {item.unscored}" if item.unscored else ""
    match item.verdict:
        case Verdict.PASS:
            return f"{facts}: no drop of {item.margin:.4g} or more{rest}"
        case Verdict.REGRESSION:
            return f"{facts}: significantly worse{rest}"
        case Verdict.INCONCLUSIVE | None:
            return f"{facts}: a drop of {item.margin:.4g} can be neither shown nor excluded{rest}"


def p_text(p: float) -> str:
    """A p value as people write it."""
    if math.isnan(p):
        return "-"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def verdict(outcomes: Sequence[GateOutcome]) -> Verdict:
    """All gates together: the worst of them."""
    return overall([outcome.verdict for outcome in outcomes])


def failure(outcomes: Sequence[GateOutcome]) -> RegressionError | InconclusiveError | None:
    """The error that a command ends with; None when every gate passed."""
    worst = verdict(outcomes)
    if worst is Verdict.PASS:
        return None
    those = [outcome for outcome in outcomes if outcome.verdict is worst]
    more = f" (and {len(those) - 1} more)" if len(those) > 1 else ""
    if worst is Verdict.REGRESSION:
        compared = any(outcome.kind == "baseline" for outcome in those)
        hint = "ragcli eval diff shows which queries lost what, and where" if compared else ""
        return RegressionError(f"gate failed: {those[0].message}{more}", hint=hint)
    return InconclusiveError(
        f"cannot decide: {those[0].message}{more}",
        hint="more judged questions, or a wider --margin; --power says how many",
    )
