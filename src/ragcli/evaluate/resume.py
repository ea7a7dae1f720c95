"""Go on with an evaluation of which rows failed: only those are tried again, everything else is taken from it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ragcli.errors import DataError, NotComparableError, UsageError
from ragcli.evaluate.evaluation import evaluate, shaping
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.retrieve import percentiles

if TYPE_CHECKING:
    from ragcli.query.engine import Engine


def resume(
    engine: "Engine",
    dataset: Dataset,
    before: EvalResult,
    metrics: Sequence[str],
    top_k: int,
    allowed: Collection[str] = (),
) -> EvalResult:
    """Ask the questions again that failed; those that still fail are failures of the result.

    Args:
        engine: Which is asked.
        dataset: All questions.
        before: The evaluation to go on with.
        metrics: Names of metrics, those of ``before``.
        top_k: Documents per question.
        allowed: Fingerprints that may differ from those of ``before``.

    Raises:
        NotComparableError: Other settings, documents or judgements would be mixed with those of ``before``.
        DataError: The dataset lacks a question that failed.
        UsageError: ``before`` has other metrics, or none of an allowed name.
    """
    wanted = {str(Metric.parse(name)) for name in metrics}
    had = {name for name in (*before.values, *before.totals) if _is_metric(name)}
    if wanted != had:
        raise UsageError(
            f"the result to resume has {', '.join(sorted(had)) or 'no metric'}, not {', '.join(sorted(wanted))}",
            hint=" ".join(f"--metric '{name}'" for name in before.values if name in had),
        )
    shaped, _ = shaping(engine, dataset, top_k)
    merged = agreed(before.fingerprints, shaped, allowed)
    if not before.failures:
        return before
    if gone := set(before.failures) - {query.id for query in dataset.judged}:
        raise DataError(f"question {min(gone)!r}, which failed, is not in the dataset")
    again, _ = evaluate(engine, dataset, metrics, top_k, only=before.failures)
    result = joined(before, replace(again, fingerprints=merged))
    return replace(result, totals={**result.totals, **percentiles(result.timings_ms)})


def agreed(before: Mapping[str, str], now: Mapping[str, str], allowed: Collection[str] = ()) -> dict[str, str]:
    """Fingerprints of rows of both; where they may differ, it says both.

    Raises:
        NotComparableError: One differs that may not.
        UsageError: There is none of an allowed name.
    """
    if unknown := set(allowed) - {*before, *now}:
        raise UsageError(
            f"{min(unknown)!r} is nothing that must agree",
            hint=f"fields that must: {', '.join(sorted({*before, *now}))}",
        )
    pairs = {name: (before.get(name, "unknown"), now.get(name, "unknown")) for name in dict.fromkeys([*before, *now])}
    refused = [name for name, (old, new) in pairs.items() if old != new and name not in allowed]
    if refused:
        details = "; ".join(
            f"{name}: {pairs[name][0]} in the result to resume, {pairs[name][1]} now" for name in refused
        )
        raise NotComparableError(
            f"rows of unlike evaluations would be mixed: {details}",
            hint=" ".join(f"--allow-mismatch {name}" for name in refused) + " mixes them all the same",
        )
    return {name: old if old == new else f"{old}, {new}" for name, (old, new) in pairs.items()}


def joined(before: EvalResult, again: EvalResult) -> EvalResult:
    """One result of an evaluation and of its failed rows, which were tried again.

    Totals are summed; percentiles of times, which cannot be, are left as they were.
    """
    rows = [before.queries.index(query) for query in again.queries]
    values = {name: column.copy() for name, column in before.values.items()}
    for name in values.keys() & again.values.keys():  # a cost may be known for one of them alone
        values[name][rows] = again.values[name]
    left = {query: reason for query, reason in before.failures.items() if query not in again.queries}
    return replace(
        before,
        values=values,
        fingerprints=again.fingerprints,
        missing=_ordered(before.queries, {*before.missing, *again.missing}),
        failures={**left, **again.failures},
        totals=_totals(before, again),
        notes={**again.notes, **before.notes},
        hits={**before.hits, **again.hits},
        journeys={**before.journeys, **again.journeys},
        timings_ms={**before.timings_ms, **again.timings_ms},
        curves=_curves(before, again),
        created=again.created,
        seconds=before.seconds + again.seconds,
    )


def _is_metric(name: str) -> bool:
    try:
        return str(Metric.parse(name)) == name
    except UsageError:
        return False


def _ordered(queries: Sequence[str], chosen: Collection[str]) -> tuple[str, ...]:
    return tuple(query for query in queries if query in chosen)


def _succeeded(result: EvalResult) -> int:
    return len(result.queries) - len(result.failures)


def _totals(before: EvalResult, again: EvalResult) -> dict[str, float]:
    """Sums, but for percentiles; geometric means by how many rows each is of."""
    old, new = _succeeded(before), _succeeded(again)
    found = dict(before.totals)
    for name, value in again.totals.items():
        if name.startswith("gm_") and name in found:
            found[name] = math.exp((old * math.log(found[name]) + new * math.log(value)) / (old + new))
        elif not name.endswith("_ms"):
            found[name] = found.get(name, 0.0) + value
    return found


def _curves(before: EvalResult, again: EvalResult) -> dict[str, tuple[float, ...]]:
    """Means over the rows of both that did not fail."""
    old, new = _succeeded(before), _succeeded(again)
    if not new or not before.curves:
        return dict(before.curves)
    return {
        name: tuple(((old * np.array(points) + new * np.array(again.curves[name])) / (old + new)).tolist())
        for name, points in before.curves.items()
    }
