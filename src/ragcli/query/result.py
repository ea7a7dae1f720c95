"""What a search gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from ragcli.errors import IndexCorruptError
from ragcli.query.asked import Plan
from ragcli.query.fuse import Arm, Contribution, Found, Fused, Reranked
from ragcli.records import ArmScore, Hit, Passage, Query
from ragcli.workspace.catalog import StoredChunk

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Result:
    """The ranked hits of one question.

    Attributes:
        hits: Best first.
        contributions: Per hit, what each arm adds to its score. With a single arm the score is the
            arm's own, neither normalised nor weighted.
        timings_ms: Time of each stage; what a batch shares is divided evenly among its questions.
        considered: All chunks that any arm found, in fused order, before grouping and cutting to ``top_k``.
        plan: How it was asked.
        found: Per hit, which variations of the question found it; empty where there is only the question.
    """

    query: Query
    hits: tuple[Hit, ...]
    contributions: tuple[Mapping[Arm, Contribution], ...] = ()
    reranked: tuple[Reranked | None, ...] = ()
    late: bool = False
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    considered: Sequence[Fused] = ()
    plan: Plan | None = None
    found: tuple[tuple[Found, ...], ...] = ()

    def first(self, top_k: int) -> "Result":
        """The same with the best hits alone."""
        return replace(
            self,
            hits=self.hits[:top_k],
            contributions=self.contributions[:top_k],
            reranked=self.reranked[:top_k],
            found=self.found[:top_k],
        )


def hit_of(place: int, result: Fused, chunk: StoredChunk, around: Passage | None) -> Hit:
    """The hit that a result is, at its place from 1."""
    return Hit(
        rank=place,
        score=result.score,
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        document=chunk.document,
        path=chunk.path,
        title=chunk.title,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        headings=chunk.headings,
        metadata={"type": chunk.type, "source": chunk.source, **chunk.metadata},
        arms={arm: ArmScore(part.score, part.rank) for arm, part in result.contributions.items() if part.rank},
        surroundings=around,
    )


def known(found: Mapping[int, _Value], row: int) -> _Value:
    """What the catalog has of a chunk row.

    Raises:
        IndexCorruptError: It has nothing.
    """
    if row not in found:
        raise IndexCorruptError(f"the index names chunk row {row}, which the catalog has not", hint="ragcli doctor")
    return found[row]
