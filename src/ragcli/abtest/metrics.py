"""What an experiment decides by: metrics that should rise (or fall), and guardrails that must not get worse."""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ragcli.errors import UsageError
from ragcli.evaluate.direction import direction
from ragcli.evaluate.margin import RELATIVE_MARGIN, Margin

Kind: TypeAlias = Literal["auto", "conversion", "mean", "total", "ratio", "quantile"]
Role: TypeAlias = Literal["metric", "guardrail"]

GUARD = Margin(RELATIVE_MARGIN, relative=True)
"""Of a guardrail without a margin of its own."""
RECORDED = ("latency_ms", "hits", "failed", "tokens", "cost", "refused")
"""What every question records beside the milliseconds of its stages; tokens, cost and refused with an answer."""
_NAME = r"[^\s:/=,]+"
_SPEC = re.compile(
    rf"(?P<value>{_NAME})(?:/(?P<per>{_NAME}))?(?::(?P<kind>conversion|mean|total|p\d\d?(?:\.\d+)?))?"
    r"(?::(?P<better>higher|lower))?"
)
_LOWER = ("failed", "error", "abandon", "bounce", "complaint", "reformulat")


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One number a variant, made of the events of its users.

    Attributes:
        name: As it was declared, without the direction: ``clicked``, ``latency_ms:p95``, ``clicks/impressions``.
        value: The recorded name it is made of.
        per: The recorded name it is divided by, for a ratio; else empty.
        kind: ``conversion``: share of users with a value above 0; ``total``: sum a user, 0 for who has none;
            ``mean``: over events; ``ratio``: of two sums; ``quantile``: of events. ``auto`` is ``conversion`` where all
            recorded values are 0 or 1, else ``mean``.
        quantile: Which, 0 to 1; for the kind ``quantile``.
        better: 1 where higher is better, -1 where lower is.
        margin: For a guardrail, the largest change for the worse that does not matter.
    """

    name: str
    value: str
    per: str = ""
    kind: Kind = "auto"
    quantile: float = 0.0
    better: int = 1
    role: Role = "metric"
    margin: Margin = GUARD

    @classmethod
    def parse(cls, text: str, role: Role = "metric", margin: Margin | None = None) -> "MetricSpec":
        """Read ``clicked``, ``latency_ms:p95``, ``cost:total:lower``, ``clicks/impressions``.

        Raises:
            UsageError: It is none of these.
        """
        found = _SPEC.fullmatch(text.strip())
        if found is None or (found["per"] and found["kind"]):
            raise UsageError(
                f"{text!r} is not a metric",
                hint="NAME[:conversion|mean|total|p95][:higher|lower] or NAME/NAME[:higher|lower]",
            )
        value, per, kind, better = found["value"], found["per"] or "", found["kind"] or "auto", found["better"]
        name = text.strip().removesuffix(f":{better}") if better else text.strip()
        quantile = float(kind[1:]) / 100 if kind.startswith("p") else 0.0
        known: Kind = "ratio" if per else "quantile" if kind.startswith("p") else kind  # type: ignore[assignment]  # the pattern allows no other
        signs = {"higher": 1, "lower": -1, None: _direction(value)}
        return cls(name, value, per, known, quantile, signs[better], role, margin or GUARD)


def _direction(value: str) -> int:
    """Of a recorded name, by what the field calls its costs; higher is better unless one is known to be a cost."""
    lower = direction(value) < 0 or value.casefold().startswith(_LOWER)
    return -1 if lower else 1


def parse_metrics(
    metrics: Iterable[str], guardrails: Iterable[str], margins: Mapping[str, Margin]
) -> tuple[MetricSpec, ...]:
    """All metrics of an experiment; ``latency_ms`` where none is declared.

    Raises:
        UsageError: One cannot be read or stands twice, or a margin is of none of the guardrails.
    """
    specs = [MetricSpec.parse(text) for text in metrics] or [MetricSpec.parse("latency_ms:mean")]
    for text in guardrails:
        one = MetricSpec.parse(text, "guardrail")
        specs.append(MetricSpec.parse(text, "guardrail", margins.get(one.name)))
    names = [one.name for one in specs]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise UsageError(f"the metric {twice!r} is declared twice")
    guarded = [one.name for one in specs if one.role == "guardrail"]
    if unknown := set(margins) - set(guarded):
        raise UsageError(
            f"a margin names {min(unknown)!r}, which is no guardrail",
            hint=f"one of {', '.join(guarded)}" if guarded else "--guardrail METRIC declares one",
        )
    return tuple(specs)


def undeclared(recorded: Iterable[str], specs: Iterable[MetricSpec]) -> dict[str, str]:
    """Names that no metric is made of, and that no question records -> the nearest declared name, or nothing."""
    declared = {name for one in specs for name in (one.value, one.per) if name}
    return {
        name: next(iter(difflib.get_close_matches(name, declared, 1)), "")
        for name in recorded
        if name not in declared and name not in RECORDED
    }
