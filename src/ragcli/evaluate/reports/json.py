"""``.json``: the envelope of the command line, with all that was found; loads again as a baseline."""

import json
import math
from dataclasses import asdict
from typing import Any

from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import SCHEMA, to_json
from ragcli.evaluate.summary import Summary, counts


def document(report: Report) -> dict[str, Any]:
    """What the command prints under ``result`` with ``--format json``."""
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "verdict": report.verdict,
        "counts": counts(report.result),
        "metrics": [_summary(item) for item in report.summaries],
        "slices": {tag: [_summary(item) for item in items] for tag, items in report.slices.items()},
        "gates": [asdict(item) for item in report.outcomes],
        "comparison": None,
        "result": to_json(report.result),
    }
    if report.comparisons is not None:
        plain = asdict(report.comparisons)
        plain["settings"]["allow_mismatch"] = sorted(plain["settings"]["allow_mismatch"])
        for item in plain["metrics"]:
            item["interval"] = list(item["interval"].values())
        found["comparison"] = plain
    return {key: finite_throughout(value) for key, value in found.items()}


def write(report: Report) -> str:
    """The whole file."""
    error = report.failure
    envelope = {
        "schema": "ragcli/v1",
        "command": "eval",
        "ok": error is None,
        "result": document(report),
        "warnings": list(report.warnings),
        "error": None
        if error is None
        else {"code": error.code, "exit_status": error.exit_status, "message": error.message, "hint": error.hint},
    }
    return json.dumps(envelope, ensure_ascii=False, allow_nan=False) + "\n"


def _summary(item: Summary) -> dict[str, Any]:
    return asdict(item) | {"interval": [item.interval.low, item.interval.high]}


def finite_throughout(value: Any) -> Any:
    """The value with None in place of each number that JSON does not know."""
    if isinstance(value, dict):
        return {key: finite_throughout(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite_throughout(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
