"""Charts as inline SVG: no script, colours from the page's style sheet, so they follow light and dark."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 460, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 14, 42
_BINS = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of ``intervals``: a mean with its interval, and the baseline's mean when there is one."""

    name: str
    mean: float
    low: float
    high: float
    baseline: float | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """The plotting area and its scales; ``log`` for a logarithmic x."""

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool = False

    def right(self, value: float) -> float:
        low, high, at = *self.x, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return LEFT + (at - low) / ((high - low) or 1.0) * (WIDTH - LEFT - RIGHT)

    def up(self, value: float) -> float:
        low, high = self.y
        return HEIGHT - BOTTOM - (value - low) / ((high - low) or 1.0) * (HEIGHT - TOP - BOTTOM)


def intervals(bars: Sequence[Bar]) -> str:
    """Means as dots on their intervals, between 0 and 1 (or the largest bound), the baseline's mean as a ring."""
    names = 14 + max((len(bar.name) for bar in bars), default=0) * 7.2
    low = min([0.0, *(bar.low for bar in bars)])
    high = max([1.0, *(bar.high for bar in bars)])
    width, numbers, step = WIDTH * 2.0, 64, 30
    scale = (width - names - numbers) / (high - low)
    height = step * len(bars) + 34
    parts = [
        _line(x, 4, x, height - 26, "grid") + _label(x, height - 8, _short(tick))
        for tick in ticks(low, high)
        for x in [names + (tick - low) * scale]
    ]
    for index, bar in enumerate(bars):
        y = 18 + index * step
        x = [names + (value - low) * scale for value in (bar.low, bar.mean, bar.high)]
        told = f"{bar.name}: {bar.mean:.4f}, 95 % interval {bar.low:.4f} to {bar.high:.4f}"
        mark = _line(x[0], y, x[2], y, "whisker")
        if bar.baseline is not None:
            at = names + (bar.baseline - low) * scale
            mark += f'<circle class="ring" cx="{at:.1f}" cy="{y}" r="6"/>'
            told += f", baseline {bar.baseline:.4f}"
        mark += f'<circle class="dot a" cx="{x[1]:.1f}" cy="{y}" r="4.5"/>'
        mark += _label(names - 10, y + 4, bar.name, "end", "name")
        mark += _label(width, y + 4, f"{bar.mean:.4f}", "end", "name")
        parts.append(f"<g><title>{escape(told)}</title>{mark}</g>")
    told = "; ".join(f"{bar.name} {bar.mean:.4f}, {bar.low:.4f} to {bar.high:.4f}" for bar in bars)
    return _svg(f"Means with 95 percent intervals: {told}", "".join(parts), width, height)


def curves(lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Values over k, on a logarithmic axis. A name that ends in ``(baseline)`` is dashed in its partner's colour."""
    depth = max(2.0, *(k for points in lines.values() for k, _ in points))
    top = max(0.1, *(value for points in lines.values() for _, value in points))
    frame = _Frame((1.0, depth), (0.0, min(1.0, math.ceil(top * 10) / 10)), log=True)
    marks = [k for k in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000) if k <= depth]
    parts, entries = [_axes(frame, marks, "k, results looked at", "mean")], []
    for name, points in lines.items():
        colour = ("a" if name.startswith("recall") else "b") + (" dashed" if name.endswith("(baseline)") else "")
        path = _path([(frame.right(k), frame.up(value)) for k, value in points])
        parts.append(f'<polyline class="curve {colour}" points="{path}"/>')
        if len(points) <= 12:
            parts += [
                f'<circle class="dot {colour}" cx="{frame.right(k):.1f}" cy="{frame.up(value):.1f}" r="3">'
                f"<title>{escape(name)} at {k:g}: {value:.4f}</title></circle>"
                for k, value in points
            ]
        entries.append((name, colour))
    told = "; ".join(f"{name} from {points[0][1]:.3f} to {points[-1][1]:.3f}" for name, points in lines.items())
    return _legend(entries) + _svg(f"Curves over k: {told}", "".join(parts))


