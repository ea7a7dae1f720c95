"""``.html``: one self-contained page, without network, for light and dark."""

import re
from html import escape

import numpy as np
from numpy.typing import NDArray

from ragcli.evaluate.comparison import Verdict
from ragcli.evaluate.counting import counted
from ragcli.evaluate.direction import direction
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.reports import charts, query_table
from ragcli.evaluate.reports.markdown import interval, number
from ragcli.evaluate.reports.page import figure, page, section, table
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.summary import Summary, counts

_KINDS = {Verdict.PASS: "win", Verdict.REGRESSION: "loss", Verdict.INCONCLUSIVE: "open"}


def write(report: Report) -> str:
    """The whole page."""
    sections = (_head(report), _gates(report), _metrics(report), _charts(report), _slices(report), _queries(report))
    return page(f"{report.result.dataset}: ragcli eval", [*sections, _facts(report)])


def _head(report: Report) -> str:
    numbers = counts(report.result)
    told = [counted(numbers["judged"], "judged query", "judged queries")]
    told += [f"{numbers[name]} {name}" for name in ("failed", "missing", "unjudged") if numbers[name]]
    told += [report.result.created] if report.result.created else []
    verdict = ""
    if report.verdict is not None:
        missed = sum(outcome.verdict is not Verdict.PASS for outcome in report.outcomes)
        held = f"{len(report.outcomes) - missed} of {len(report.outcomes)} gates hold"
        verdict = f'<p class="verdict {_KINDS[report.verdict]}"><b>{report.verdict.value}</b> {held}</p>'
    warned = "".join(f"<li>{escape(warning)}</li>" for warning in report.warnings)
    warned = f'<ul class="warnings">{warned}</ul>' if warned else ""
    return (
        f'<header><h1>{escape(report.result.dataset)}</h1><p class="quiet">{escape(" · ".join(told))}</p>'
        f"{verdict}{warned}</header>"
    )


def _gates(report: Report) -> str:
    if not report.outcomes:
        return ""
    order = [Verdict.REGRESSION, Verdict.INCONCLUSIVE, Verdict.PASS]
    rows = [
        [
            f'<span class="badge {_KINDS[item.verdict]}">{item.verdict.value}</span>',
            escape(item.name),
            escape(item.message),
        ]
        for item in sorted(report.outcomes, key=lambda item: order.index(item.verdict))[:200]
    ]
    found = table(["verdict", "gate", "what was found"], rows, texts=3)
    return section("Gates", f'<div id="gates">{found}</div>')


def _metrics(report: Report) -> str:
    compared = {} if report.comparisons is None else {item.metric: item for item in report.comparisons.metrics}
    shares = [item for item in report.summaries if 0.0 <= item.mean <= 1.0 and direction(item.metric) > 0]
    bars = [_bar(item, compared[item.metric].baseline if item.metric in compared else None) for item in shares]
    heads = ["metric", "mean", "95 % interval", "queries"]
    if compared:
        heads += [
            "baseline",
            "change",
            "95 % interval",
            "p (Holm)",
            "d",
            "<abbr title='queries better, worse, the same'>+ / - / =</abbr>",
            "detectable",
        ]
    rows = [[escape(item.metric), *_cells(report, item)] for item in report.summaries]
    rows += [[escape(name), number(value), *[""] * (len(heads) - 2)] for name, value in report.result.totals.items()]
    chart = charts.intervals(bars) if bars else ""
    ring = (
        '<p class="legend"><span class="key a">now</span><span class="key ring">baseline</span></p>' if compared else ""
    )
    return section("Metrics", f'<div class="wide">{ring}{chart}</div>{table(heads, rows)}')


def _bar(item: Summary, baseline: float | None) -> charts.Bar:
    low, high = max(item.interval.low, 0.0), min(item.interval.high, 1.0)
    return charts.Bar(item.metric, item.mean, low, high, baseline)


