"""An analysis as rows of text: what terminal, Markdown and page show alike."""

import math
from collections.abc import Iterator, Sequence

from ragcli.abtest.analysis import Analysis
from ragcli.abtest.findings import Finding
from ragcli.abtest.preference import Preference
from ragcli.evaluate.gates import p_text
from ragcli.evaluate.statistics import Interval

HEADS = ("variant", "metric", "control -> new", "change", "interval", "p", "verdict")


def headline(analysis: Analysis) -> str:
    """Which experiment, how many users."""
    users = ", ".join(f"{name} {count:,}" for name, count in analysis.users.items())
    return f"{analysis.experiment.name}: {analysis.experiment.state}; users: {users}"


def method(analysis: Analysis) -> str:
    """By which statistics it is decided."""
    experiment = analysis.experiment
    many = "Holm" if experiment.correction == "holm" else "Benjamini and Hochberg"
    if experiment.horizon is None:
        how = "always valid, p is the smallest so far"
    else:
        how = f"fixed horizon of {experiment.horizon:,} users, decided once"
    return f"{1 - experiment.alpha:.0%} intervals and p: {how}; p is adjusted by {many}, intervals are not"


def rows(findings: Sequence[Finding]) -> list[tuple[str, ...]]:
    """One row a metric and treatment, as ``HEADS`` calls its cells; the p of a guardrail decides nothing."""
    return [
        (
            one.treatment,
            one.metric.name,
            f"{amount(one.estimate.control)} -> {amount(one.estimate.treatment)}",
            signed(one.estimate.difference, 3),
            interval(one.interval, 3),
            "-" if one.metric.role == "guardrail" else p_text(one.adjusted_p),
            str(one.direction),
        )
        for one in findings
    ]


def title(one: Finding) -> str:
    """Which metric, of which kind, of which treatment."""
    role = "guardrail, " if one.metric.role == "guardrail" else ""
    return f"{one.metric.name} ({role}{one.metric.kind}), {one.treatment}"


def remarks(one: Finding) -> Iterator[str]:
    """What else is known of a metric."""
    estimate, looks = one.estimate, one.looks
    if one.sequential:
        yield f"to be looked at once: {interval(estimate.interval)}, p {p_text(estimate.p)} ({estimate.test})"
    else:
        bounds = Interval(float(looks.low[-1]), float(looks.high[-1]))
        yield f"always valid: {interval(bounds)}, p {p_text(float(looks.p[-1]))}; decided by {estimate.test}"
    if math.isfinite(estimate.relative_interval.low):
        reach = f"{estimate.relative_interval.low:+.1%} to {estimate.relative_interval.high:+.1%}"
        yield f"relative to control: {estimate.relative:+.1%}, {reach}, to be looked at once"
    if one.exact_p is not None:
        yield f"Fisher's exact test: p {p_text(one.exact_p)}"
    if one.naive is not None:
        naive = one.naive
        told = f"t-test of {sum(naive.users):,} events ({naive.users[0]:,} and {naive.users[1]:,}): p {p_text(naive.p)}"
        yield f"{told}; not to be believed: users have several" if one.disagree else told
    if one.ranks is not None and not math.isnan(one.ranks.p):
        more = f"more in the treatment with probability {one.ranks.probability:.3f}"
        yield f"Mann-Whitney: p {p_text(one.ranks.p)}; {more}"
    if one.removed is not None:
        yield f"CUPED: what was known before took away {one.removed:.0%} of the variance"
    if not math.isnan(one.detectable):
        yield f"at a fixed horizon as many users show a difference of {amount(one.detectable)} four times of five"
    if not math.isnan(one.margin):
        once = f"p {p_text(one.inferior_p)}, to be looked at once"
        yield f"guarded to at most {amount(one.margin)} for the worse: of that much or more {once}"


def preference(one: Preference) -> Iterator[str]:
    """What is known of two mixed rankings."""
    clicks = one.clicks
    yield f"{one.experiment.name}: {one.experiment.state}; {clicks.impressions:,} impressions of mixed rankings"
    decided, won = int(clicks.decided.sum()), int(clicks.wins.sum())
    told = f"decided by clicks: {decided:,}; the treatment won {won:,}, control {decided - won:,}; ties {clicks.ties:,}"
    yield told + (f"; clicks on nothing known {clicks.stray:,}" if clicks.stray else "")
    once = f"to be looked at once: {share(one.interval)}, p {p_text(one.p)}"
    yield f"{once}; sign test of users: p {p_text(one.sign_p)}"
    yield f"always valid: {share(one.always_valid)}, p {p_text(one.always_valid_p)}"


def amount(value: float, digits: int = 4) -> str:
    """Some digits that tell something."""
    return "-" if math.isnan(value) else f"{value:,.{digits}g}" if abs(value) < 10**digits else f"{value:,.0f}"


def signed(value: float, digits: int = 4) -> str:
    """As ``amount``, with its sign."""
    return "-" if math.isnan(value) else f"{'+' if value >= 0 else '-'}{amount(abs(value), digits)}"


def interval(one: Interval, digits: int = 4) -> str:
    """Both bounds; a dash where nothing is known."""
    if not (math.isfinite(one.low) or math.isfinite(one.high)):
        return "-"
    return f"{signed(one.low, digits)} to {signed(one.high, digits)}"


def share(one: Interval) -> str:
    """Bounds of a share, in percent."""
    return f"{one.low:.1%} to {one.high:.1%}" if math.isfinite(one.low) else "-"