def scatter(
    before: NDArray[np.float64], after: NDArray[np.float64], better: int, names: tuple[str, str] = ("baseline", "now")
) -> str:
    """Each query by its value then and now; queries at the same point make one larger dot."""
    low, high = float(min(before.min(), after.min(), 0.0)), float(max(before.max(), after.max()))
    high = max(high, 1.0) if high <= 1.0 else high
    frame = _Frame((low, high), (low, high))
    grain = (high - low) / 100
    places = Counter(
        zip(np.rint((before - low) / grain).tolist(), np.rint((after - low) / grain).tolist(), strict=True)
    )
    parts = [_axes(frame, ticks(low, high), *names)]
    parts.append(_line(frame.right(low), frame.up(low), frame.right(high), frame.up(high), "diagonal"))
    kinds: Counter[str] = Counter()
    for (x, y), times in places.most_common():
        change = (y - x) * better
        kind = "same" if not change else "win" if change > 0 else "loss"
        kinds[kind] += times
        radius = min(13.0, 2.6 + 1.5 * math.log2(times))
        told = f"{low + x * grain:.2f} → {low + y * grain:.2f}: {times} {'query' if times == 1 else 'queries'}"
        parts.append(
            f'<circle class="{kind}" cx="{frame.right(low + x * grain):.1f}" cy="{frame.up(low + y * grain):.1f}"'
            f' r="{radius:.1f}"><title>{told}</title></circle>'
        )
    counted = [(f"better {kinds['win']}", "win"), (f"worse {kinds['loss']}", "loss"), (f"same {kinds['same']}", "same")]
    told = f"Queries against {names[0]}: {kinds['win']} better, {kinds['loss']} worse, {kinds['same']} the same"
    return _legend(counted) + _svg(told, "".join(parts))


@dataclass(frozen=True, slots=True)
class Gain:
    """One line of ``gains``: how much better, in margins, with its interval; ``kind`` is its colour."""

    name: str
    gain: float
    low: float
    high: float
    kind: str
    told: str


def gains(rows: Sequence[Gain]) -> str:
    """Differences in units of their margins, so that all metrics share an axis; right is better, in the band alike.

    What lies beyond 10 margins is an arrow at the edge; beside it the number of margins where the difference does too.
    """
    names = 14 + max(len(row.name) for row in rows) * 7.2
    reach = min(10.0, max(2.0, *(max(abs(row.low), abs(row.high)) for row in rows)) * 1.05)
    width, step, room = WIDTH * 2.0, 30, 170
    height, scale = step * len(rows) + 50, (width - names - room) / (2 * reach)

    def at(value: float) -> float:
        return names + (min(max(value, -reach), reach) + reach) * scale

    parts = [f'<rect class="band" x="{at(-1):.1f}" y="4" width="{at(1) - at(-1):.1f}" height="{height - 46}"/>']
    parts += [
        _line(at(tick), 4, at(tick), height - 42, "axis" if not tick else "grid")
        + _label(at(tick), height - 26, _short(tick))
        for tick in ticks(-reach, reach)
    ]
    parts.append(_label(at(0), height - 6, "difference in margins; right is better for the treatment"))
    for index, row in enumerate(rows):
        y = 18 + index * step
        mark = _line(at(row.low), y, at(row.high), y, f"whisker {row.kind}")
        mark += "".join(_arrow(at(end), y, row.kind, end > 0) for end in (row.low, row.high) if abs(end) > reach)
        if abs(row.gain) > reach:
            aside = 12 if row.gain < 0 else -12
            mark += _label(at(row.gain) + aside, y + 4, f"{row.gain:+.1f}", "start" if aside > 0 else "end")
        else:
            mark += f'<circle class="{row.kind}" cx="{at(row.gain):.1f}" cy="{y}" r="4.5"/>'
        mark += _label(names - 10, y + 4, row.name, "end", "name") + _label(width, y + 4, row.told, "end", "name")
        parts.append(f"<g><title>{escape(f'{row.name}: {row.told}')}</title>{mark}</g>")
    told = "; ".join(f"{row.name} {row.told}" for row in rows)
    return _svg(f"Differences in margins: {told}", "".join(parts), width, height)


