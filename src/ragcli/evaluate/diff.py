"""Two evaluations side by side: which queries changed, and at which stage each relevant document was lost."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ragcli.errors import DataError
from ragcli.evaluate.comparison import Settings, compare
from ragcli.evaluate.direction import direction
from ragcli.evaluate.journeys import RERANKED_DOWN, Journey
from ragcli.evaluate.result import EvalResult
from ragcli.evaluate.statistics import EQUAL

RANKED_DOWN = "ranked down"
DEFAULT_CUTOFF = 10


@dataclass(frozen=True, slots=True)
class LostDocument:
    """A relevant document that the first evaluation ranked within the cutoff and the second did not.

    Attributes:
        rank: Where the first ranked it.
        after: How far it came in the second.
    """

    document: str
    rank: int
    after: Journey

    @property
    def stage(self) -> str:
        """Where it was lost; ``ranked down`` when it is still returned, further below.

        Only a reranker puts a document below the rank of its best chunk after fusion.
        """
        return self.after.lost or (RERANKED_DOWN if self.after.rank > self.after.fused > 0 else RANKED_DOWN)


@dataclass(frozen=True, slots=True)
class QueryChange:
    """What became of one query.

    Attributes:
        before: The metric's value in the first evaluation; likewise ``after``.
        lost: Relevant documents that are no longer returned.
        gained: Relevant documents that are within the cutoff now, with their rank.
    """

    query: str
    text: str
    before: float
    after: float
    lost: tuple[LostDocument, ...]
    gained: Mapping[str, int]

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class DiffResult:
    """All that changed between two evaluations.

    Attributes:
        metric: What queries are compared by.
        cutoff: The rank down to which a document counts as found.
        changes: Queries whose value changed or that lost or gained a document, the greatest damage first.
        unchanged: How many queries did neither.
        stages: Stage -> how many relevant documents were lost there.
        settings: Fingerprints that differ, which may be why.
    """

    metric: str
    cutoff: int
    before: float
    after: float
    changes: tuple[QueryChange, ...]
    unchanged: int
    stages: Mapping[str, int]
    settings: Mapping[str, tuple[str, str]]


def diff(
    before: EvalResult, after: EvalResult, metric: str = "", allow_mismatch: frozenset[str] = frozenset()
) -> DiffResult:
    """Compare two evaluations query by query.

    Args:
        before: The first.
        after: The second.
        metric: What to compare by; the first one both have unless given.
        allow_mismatch: As in ``comparison.Settings``.

    Raises:
        NotComparableError: They are of unlike questions, judgements or documents.
        UsageError: One of them has no such metric.
        DataError: They have nothing in common, or the second does not say how far its documents came.
    """
    if not after.journeys:
        raise DataError(
            "the second result does not say how far its documents came: it scored a stored run",
            hint="ragcli eval -o FILE.json, without --run, keeps it",
        )
    wanted = Settings(gated=(metric,) if metric else (), allow_mismatch=allow_mismatch)
    compared = compare(before, after, wanted)
    name = compared.gated[0].metric
    cutoff = _cutoff(name)
    rows = {query: row for row, query in enumerate(before.queries)}
    changes = [
        _change(query, (name, cutoff), before, after, (rows[query], row))
        for row, query in enumerate(after.queries)
        if query in rows
    ]
    kept = [one for one in changes if abs(one.change) > EQUAL or np.isnan(one.change) or one.lost or one.gained]
    sign = direction(name) or 1
    kept.sort(key=lambda one: (np.nan_to_num(one.change * sign), -len(one.lost), one.query))
    stages = Counter(lost.stage for one in kept for lost in one.lost)
    return DiffResult(
        metric=name,
        cutoff=cutoff,
        before=compared.gated[0].baseline,
        after=compared.gated[0].candidate,
        changes=tuple(kept),
        unchanged=len(changes) - len(kept),
        stages=dict(stages.most_common()),
        settings=dict(compared.changed),
    )


def _cutoff(metric: str) -> int:
    """The metric's own cutoff, or ten: how far down people look."""
    found = re.search(r"@(\d+)$", metric)
    return int(found[1]) if found else DEFAULT_CUTOFF


def _change(
    query: str, by: tuple[str, int], before: EvalResult, after: EvalResult, rows: tuple[int, int]
) -> QueryChange:
    metric, cutoff = by
    now = {one.document: one for one in after.journeys.get(query, ())}
    earlier = {one.document: one.rank for one in before.journeys.get(query, ())} or _ranks(before, query, now)
    found = {name: rank for name, rank in earlier.items() if 0 < rank <= cutoff}
    there = {name: one.rank for name, one in now.items() if 0 < one.rank <= cutoff}
    return QueryChange(
        query,
        after.question(rows[1]).text,
        float(before.values[metric][rows[0]]),
        float(after.values[metric][rows[1]]),
        tuple(LostDocument(name, found[name], one) for name, one in now.items() if name in found and name not in there),
        {name: rank for name, rank in there.items() if name not in found},
    )


def _ranks(result: EvalResult, query: str, relevant: Mapping[str, Journey]) -> dict[str, int]:
    """Ranks of relevant documents by the stored hits, for a result that followed none."""
    ranked = enumerate(dict.fromkeys(hit.document for hit in result.hits.get(query, ())), 1)
    return {name: rank for rank, name in ranked if name in relevant}
