"""Vector search: FAISS behind one small Protocol."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class VectorIndex(Protocol):
    """Finds the vectors with the largest inner product. Immutable; safe to search from several threads."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def __len__(self) -> int:
        """How many vectors a search can return."""
        ...

    def search(
        self, queries: "NDArray[np.float32]", top_k: int, allowed: "NDArray[np.int64] | None" = None
    ) -> "tuple[NDArray[np.float32], NDArray[np.int64]]":
        """The best vectors of each query.

        Args:
            queries: Unit vectors, shape [m, dimension].
            top_k: Results per query, at least 1.
            allowed: Chunk rows that may be returned, ascending; all unless given. Applied inside the search: as
                many results come back as there are allowed rows, up to ``top_k``.

        Returns:
            Scores and chunk rows, both [m, top_k], score descending, then row ascending. Where there are fewer
            results, the score is minus infinity and the row -1.
        """
        ...
