"""An analysis as JSON knows it: docs/formats.md describes it."""

import math
from typing import Any

from ragcli.abtest.analysis import Analysis
from ragcli.abtest.findings import Finding
from ragcli.abtest.inference.estimate import Estimate
from ragcli.abtest.preference import Preference
from ragcli.evaluate.statistics import Interval


def analysis(found: Analysis) -> dict[str, Any]:
    """Everything that was found; what is not known is ``null``."""
    experiment = found.experiment
    return {
        "experiment": experiment.name,
        "state": experiment.state,
        "decision": str(found.decision),
        "decisions": {name: str(one) for name, one in found.decisions.items()},
        "sentence": found.sentence,
        "sample_sizes": found.users,
        "analysis": "always valid" if experiment.horizon is None else "fixed horizon",
        "horizon": experiment.horizon,
        "alpha": experiment.alpha,
        "correction": experiment.correction,
        "health": [{"check": one.name, "level": one.level, "message": one.message, "p": one.p} for one in found.health],
        "metrics": [_finding(one) for one in found.findings],
    }


def preference(found: Preference) -> dict[str, Any]:
    """Of two mixed rankings."""
    experiment, clicks = found.experiment, found.clicks
    return {
        "experiment": experiment.name,
        "state": experiment.state,
        "decision": str(found.decision),
        "sentence": found.sentence,
        "analysis": "always valid" if experiment.horizon is None else "fixed horizon",
        "impressions": clicks.impressions,
        "decided": int(clicks.decided.sum()),
        "won_by_treatment": int(clicks.wins.sum()),
        "ties": clicks.ties,
        "stray_clicks": clicks.stray,
        "users": clicks.decided.size,
        "share": found.share,
        "fixed_horizon": {"p": number(found.p), "interval": _interval(found.interval)},
        "always_valid": {"p": number(found.always_valid_p), "interval": _interval(found.always_valid)},
        "sign_test_p": found.sign_p,
    }


def _finding(one: Finding) -> dict[str, Any]:
    ranks = one.ranks
    return {
        "metric": one.metric.name,
        "role": one.metric.role,
        "kind": one.metric.kind,
        "better": "higher" if one.metric.better > 0 else "lower",
        "treatment": one.treatment,
        "direction": str(one.direction),
        "p": number(one.p),
        "adjusted_p": number(one.adjusted_p),
        "interval": _interval(one.interval),
        "margin": number(one.margin),
        "inferior_p": number(one.inferior_p),
        "detectable": number(one.detectable),
        "fixed_horizon": _estimate(one.estimate) | ({} if one.exact_p is None else {"exact_p": number(one.exact_p)}),
        "always_valid": {
            "p": number(float(one.looks.p[-1])),
            "interval": [number(float(one.looks.low[-1])), number(float(one.looks.high[-1]))],
        },
        "mann_whitney": None
        if ranks is None
        else {"p": number(ranks.p), "probability": number(ranks.probability), "interval": _interval(ranks.interval)},
        "t_test": None if one.naive is None else _estimate(one.naive),
        "t_test_disagrees": one.disagree,
        "variance_removed": one.removed,
    }


def _estimate(one: Estimate) -> dict[str, Any]:
    return {
        "test": one.test,
        "control": number(one.control),
        "treatment": number(one.treatment),
        "difference": number(one.difference),
        "interval": _interval(one.interval),
        "relative": number(one.relative),
        "relative_interval": _interval(one.relative_interval),
        "p": number(one.p),
        "statistic": number(one.difference / one.error) if one.error else None,
        "error": number(one.error),
        "samples": list(one.users),
    }


def _interval(one: Interval) -> list[float | None]:
    return [number(one.low), number(one.high)]


def number(value: float) -> float | None:
    """A finite number; None for what JSON has no word for."""
    return value if math.isfinite(value) else None
