"""Lexical search: BM25 behind one small Protocol."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class LexicalIndex(Protocol):
    """Finds the chunks whose words answer a question best. Immutable; safe to search from several threads."""

    def __len__(self) -> int:
        """How many chunks a search can return."""
        ...

    def search(
        self, text: str, top_k: int, allowed: "NDArray[np.int64] | None" = None
    ) -> "tuple[NDArray[np.float32], NDArray[np.int64]]":
        """The best chunks for a question.

        Args:
            text: Plain words: nothing in it is query syntax, whatever characters it holds.
            top_k: Results at most, at least 1.
            allowed: Chunk rows that may be returned, ascending; all unless given. Applied inside the search: as
                many results come back as allowed chunks share a word with the question, up to ``top_k``. It changes
                no score.

        Returns:
            BM25 scores (positive) and chunk rows, both [k] with k <= top_k: score descending, then row ascending.
            Only chunks that share a word with the question are results; a question without words has none.
        """
        ...

    def chunk_counts(self, terms: Sequence[str]) -> list[int]:
        """In how many chunks each term is, as the analysis makes terms; deleted chunks may still count."""
        ...
