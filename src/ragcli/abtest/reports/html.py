"""``.html``: an analysis as a page in the style of an evaluation's."""

from collections.abc import Iterator
from html import escape

import numpy as np

from ragcli.abtest.analysis import Analysis
from ragcli.abtest.decision import Decision
from ragcli.abtest.findings import Direction, Finding, Looks, parts_of
from ragcli.abtest.inference.estimate import Values
from ragcli.abtest.preference import Preference
from ragcli.abtest.reports import table
from ragcli.evaluate.reports import charts
from ragcli.evaluate.reports.page import figure, page, section
from ragcli.evaluate.reports.page import table as page_table

_DAY = 86_400.0
_POINTS = 200  # of a curve
_KINDS = {
    Decision.SHIP: "win",
    Decision.HARM: "loss",
    Decision.INCONCLUSIVE: "open",
    Decision.INVALID: "loss",
    Direction.BETTER: "win",
    Direction.HOLDS: "win",
    Direction.WORSE: "loss",
    Direction.VIOLATED: "loss",
    "ok": "win",
    "wait": "open",
    "invalid": "loss",
    Direction.OPEN: "open",
}


def write(found: Analysis | Preference) -> str:
    """The whole page."""
    title = f"{found.experiment.name}: ragcli abtest"
    if isinstance(found, Preference):
        rows = "".join(f"<li>{escape(text)}</li>" for text in table.preference(found))
        drawn = ""
        if found.looks.users.size > 1:
            chart = _band(found.looks, "share less one half")
            drawn = section("Charts", f'<div class="charts">{figure("Share that the treatment won", chart)}</div>')
        return page(title, (_head(found, "mixed rankings"), section("Clicks", f"<ul>{rows}</ul>"), drawn))
    parts = (_head(found, table.headline(found)), _health(found), _metrics(found), _charts(found), _remarks(found))
    return page(title, (*parts, _variants(found)))


def _head(found: Analysis | Preference, told: str) -> str:
    decision = found.decision
    return (
        f'<header><h1>{escape(found.experiment.name)}</h1><p class="quiet">{escape(told)}</p>'
        f'<p class="verdict {_KINDS[decision]}"><b>{decision}</b> {escape(found.sentence.partition(" ")[2])}</p>'
        "</header>"
    )


def _health(found: Analysis) -> str:
    rows = [[_badge(one.level), escape(one.name), escape(one.message)] for one in found.health]
    return section("Is it sound?", page_table(["level", "check", "what was found"], rows, texts=3))


def _metrics(found: Analysis) -> str:
    rows = [
        [*map(escape, row[:-1]), _badge(row[-1])]
        for row in table.rows(found.findings)
    ]  # fmt: skip
    told = f'<p class="quiet">{escape(table.method(found))}</p>'
    return section("Metrics", told + page_table(table.HEADS, rows, texts=2))


def _badge(word: str) -> str:
    return f'<span class="badge {_KINDS.get(word, "")}">{escape(word)}</span>'


def _charts(found: Analysis) -> str:
    drawn = [chart for one in found.findings for chart in _of_finding(found, one)]
    drawn.append(figure("Users as they came", charts.growth(_arrivals(found), ("days", ""))))
    return section("Charts", f'<div class="charts">{"".join(drawn)}</div>')


def _of_finding(found: Analysis, one: Finding) -> Iterator[str]:
    """The difference as it was learnt, and how users are distributed."""
    name = f"{one.metric.name}, {one.treatment}"
    if one.looks.users.size > 1:
        chart = _band(one.looks, "difference")
        yield figure(f"{name}: the difference, always-valid interval", chart)
    if one.metric.kind not in {"quantile", "conversion"}:
        numerator, denominator = parts_of(found.seen, one.metric)
        kept = denominator != 0
        arms = {name: (found.seen.variant == place) & kept for place, name in enumerate(found.seen.names)}
        wanted = {name: arm for name, arm in arms.items() if name in {found.seen.names[0], one.treatment}}
        values = {name: numerator[arm] / denominator[arm] for name, arm in wanted.items()}
        yield figure(f"{name}: values of users", charts.distributions(values, one.metric.name))


def _band(looks: Looks, name: str) -> str:
    """The chart of a path, over days; over users where most of them came within a small part of the time."""
    days = (looks.time - looks.time[0]) / _DAY
    if np.quantile(days, 0.9) - np.quantile(days, 0.1) > 0.4 * days[-1]:
        return charts.band(days, looks.difference, (looks.low, looks.high), ("days", name))
    return charts.band(looks.users, looks.difference, (looks.low, looks.high), ("users", name))


def _arrivals(found: Analysis) -> dict[str, tuple[Values, Values]]:
    seen, last = found.seen, float(np.quantile(found.seen.exposed, 0.99))
    span = last - float(seen.exposed[0])
    if float(seen.exposed[-1]) - last < span:  # else the last ones are far away, and left out
        last = float(seen.exposed[-1])
    lines: dict[str, tuple[Values, Values]] = {}
    for place, name in enumerate(seen.names):
        times = seen.exposed[(seen.variant == place) & (seen.exposed <= last)]
        days = (times - seen.exposed[0]) / _DAY
        if days.size:
            some = np.unique(np.linspace(0, days.size - 1, _POINTS).astype(np.int64))
            lines[name] = (days[some], (some + 1).astype(np.float64))
    return lines


def _remarks(found: Analysis) -> str:
    parts = []
    for one in found.findings:
        items = "".join(f"<li>{escape(text)}</li>" for text in table.remarks(one))
        parts.append(f"<details><summary>{escape(table.title(one))}</summary><ul>{items}</ul></details>")
    return section("More of each metric", "".join(parts))


def _variants(found: Analysis) -> str:
    shares = found.experiment.shares
    rows = [
        [escape(one.name), escape(one.source), f"<code>{escape(one.fingerprint)}</code>", f"{shares[one.name]:.4g}"]
        for one in found.experiment.variants
    ]
    return section("Variants", page_table(["variant", "file", "settings", "share"], rows, texts=3))
