"""What a search gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ragcli.query.asked import Plan
from ragcli.query.fuse import Arm, Contribution, Found, Fused
from ragcli.records import Hit, Query


@dataclass(frozen=True, slots=True)
class Result:
    """The ranked hits of one question.

    Attributes:
        hits: Best first.
        contributions: Per hit, what each arm that found it adds to its score. With a single arm the score is the
            arm's own, neither normalised nor weighted.
        timings_ms: Time of each stage; what a batch shares is divided evenly among its questions.
        considered: All chunks that any arm found, in fused order, before grouping and cutting to ``top_k``.
        plan: How it was asked.
        found: Per hit, which variations of the question found it; empty where there is only the question.
    """

    query: Query
    hits: tuple[Hit, ...]
    contributions: tuple[Mapping[Arm, Contribution], ...] = ()
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    considered: Sequence[Fused] = ()
    plan: Plan | None = None
    found: tuple[tuple[Found, ...], ...] = ()
