"""``.html``: the page of a comparison, in the style of ``eval``'s."""

import math
from dataclasses import replace
from html import escape

import numpy as np

from ragcli.abtest.compare.run import LATENCY, Arm, CompareResult
from ragcli.abtest.compare.slices import Slice
from ragcli.abtest.compare.verdict import Judged, Verdict
from ragcli.evaluate.counting import counted
from ragcli.evaluate.direction import direction
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.reports import charts, query_table
from ragcli.evaluate.reports.markdown import interval, number
from ragcli.evaluate.reports.page import figure, page, section, table
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import EvalResult

_KINDS = {
    Verdict.TREATMENT: "win",
    Verdict.CONTROL: "loss",
    Verdict.EQUIVALENT: "same",
    Verdict.INCONCLUSIVE: "open",
}


def of_comparison(found: CompareResult, warnings: tuple[str, ...] = ()) -> str:
    """The whole page."""
    parts = [part for arm in found.arms for part in (_metrics(arm, found.tests), _charts(found, arm), _slices(arm))]
    return page(
        f"{_title(found)}: ragcli abtest compare",
        [_head(found, warnings), *parts, _queries(found), *map(_changed, found.arms)],
    )


def _title(found: CompareResult) -> str:
    return f"{found.control} (control) against {', '.join(arm.name for arm in found.arms)}"


def _head(found: CompareResult, warnings: tuple[str, ...]) -> str:
    queries = counted(len(found.result.queries), "question")
    told = f"{found.dataset} · {queries} · asked in turn, A B B A · {found.result.created}"
    arms = "".join(
        f'<p class="verdict {_KINDS[arm.verdict]}"><b>{arm.verdict.value}</b> {escape(arm.sentence)}</p>'
        for arm in found.arms
    )
    warned = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    warned = f'<ul class="warnings">{warned}</ul>' if warned else ""
    return f'<header><h1>{escape(_title(found))}</h1><p class="quiet">{escape(told)}</p>{arms}{warned}</header>\n'


def _metrics(arm: Arm, tests: int) -> str:
    rows = [gain for item in arm.metrics if (gain := _gain(item)) is not None]
    chart = f'<div class="wide">{charts.gains(rows)}</div>' if rows else ""
    heads = [
        "metric", "verdict", "control", "treatment", "difference", "95 % interval", "p", "d",
        "<abbr title='questions better, worse, the same'>+ / - / =</abbr>", "detectable", "margin",
        "<abbr title='of a difference of the margin or more'>p (TOST)</abbr>",
    ]  # fmt: skip
    found = table(heads, map(_cells, arm.metrics), texts=2)
    note = f'<p class="quiet">p is adjusted (Holm, {counted(tests, "test")}), intervals are not.</p>'
    return section(f"Metrics, {arm.name}", chart + found + note)


def _gain(item: Judged) -> charts.Gain | None:
    """In margins; None where a margin of 0 or an unbounded interval has no place on an axis."""
    found, better = item.comparison, direction(item.metric)
    ends = (found.interval.low, found.interval.high)
    if not found.margin > 0.0 or not all(map(math.isfinite, ends)):
        return None
    low, high = sorted(end * better / found.margin for end in ends)
    told = f"{found.difference:+.4g}, {item.verdict.value}"
    return charts.Gain(item.metric, item.gain / found.margin, low, high, _KINDS[item.verdict], told)


def _cells(item: Judged) -> list[str]:
    found, kind = item.comparison, _KINDS[item.verdict]
    wins = f"{found.counts.wins} / {found.counts.losses} / {found.counts.ties}"
    aside = "" if item.decides else ' <span class="quiet">does not decide</span>'
    return [
        escape(item.metric), f'<span class="badge {kind}">{item.verdict.value}</span>{aside}',
        number(found.baseline), number(found.candidate),
        f'<b class="{kind}">{number(found.difference, "+")}</b>', interval(found.interval, "+"),
        escape(p_text(found.adjusted_p)), number(found.effect, "+"), wins, number(found.detectable),
        number(found.margin), escape(p_text(item.equivalence_p)),
    ]  # fmt: skip


def _charts(found: CompareResult, arm: Arm) -> str:
    metrics = dict.fromkeys([arm.metrics[0].metric, LATENCY])
    drawn = [_scatter(found.result, arm.result, metric) for metric in metrics]
    return section(f"Question by question, {arm.name}", f'<div class="charts">{"".join(drawn)}</div>')


def _scatter(control: EvalResult, treatment: EvalResult, metric: str) -> str:
    before, after = control.values[metric], treatment.values[metric]
    known = ~(np.isnan(before) | np.isnan(after))
    drawn = charts.scatter(before[known], after[known], direction(metric) or 1, ("control", "treatment"))
    return figure(f"{metric} of each question", drawn)


def _slices(arm: Arm) -> str:
    if not arm.slices:
        return ""
    metrics = [item.metric for item in arm.metrics]
    by_tag: dict[str, dict[str, Slice]] = {}
    for item in arm.slices:
        by_tag.setdefault(item.tag, {})[item.metric] = item
    rows = [
        [
            escape(tag),
            f"{max(item.queries for item in own.values()):,}",
            *(_slice(own[name]) if name in own else "-" for name in metrics),
        ]
        for tag, own in by_tag.items()
    ]
    note = '<p class="quiet">These intervals are not adjusted for how many there are: some exclude 0 by chance.</p>'
    found = table(["tag", "questions", *map(escape, metrics)], rows)
    return section(f"Differences by tag, {arm.name}", found + note)


def _slice(item: Slice) -> str:
    return f'{number(item.difference, "+")}<br><span class="quiet">{interval(item.interval, "+")}</span>'


def _queries(found: CompareResult) -> str:
    best = found.best
    judged = {item.metric for item in best.metrics}
    shown = {name: values for name, values in best.result.values.items() if name in judged}
    report = Report(replace(best.result, values=shown), found.result, best.comparisons)
    total = len(best.result.queries)
    rows = min(total, query_table.ROWS)
    told = f"all {total}" if rows == total else f"the {rows:,} worst of {total:,}"
    search = '<label>Filter <input type="search" id="filter" autocomplete="off"></label>'
    content = f'{search}<div class="scroll">{query_table.table(report)}</div>'
    return section(f"Questions ({told}), {best.name}", content)


def _changed(arm: Arm) -> str:
    rows = [
        [escape(name), f"<code>{escape(old)}</code>", f"<code>{escape(new)}</code>"]
        for name, (old, new) in {**arm.changed, **arm.mismatched}.items()
    ]
    if not rows:
        return ""
    return section(f"What differs, {arm.name}", table(["field", "control", "treatment"], rows, texts=3))
