"""``.csv``: one line a query."""

import csv
import io
import math

from ragcli.evaluate.reports.report import Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write(report: Report) -> str:
    """The whole file: query, text, tags, must_pass, failure, the metrics, and with a baseline its values beside them.

    Numbers have all their digits; the cell of a failed row is empty. A free text that a spreadsheet would run as a
    formula gets an apostrophe in front.
    """
    names = list(report.result.values)
    shared = [] if report.baseline is None else [name for name in names if name in report.baseline.values]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["query", "text", "tags", "must_pass", "failure", *names, *(f"baseline {name}" for name in shared)])
    for row, query in enumerate(report.result.queries):
        question, values, before = report.result.question(row), report.values(row), report.baseline_values(row)
        facts = (question.text, " ".join(question.tags), report.result.failures.get(query, ""))
        told, tags, failure = map(_harmless, facts)
        numbers = [*values.values(), *(before.get(name, math.nan) for name in shared)]
        cells = ["" if math.isnan(value) else repr(value) for value in numbers]
        lines.writerow([query, told, tags, "yes" if question.must_pass else "", failure, *cells])
    return text.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
