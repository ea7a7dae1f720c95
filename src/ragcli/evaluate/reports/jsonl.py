"""``.jsonl``: one object a query."""

import json
from typing import Any

from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import finite


def write(report: Report) -> str:
    """The whole file, in the dataset's order."""
    lines = (json.dumps(record(report, row), ensure_ascii=False) for row in range(len(report.result.queries)))
    return "".join(f"{line}\n" for line in lines)


def record(report: Report, row: int) -> dict[str, Any]:
    """One query: its values by metric, null where the row failed; facts that it does not have are left out."""
    query, question = report.result.queries[row], report.result.question(row)
    found: dict[str, Any] = {"query": query}
    found |= {name: finite(value) for name, value in report.values(row).items()}
    facts = {
        "text": question.text,
        "tags": list(question.tags),
        "must_pass": question.must_pass,
        "missing": query in report.result.missing,
        "failure": report.result.failures.get(query, ""),
        "baseline": {name: finite(value) for name, value in report.baseline_values(row).items()},
    }
    return found | {name: fact for name, fact in facts.items() if fact}