def _cells(report: Report, item: Summary) -> list[str]:
    cells = [number(item.mean), interval(item.interval), f"{item.queries:,}"]
    if report.comparisons is None:
        return cells
    found = next((other for other in report.comparisons.metrics if other.metric == item.metric), None)
    if found is None:
        return [*cells, *[""] * 7]
    kind = "" if found.verdict is None else f' class="{_KINDS[found.verdict]}"'
    counted = found.counts
    return [
        *cells, number(found.baseline), f"<b{kind}>{number(found.difference, '+')}</b>", interval(found.interval, "+"),
        escape(p_text(found.adjusted_p if found.verdict else found.p)), number(found.effect, "+"),
        f"{counted.wins} / {counted.losses} / {counted.ties}", number(found.detectable),
    ]  # fmt: skip


def _charts(report: Report) -> str:
    figures = []
    lines = _curves(report.result, "")
    if lines:
        if report.baseline is not None:
            lines |= _curves(report.baseline, " (baseline)")
        figures.append(figure("Recall and precision over k", charts.curves(lines)))
    if report.baseline is not None and (pairs := _pairs(report)) is not None:
        better = direction(report.primary) or 1
        figures.append(figure(f"{report.primary} of each query against the baseline", charts.scatter(*pairs, better)))
    times = [name for name in report.result.values if name.endswith("_ms")]
    for name in times[:1]:
        values = report.result.values[name]
        if (known := values[~np.isnan(values)]).size:
            figures.append(figure(f"{name} per query", charts.histogram(known)))
    return section("Charts", f'<div class="charts">{"".join(figures)}</div>') if figures else ""


def _curves(result: EvalResult, suffix: str) -> dict[str, list[tuple[float, float]]]:
    """Stored curves, or what the names ``recall@k`` and ``P@k`` of the metrics give."""
    if result.curves:
        return {
            f"{name}{suffix}": [(float(k), value) for k, value in enumerate(points, 1)]
            for name, points in result.curves.items()
            if points
        }
    found: dict[str, list[tuple[float, float]]] = {}
    for metric, values in result.values.items():
        match = re.fullmatch(r"(recall|P)@(\d+)", metric)
        if match and not np.isnan(values).all():
            name = "recall" if match[1] == "recall" else "precision"
            found.setdefault(f"{name}{suffix}", []).append((float(match[2]), float(np.nanmean(values))))
    return {name: sorted(points) for name, points in found.items() if len(points) > 1}


def _pairs(report: Report) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    rows = range(len(report.result.queries))
    nothing = float("nan")
    before = np.array([report.baseline_values(row).get(report.primary, nothing) for row in rows])
    after = report.result.values[report.primary]
    known = ~(np.isnan(before) | np.isnan(after))
    return (before[known], after[known]) if known.any() else None


def _slices(report: Report) -> str:
    if not report.slices:
        return ""
    names = list(report.result.values)
    rows = []
    for tag, items in report.slices.items():
        found = {item.metric: item for item in items}
        count = max((item.queries + item.failed + item.unscored for item in items), default=0)
        cells = [
            f"{number(found[name].mean)} {interval(found[name].interval)}".removesuffix(" -") if name in found else "-"
            for name in names
        ]
        rows.append([escape(tag), f"{count:,}", *cells])
    return section("By tag", table(["tag", "queries", *map(escape, names)], rows))


def _queries(report: Report) -> str:
    if not report.primary:
        return ""
    total = len(report.result.queries)
    shown = min(total, query_table.ROWS)
    told = f"all {total}" if shown == total else f"the {shown:,} worst of {total:,}"
    search = '<label>Filter <input type="search" id="filter" autocomplete="off"></label>'
    return section(f"Queries ({told})", f'{search}<div class="scroll">{query_table.table(report)}</div>')


def _facts(report: Report) -> str:
    changed = {} if report.comparisons is None else report.comparisons.changed
    rows = [
        [
            escape(name),
            f"<code>{escape(value)}</code>",
            f"<code>{escape(changed[name][0])}</code>" if name in changed else "",
        ]
        for name, value in {**report.result.fingerprints, **report.result.notes}.items()
    ]
    heads = ["field", "this result", "baseline, where it differs"]
    return section("What shaped the numbers", table(heads, rows, texts=3)) if rows else ""