def _arrow(x: float, y: float, kind: str, right: bool) -> str:
    ahead = 7 if right else -7
    return f'<path class="arrow {kind}" d="M{x + ahead:.1f} {y} l{-ahead * 1.6:.1f} -5 v10 z"/>'


def histogram(values: NDArray[np.float64]) -> str:
    """How many queries took how long, with p50 and p95 marked."""
    low, high = 0.0, float(values.max()) or 1.0
    counted, edges = np.histogram(values, bins=_BINS, range=(low, high))
    frame = _Frame((low, high), (0.0, float(counted.max()) * 1.25))  # room for the names of the marks
    parts = [_axes(frame, ticks(low, high), "milliseconds", "queries")]
    for count, start, end in zip(counted.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        x, width = frame.right(start) + 0.5, frame.right(end) - frame.right(start) - 1
        parts.append(
            f'<rect class="bar" x="{x:.1f}" y="{frame.up(count):.1f}" width="{width:.1f}"'
            f' height="{frame.up(0) - frame.up(count):.1f}"><title>{start:.4g} to {end:.4g} ms: {count}</title></rect>'
        )
    marks = {"p50": float(np.quantile(values, 0.5)), "p95": float(np.quantile(values, 0.95))}
    for row, (name, value) in enumerate(marks.items()):
        x = frame.right(value)
        side = "end" if x > WIDTH - 120 else "start"
        parts.append(_line(x, TOP, x, HEIGHT - BOTTOM, "quantile"))
        parts.append(
            _label(x + (-5 if side == "end" else 5), TOP + 12 + 14 * row, f"{name} {value:.4g} ms", side, "name")
        )
    told = "; ".join(f"{name} {value:.4g} ms" for name, value in marks.items())
    return _svg(f"Latency of {values.size} queries: {told}", "".join(parts))


def band(
    x: NDArray[np.float64], middle: NDArray[np.float64], bounds: Sequence[NDArray[np.float64]], names: tuple[str, str]
) -> str:
    """A value with its interval as it was learnt, against no difference.

    Args:
        x: Ascending, as are the points below; float64 [n].
        middle: The value.
        bounds: Lower and upper; the first, widest ones are cut off at the frame.
        names: Of the axes.
    """
    settled = slice(x.size // 4, None)
    finite = [side[settled][np.isfinite(side[settled])] for side in bounds]
    seen = np.concatenate([middle, *finite, [0.0]])
    low, high = float(seen.min()), float(seen.max())
    frame = _Frame((float(min(x[0], 0.0)), float(x[-1])), (low, high if high > low else low + 1.0))
    points = [
        [(frame.right(a), frame.up(float(np.clip(b, *frame.y)))) for a, b in zip(x.tolist(), side, strict=True)]
        for side in (*(np.nan_to_num(side, posinf=high, neginf=low) for side in bounds), middle)
    ]
    area, line = (_path(points[0] + points[1][::-1]), _path(points[2]))
    parts = [_axes(frame, ticks(*frame.x), *names)]
    parts.append(_line(LEFT, frame.up(0.0), WIDTH - RIGHT, frame.up(0.0), "diagonal"))
    parts.append(f'<polygon class="band" points="{area}"/><polyline class="curve a" points="{line}"/>')
    ends = [float(side[-1]) for side in bounds]
    return _svg(f"{names[1]}: {middle[-1]:.4g}, {ends[0]:.4g} to {ends[1]:.4g} at the end", "".join(parts))


def growth(lines: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]], names: tuple[str, str]) -> str:
    """Counts as they grew: name -> x and count, both ascending."""
    last = max(float(x[-1]) for x, _ in lines.values())
    top = max(float(counts[-1]) for _, counts in lines.values())
    frame = _Frame((0.0, last or 1.0), (0.0, top))
    parts, entries = [_axes(frame, ticks(*frame.x), *names)], []
    for number, (name, (x, counts)) in enumerate(lines.items()):
        kind = _kind(number)
        path = _path([(frame.right(a), frame.up(b)) for a, b in zip(x.tolist(), counts.tolist(), strict=True)])
        parts.append(f'<polyline class="curve {kind}" points="{path}"/>')
        entries.append((name, kind))
    told = "; ".join(f"{name} {counts[-1]:,.0f}" for name, (_, counts) in lines.items())
    return _legend(entries) + _svg(f"Counts over {names[0]}: {told}", "".join(parts))


