"""``.md``: for a pull-request comment or $GITHUB_STEP_SUMMARY; the verdict first, and short."""

import math
import re
from collections.abc import Iterable, Sequence
from html import escape

from ragcli.evaluate.comparison import Comparison, Comparisons, Verdict
from ragcli.evaluate.counting import counted
from ragcli.evaluate.direction import direction
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.statistics import Interval
from ragcli.evaluate.summary import Summary, counts

_LOSSES = 10
_GATES = 20
_SLICES = 20
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_MARKS = {Verdict.PASS: "✅", Verdict.REGRESSION: "❌", Verdict.INCONCLUSIVE: "❔"}


def write(report: Report) -> str:
    """The whole page, a few kilobytes whatever the number of queries."""
    parts = [_headline(report), _gates(report), _metrics(report), _changed(report), _losses(report), _slices(report)]
    return "\n\n".join(part for part in [*parts, _footer(report)] if part) + "\n"


def code(text: str, most: int = 100) -> str:
    """Text of a stranger as a code span: no markup, mention, link or table cell can come out of it."""
    text = " ".join(_CONTROL.sub(" ", text).split())
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    text = text.replace("`", "'").replace("|", "\\|")
    return f"`{text}`" if text else ""


def number(value: float, sign: str = "") -> str:
    """Four digits for a share, whole numbers for what is large; a dash for what is not known."""
    if not math.isfinite(value):
        return "-"
    return f"{value:{sign}z.4f}" if abs(value) < 100 else f"{value:{sign}z,.1f}"


def interval(found: Interval, sign: str = "") -> str:
    """An interval in brackets; a dash when nothing bounds it."""
    if math.isinf(found.low) and math.isinf(found.high):
        return "-"
    return f"[{number(found.low, sign)}, {number(found.high, sign)}]"


def _headline(report: Report) -> str:
    name = code(report.result.dataset)
    if (verdict := report.verdict) is None:
        return f"## Evaluation of {name}"
    worst = [outcome for outcome in report.outcomes if outcome.verdict is verdict]
    told = {
        Verdict.PASS: f"all {len(worst)} gates hold" if len(worst) > 1 else "the gate holds",
        Verdict.REGRESSION: f"{len(worst)} of {len(report.outcomes)} gates failed",
        Verdict.INCONCLUSIVE: f"{len(worst)} of {len(report.outcomes)} gates cannot be decided with these queries",
    }[verdict]
    return f"## {_MARKS[verdict]} {verdict.value}: {name}\n\n{told}."


def _gates(report: Report) -> str:
    missed = [outcome for outcome in report.outcomes if outcome.verdict is not Verdict.PASS]
    lines = [f"- {_MARKS[outcome.verdict]} {code(outcome.message, 300)}" for outcome in missed[:_GATES]]
    return "\n".join([*lines, *_more(len(missed), _GATES, "gates")])


def _metrics(report: Report) -> str:
    compared = {} if report.comparisons is None else {item.metric: item for item in report.comparisons.metrics}
    heads = ["metric", "mean", "95 % interval"]
    if compared:
        heads += ["baseline", "change", "95 % interval", "p (Holm)", "better / worse / same", "verdict"]
    rows = [
        [code(item.metric), number(item.mean), interval(item.interval), *_delta(compared, item)]
        for item in report.summaries
    ]
    totals = [[code(name), number(value), *[""] * (len(heads) - 2)] for name, value in report.result.totals.items()]
    return table(heads, [*rows, *totals])


def _delta(compared: dict[str, Comparison], item: Summary) -> list[str]:
    if not compared:
        return []
    if (found := compared.get(item.metric)) is None:
        return [""] * 6
    counted = found.counts
    mark = "" if found.verdict is None else f"{_MARKS[found.verdict]} {found.verdict.value}"
    return [
        number(found.baseline), number(found.difference, "+"), interval(found.interval, "+"),
        p_text(found.adjusted_p if found.verdict else found.p),
        f"{counted.wins} / {counted.losses} / {counted.ties}", mark,
    ]  # fmt: skip


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A Markdown table, all columns but the first ``texts`` right-aligned."""
    lines = [heads, [*["---"] * texts, *["---:"] * (len(heads) - texts)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _changed(report: Report) -> str:
    found = report.comparisons
    if found is None:
        return ""
    return "\n".join(line for line in (_fields(found), _unpaired(found)) if line)


def _fields(found: Comparisons) -> str:
    fields = [
        f"{code(name)} {code(old or '-', 24)} → {code(new or '-', 24)}" for name, (old, new) in found.changed.items()
    ]
    allowed = ", ".join(code(name) for name in found.mismatched)
    text = f"Against {code(found.name)}; changed: {', '.join(fields) or 'nothing that is recorded'}."
    return f"{text} Compared although they differ in {allowed}." if allowed else text


def _unpaired(found: Comparisons) -> str:
    sides = ((found.only_baseline, "only in the baseline"), (found.only_candidate, "only here"))
    return " ".join(f"Left out: {counted(len(ids), 'query', 'queries')} {where}." for ids, where in sides if ids)


def _losses(report: Report) -> str:
    rows = report.worst_losses(_LOSSES)
    if not rows:
        return ""
    lines = []
    for row in rows:
        question, query = report.result.question(row), report.result.queries[row]
        before, after = report.baseline_values(row)[report.primary], report.values(row)[report.primary]
        lines.append([code(query, 40), code(question.text), number(before), number(after), number(after - before, "+")])
    heads = ["query", "question", "baseline", "now", "change"]
    lost = int((report.changes() < 0).sum())
    title = f"Worst losses by {code(report.primary)} ({counted(lost, 'query', 'queries')} lost)"
    return f"<details><summary>{_html(title)}</summary>\n\n{table(heads, lines, texts=2)}\n\n</details>"


def _html(title: str) -> str:
    """Markdown is not read inside a summary line."""
    parts = escape(title.replace("\\|", "|")).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _slices(report: Report) -> str:
    found = report.slices
    if not found:
        return ""
    better = direction(report.primary)
    rows = []
    for tag, items in found.items():
        if item := next((item for item in items if item.metric == report.primary), None):
            rows.append(
                (item.mean * better, [code(tag), str(item.queries), number(item.mean), interval(item.interval)])
            )
    rows.sort(key=lambda row: row[0])
    lines = [line for _, line in rows[:_SLICES]]
    title = f"{_html(code(report.primary))} by tag, worst first"
    body = table(["tag", "queries", "mean", "95 % interval"], lines)
    rest = "".join(f"\n\n{line}" for line in _more(len(rows), _SLICES, "tags"))
    return f"<details><summary>{title}</summary>\n\n{body}{rest}\n\n</details>"


def _more(found: int, shown: int, what: str) -> list[str]:
    return [f"- and {found - shown} more {what}"] if found > shown else []


def _footer(report: Report) -> str:
    numbers = counts(report.result)
    facts = [counted(numbers["judged"], "judged query", "judged queries")]
    facts += [
        f"{numbers[name]} {what}"
        for name, what in (
            ("missing", "of them retrieved nothing and count 0"),
            ("failed", "of them failed and are not averaged"),
            ("unjudged", "more without judgements left out"),
        )
        if numbers[name]
    ]
    notes = "".join(f"; {code(name)}: {code(note)}" for name, note in report.result.notes.items())
    warned = "".join(f"\n\n> {code(warning, 300)}" for warning in report.warnings)
    return f"{', '.join(facts)}; {report.result.seconds:.1f} s{notes}.{warned}"
