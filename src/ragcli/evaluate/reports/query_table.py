"""The table of queries on the page, each with its hits and the judged spans marked."""

import math
from html import escape

import numpy as np

from ragcli.evaluate.direction import direction
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import StoredHit

ROWS = 1_000
_HITS = 10
_TEXT = 600
_UNMARKED = 240  # of a hit without a judged span


def chosen(report: Report) -> list[int]:
    """Rows for the table, at most ``ROWS``: failed ones, then the greatest losses, then the worst values."""
    values = report.result.values[report.primary] * (direction(report.primary) or 1)
    changes = np.where(np.isnan(report.changes()), 0.0, report.changes())
    order = np.lexsort((values, changes, ~np.isnan(values)))
    return [int(row) for row in order[:ROWS]]


def table(report: Report) -> str:
    """The whole table; every column sorts by a click on its head."""
    heads = ["query", "question", *report.result.values]
    if report.baseline is not None:
        heads.append(f"change of {report.primary}")
    cells = "".join(
        f'<th scope="col"{"" if index < 2 else " class=number"}><button type="button">{escape(head)}</button></th>'
        for index, head in enumerate(heads)
    )
    changes = report.changes()
    rows = "".join(_row(report, row, float(changes[row])) for row in chosen(report))
    return f'<table id="queries"><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>'


def _row(report: Report, row: int, change: float) -> str:
    result, query, question = report.result, report.result.queries[row], report.result.question(row)
    labels = [*question.tags]
    labels += ["must pass"] if question.must_pass else []
    labels += ["retrieved nothing"] if query in result.missing else []
    badges = "".join(f'<span class="badge">{escape(label)}</span>' for label in labels)
    if failure := result.failures.get(query):
        badges += f'<span class="badge loss">failed: {escape(failure)}</span>'
    title = f"{escape(question.text or query)} {badges}"
    hits = result.hits.get(query, ())
    if hits:
        items = "".join(map(_hit, hits[:_HITS]))
        title = f"<details><summary>{title}</summary><ol>{items}</ol></details>"
    cells = [_number(value) for value in report.values(row).values()]
    if report.baseline is not None:
        cells.append(_number(change, signed=True))
    return f'<tr><th scope="row">{escape(query)}</th><td>{title}</td>{"".join(cells)}</tr>'


def _number(value: float, *, signed: bool = False) -> str:
    if math.isnan(value):
        return '<td class="number" data-value="">-</td>'
    kind = (" loss" if value < 0 else " win" if value > 0 else "") if signed else ""
    return f'<td class="number{kind}" data-value="{value!r}">{value:{"+" if signed else ""}.4g}</td>'


def _hit(hit: StoredHit) -> str:
    judged = ("unjudged", "")
    if hit.grade is not None:
        judged = (f"relevant, grade {hit.grade}", " win") if hit.grade > 0 else ("not relevant", " loss")
    arms = "".join(f"; {escape(name)} #{arm.rank}" for name, arm in hit.arms.items())
    text = f"<blockquote>{marked(hit.text, hit.spans)}</blockquote>" if hit.text else ""
    return (
        f'<li><b>{escape(hit.document)}</b> <span class="badge{judged[1]}">{judged[0]}</span>'
        f' <span class="quiet">score {hit.score:.4g}{arms}</span>{text}</li>'
    )


def marked(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    """Escaped text with the spans in ``<mark>``, cut to a window around the first of them."""
    merged = _merged(spans, len(text))
    first = merged[0][0] if merged else 0
    most = _TEXT if merged else _UNMARKED
    start = 0 if len(text) <= most else min(max(0, first - most // 4), len(text) - most)
    end = min(len(text), start + most)
    parts, at = ["…" if start else ""], start
    for span in merged:
        left, right = max(span[0], at), min(span[1], end)
        if left < right:
            parts += [escape(text[at:left]), f"<mark>{escape(text[left:right])}</mark>"]
            at = right
    return "".join([*parts, escape(text[at:end]), "…" if end < len(text) else ""])


def _merged(spans: tuple[tuple[int, int], ...], length: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in sorted((max(0, start), min(end, length)) for start, end in spans):
        if start >= end:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