def distributions(values: Mapping[str, NDArray[np.float64]], name: str) -> str:
    """Shares of values in bins, one outline each; the highest percent is left out, lest it flatten the rest."""
    every = np.concatenate(list(values.values()))
    low, high = float(every.min()), float(np.quantile(every, 0.99))
    high = high if high > low else low + 1.0
    shares = {}
    for kind, own in values.items():
        counted, edges = np.histogram(own, bins=_BINS, range=(low, high))
        shares[kind] = (counted / max(own.size, 1), edges)
    frame = _Frame((low, high), (0.0, max(float(share.max()) for share, _ in shares.values()) * 1.05 or 1.0))
    parts, entries = [_axes(frame, ticks(low, high), name, "share of users")], []
    for number, (kind, (share, edges)) in enumerate(shares.items()):
        steps = [
            (frame.right(edge), frame.up(height))
            for place, height in enumerate(share.tolist())
            for edge in (float(edges[place]), float(edges[place + 1]))
        ]
        parts.append(f'<polyline class="curve {_kind(number)}" points="{_path(steps)}"/>')
        entries.append((kind, _kind(number)))
    told = "; ".join(f"{kind} median {float(np.median(own)):.4g}" for kind, own in values.items())
    return _legend(entries) + _svg(f"Distribution of {name}: {told}", "".join(parts))


def _kind(number: int) -> str:
    """Colour and dash of a line: four can be told apart."""
    return ("a", "b", "a dashed", "b dashed")[number % 4]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def ticks(low: float, high: float) -> list[float]:
    """About five round numbers between two bounds."""
    raw = (high - low) / 5 or 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _axes(frame: _Frame, x_ticks: Sequence[float], x_name: str, y_name: str) -> str:
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    parts = [
        _line(left, frame.up(tick), right, frame.up(tick), "grid")
        + _label(left - 7, frame.up(tick) + 4, _short(tick), "end")
        for tick in ticks(*frame.y)
    ]
    parts += [_label(frame.right(tick), bottom + 17, _short(tick)) for tick in x_ticks]
    parts.append(_line(left, bottom, right, bottom, "axis"))
    parts.append(_label((left + right) / 2, HEIGHT - 6, x_name))
    middle = (TOP + bottom) / 2
    parts.append(
        f'<text transform="translate(13 {middle:.1f}) rotate(-90)" text-anchor="middle">{escape(y_name)}</text>'
    )
    return "".join(parts)


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    items = "".join(f'<span class="key {kind}">{escape(name)}</span>' for name, kind in entries)
    return f'<p class="legend">{items}</p>'


def _svg(told: str, content: str, width: float = WIDTH, height: float = HEIGHT) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(told)}">'
        f"{content}</svg>"
    )  # fmt: skip


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(x: float, y: float, text: str, anchor: str = "middle", kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _short(value: float) -> str:
    return f"{round(value, 10):,.10g}"
