"""Documents first, by their summaries; then only the chunks within the best of them."""

import json
from functools import cached_property
from typing import TYPE_CHECKING

from ragcli.config.narrow import HierarchicalConfig
from ragcli.config.query import FusionConfig
from ragcli.errors import IndexStateError
from ragcli.query.asked import Asked
from ragcli.query.clock import Clock
from ragcli.query.fuse import Arm, Ranking, fuse_variations
from ragcli.query.retrieve import rank, search_dense, search_lexical
from ragcli.workspace.filter_sql import documents_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.reader import Generation
    from ragcli.index.summaries.read import Summaries


_FEWEST_CANDIDATES = 100  # of an arm: what is normalised among few says little


class Hierarchy:
    """Narrows questions to the chunks of the documents that their summaries promise most of.

    Args:
        config: The settings.
        generation: What is searched.
        fusion: How the arms' rankings of summaries become one.
        allowed: Chunk rows that may be returned; all unless given. A document without any is not considered.

    Raises:
        IndexStateError: The generation has no summaries.
    """

    def __init__(
        self,
        config: HierarchicalConfig,
        generation: "Generation",
        fusion: FusionConfig,
        allowed: "NDArray[np.int64] | None",
    ) -> None:
        if generation.summaries is None:
            raise IndexStateError(
                "the index has no summaries of documents, which query.narrow.kind hierarchical searches first",
                hint="ragcli index --set index.summaries.kind=extractive",
            )
        self._summaries: Summaries = generation.summaries
        self._catalog = generation.catalog
        self._top_documents = config.top_documents
        self._depth = max(_FEWEST_CANDIDATES, 2 * config.top_documents)
        self._fusion = fusion
        self._allowed = allowed

    def narrow(self, question: Asked, clock: Clock) -> None:
        """Let a question be asked within the best documents only; it has its vectors if it is asked by meaning."""
        import numpy as np

        with clock.stage("narrow"):
            documents = self.documents(question)
            found = self._catalog.database.all(
                "SELECT row FROM chunks WHERE document IN (SELECT value FROM json_each(?))", (json.dumps(documents),)
            )
            rows = np.array(sorted(row for (row,) in found), dtype=np.int64)
            question.allowed = rows if self._allowed is None else np.intersect1d(rows, self._allowed, True)
            question.documents = len(documents)

    def documents(self, question: Asked) -> list[int]:
        """Rows of the best documents, best first."""
        rankings = []
        dense = iter(() if question.vectors is None else question.vectors)
        for variation in question.variations:
            found: dict[Arm, Ranking] = {}
            arms = question.arms_of(variation)
            if "lexical" in arms and self._summaries.lexical is not None:
                found["lexical"] = search_lexical(
                    self._summaries.lexical, variation.text, self._depth, self._documents, Clock()
                )
            if "dense" in arms and self._summaries.vectors is not None:
                vectors = next(dense)[None]
                found["dense"] = search_dense(self._summaries.vectors, vectors, self._depth, [self._documents])[0]
            rankings.append(rank(found, self._fusion))
        weights = [variation.weight for variation in question.variations]
        fused = rankings[0] if len(rankings) == 1 else fuse_variations(rankings, weights)
        return [result.row for result in fused[: self._top_documents]]

    @cached_property
    def _documents(self) -> "NDArray[np.int64] | None":
        """The documents that may be returned, ascending; None for all."""
        return None if self._allowed is None else documents_of(self._catalog, self._allowed)
