"""What ``--format json`` prints, and ``.json`` files hold, under ``result``."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ragcli.abtest.compare.aa import AaResult, Noise
from ragcli.abtest.compare.run import Arm, CompareResult
from ragcli.abtest.compare.slices import Slice
from ragcli.abtest.compare.verdict import Judged
from ragcli.evaluate.reports.json import finite_throughout
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.summary import counts

COMPARE_SCHEMA = "ragcli/abtest-compare/v1"
AA_SCHEMA = "ragcli/abtest-aa/v1"


def of_comparison(found: CompareResult) -> dict[str, Any]:
    """A comparison, with the values of every question."""
    return _finite(
        {
            "schema": COMPARE_SCHEMA,
            "dataset": found.dataset,
            "control": found.control,
            "verdict": found.verdict,
            "best": found.best.name,
            "counts": counts(found.result),
            "treatments": [_arm(arm) for arm in found.arms],
            "queries": list(found.result.queries),
            "values": [_values(found.control, found.result), *(_values(arm.name, arm.result) for arm in found.arms)],
            "seconds": found.seconds,
        }
    )


def of_noise(found: AaResult) -> dict[str, Any]:
    """The noise of one configuration."""
    return _finite(
        {
            "schema": AA_SCHEMA,
            "dataset": found.dataset,
            "config": found.config,
            "deterministic": found.deterministic,
            "counts": counts(found.results[0]),
            "metrics": [_noise(item) for item in found.metrics],
            "seconds": found.seconds,
        }
    )


def _finite(document: dict[str, Any]) -> dict[str, Any]:
    return {key: finite_throughout(value) for key, value in document.items()}


def _arm(arm: Arm) -> dict[str, Any]:
    return {
        "treatment": arm.name,
        "verdict": arm.verdict,
        "sentence": arm.sentence,
        "metrics": [_judged(item) for item in arm.metrics],
        "slices": [_slice(item) for item in arm.slices],
        "changed": arm.changed,
        "mismatched": arm.mismatched,
        "failed": len(arm.result.failures),
    }


def _judged(item: Judged) -> dict[str, Any]:
    plain = asdict(item.comparison)
    plain["control"], plain["treatment"] = plain.pop("baseline"), plain.pop("candidate")
    plain["interval"] = [item.comparison.interval.low, item.comparison.interval.high]
    return plain | {"equivalence_p": item.equivalence_p, "verdict": item.verdict, "decides": item.decides}


def _slice(item: Slice) -> dict[str, Any]:
    return asdict(item) | {"interval": [item.interval.low, item.interval.high]}


def _noise(item: Noise) -> dict[str, Any]:
    return asdict(item) | {"interval": [item.interval.low, item.interval.high]}


def _values(name: str, result: EvalResult) -> dict[str, Any]:
    columns: dict[str, Sequence[float]] = {metric: values.tolist() for metric, values in result.values.items()}
    return {"config": name, "values": columns}
