"""How far a relevant document came on its way from the catalog to the results, and where it was lost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragcli.query.engine import Engine
    from ragcli.query.result import Result
    from ragcli.records import Context

NOT_INGESTED = "not ingested"
NOT_INDEXED = "not indexed"
FILTERED = "filtered"
FUSED_OUT = "fused out"
RERANKED_DOWN = "reranked down"
CUT_OUT = "cut by the token budget"


@dataclass(frozen=True, slots=True)
class Journey:
    """One relevant document, for one query.

    Attributes:
        rank: Its rank among the documents that were returned, from 1; 0 when it was not.
        arms: Best rank of its chunks in each arm that found it.
        fused: Best rank of its chunks after fusion; 0 when no arm found it.
        lost: Where it was lost: ``not ingested``, ``not indexed``, ``filtered``, ``not in the lexical arm`` (or dense,
            or both), ``fused out`` (found, but ranked below what is returned), ``reranked down`` (retrieval had it
            among what is returned), ``cut by the token budget`` (returned, but not in the context that was packed);
            empty when it was returned.
    """

    document: str
    rank: int = 0
    arms: Mapping[str, int] = field(default_factory=dict)
    fused: int = 0
    lost: str = ""


class Tracker:
    """Follows the relevant documents of a dataset through one engine.

    Args:
        engine: Whose results are followed.
        documents: Names of all relevant documents.
    """

    def __init__(self, engine: "Engine", documents: Iterable[str]) -> None:
        import numpy as np

        from ragcli.workspace.document_sql import document_versions
        from ragcli.workspace.filter_sql import chunk_rows_by_name

        names, catalog = sorted(set(documents)), engine.generation.catalog
        self._arms = engine.arms
        self._ingested = {version.name for version in document_versions(catalog, names) if version.live}
        self._rows: dict[str, frozenset[int]] = {}
        self._hidden: set[str] = set()
        for name, rows in chunk_rows_by_name(catalog, names).items():
            indexed = np.intersect1d(rows, engine.generation.chunk_rows)
            if len(indexed):
                self._rows[name] = frozenset(indexed.tolist())
                if engine.allowed is not None and not np.isin(indexed, engine.allowed).any():
                    self._hidden.add(name)

    def follow(
        self, result: "Result", relevant: Sequence[str], context: "Context | None" = None
    ) -> tuple[Journey, ...]:
        """The journeys of a query's relevant documents, in their order: to the context, where one was packed."""
        ranks = {hit.document: hit.rank for hit in reversed(result.hits)}
        if context is None:
            return tuple(self._journey(name, ranks.get(name, 0), result) for name in relevant)
        found = ranks | {one.document: one.rank for one in context.left_out}
        packed = dict.fromkeys(one.document for one in sorted(context.excerpts, key=lambda one: one.rank))
        ranks = {name: place for place, name in enumerate(packed, 1)}
        journeys = (self._journey(name, ranks.get(name, 0), result) for name in relevant)
        return tuple(replace(one, lost=CUT_OUT) if one.document in found and not one.rank else one for one in journeys)

    def _journey(self, name: str, rank: int, result: "Result") -> Journey:
        rows = self._rows.get(name, frozenset())
        arms: dict[str, int] = {}
        fused = 0
        for place, found in enumerate(result.considered, 1):
            if found.row in rows:
                fused = fused or place
                for arm, part in found.contributions.items():
                    if part.rank:
                        arms[arm] = min(part.rank, arms.get(arm, part.rank))
        kept = 0 < fused <= len(result.hits)
        return Journey(name, rank, arms, fused, "" if rank else self._lost(name, arms, kept=kept))

    def _lost(self, name: str, arms: Mapping[str, int], *, kept: bool) -> str:
        if name not in self._rows:
            return NOT_INDEXED if name in self._ingested else NOT_INGESTED
        if name in self._hidden:
            return FILTERED
        if kept:
            return RERANKED_DOWN
        return FUSED_OUT if arms else f"not in the {' or the '.join(sorted(self._arms))} arm"
