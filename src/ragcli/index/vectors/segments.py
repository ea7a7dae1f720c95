"""A vector index of immutable segments: a base, and a delta of what came since; deletions are filters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragcli.index.vectors.engines import Eligible, Engine

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.vectors.engines import Found, Queries

_SPARE = 8  # results beyond the wanted ones that show whether equal scores were cut apart


class Segment:
    """Vectors that were built together, and the chunk row of each.

    Args:
        engine: Searches by position.
        rows: Chunk row of each position, ascending, shape [n].
        alive: Chunk rows that the generation still has, ascending; all of ``rows`` unless given.
    """

    def __init__(self, engine: Engine, rows: "NDArray[np.int64]", alive: "NDArray[np.int64] | None" = None) -> None:
        import numpy as np

        self._engine = engine
        self._rows = rows
        positions = np.arange(len(rows)) if alive is None else np.flatnonzero(contains(alive, rows))
        self._alive = Eligible(positions, len(rows))

    def __len__(self) -> int:
        return len(self._alive)

    def search(self, queries: "Queries", top_k: int, allowed: "NDArray[np.int64] | None") -> "Found":
        """Scores and chunk rows of up to ``top_k`` results, score descending, then row ascending."""
        import numpy as np

        eligible = self._alive if allowed is None else self._eligible(allowed)
        wanted = min(top_k, len(eligible))
        if wanted == 0:
            return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        scores, positions = self._search(queries, wanted, eligible)
        scores, rows = ranked(scores, self._rows[positions])
        return scores[:, :wanted], rows[:, :wanted]

    def _search(self, queries: "Queries", wanted: int, eligible: Eligible) -> "Found":
        """Fetch on while the last score fetched still ties with the last one wanted."""
        fetch = min(wanted + _SPARE, len(eligible))
        while True:
            scores, positions = self._engine.search(queries, fetch, eligible)
            tied = bool((scores[:, wanted - 1] == scores[:, -1]).any())
            if fetch == len(eligible) or not tied or not self._engine.exact:
                return scores, positions
            fetch = min(4 * fetch, len(eligible))

    def _eligible(self, allowed: "NDArray[np.int64]") -> Eligible:
        import numpy as np

        at = np.searchsorted(self._rows, allowed)
        at = at[at < len(self._rows)] if len(self._rows) else at[:0]
        positions = at[self._rows[at] == allowed[: len(at)]]
        if len(self._alive) < len(self._rows):
            positions = positions[contains(self._alive.positions, positions)]
        return Eligible(positions, len(self._rows))


class SegmentedIndex:
    """The segments of a generation as one ``VectorIndex``."""

    def __init__(self, dimension: int, segments: Sequence[Segment]) -> None:
        self._dimension = dimension
        self._segments = tuple(segments)

    @property
    def dimension(self) -> int:
        """See ``VectorIndex``."""
        return self._dimension

    def __len__(self) -> int:
        return sum(map(len, self._segments))

    def search(self, queries: "Queries", top_k: int, allowed: "NDArray[np.int64] | None" = None) -> "Found":
        """See ``VectorIndex``."""
        import numpy as np

        queries = np.ascontiguousarray(queries, dtype=np.float32)
        found = [segment.search(queries, top_k, allowed) for segment in self._segments]
        shape = (len(queries), top_k)
        scores = np.concatenate([s for s, _ in found] + [np.full(shape, -np.inf, np.float32)], axis=1)
        rows = np.concatenate([r for _, r in found] + [np.full(shape, -1, np.int64)], axis=1)
        scores, rows = ranked(scores, rows)
        return scores[:, :top_k], rows[:, :top_k]


def ranked(scores: "NDArray[np.float32]", rows: "NDArray[np.int64]") -> "Found":
    """Both arrays, [m, k], ordered by score descending, then row ascending."""
    import numpy as np

    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def contains(haystack: "NDArray[np.int64]", needles: "NDArray[np.int64]") -> "NDArray[np.bool_]":
    """Which of ``needles`` are in the ascending ``haystack``; shape of ``needles``."""
    import numpy as np

    if len(haystack) == 0:
        return np.zeros(len(needles), dtype=bool)
    at = np.searchsorted(haystack, needles)
    at[at == len(haystack)] = 0
    found: NDArray[np.bool_] = haystack[at] == needles
    return found
