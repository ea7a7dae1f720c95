"""How an opened FAISS index is searched, with the filter inside the search.

A position is a vector's ordinal in its index.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, assert_never

from ragcli.config.index import VectorsConfig
from ragcli.index.vectors.building import VectorType
from ragcli.index.vectors.library import load_faiss

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Queries: TypeAlias = NDArray[np.float32]
    Found: TypeAlias = tuple[NDArray[np.float32], NDArray[np.int64]]

_LOOKUP_SHARE = 0.25  # below this share of eligible vectors, reading them one by one beats testing every position
_GATHER_MAX = 1000  # decoding up to this many quantised vectors beats testing every position
_GRAPH_SHARE = 0.2  # below this share of eligible vectors, exact scoring of those beats walking the graph


class Eligible:
    """The positions that a search may return: ascending, at least one, out of ``total``."""

    def __init__(self, positions: "NDArray[np.int64]", total: int) -> None:
        self.positions = positions
        self.total = total

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def share(self) -> float:
        """Part of all positions that is eligible."""
        return len(self.positions) / self.total

    @cached_property
    def bitmap(self) -> Any:
        """The positions as FAISS tests them inside a search."""
        faiss = load_faiss()
        import numpy as np

        bits = np.zeros(self.total, dtype=bool)
        bits[self.positions] = True
        return faiss.IDSelectorBitmap(np.packbits(bits, bitorder="little"))


class Engine(Protocol):
    """One opened FAISS index."""

    @property
    def exact(self) -> bool:
        """Whether no vector of a higher score is ever left out."""
        ...

    def search(self, queries: "Queries", fetch: int, eligible: Eligible) -> "Found":
        """The best positions of each query; equal scores in no particular order.

        Args:
            queries: Unit vectors, shape [m, d].
            fetch: Results per query, at most as many as are eligible.
            eligible: What may be returned.

        Returns:
            Scores, descending, and positions, both [m, fetch].
        """
        ...


def wrap(type_: VectorType, index: Any, config: VectorsConfig) -> Engine:
    """The engine that searches an opened FAISS index with the configured effort."""
    match type_:
        case "flat":
            return FlatEngine(index)
        case "hnsw":
            return HnswEngine(index, config.ef_search)
        case "ivf_flat" | "ivf_pq":
            return IvfEngine(index, config.nprobe)
        case _:
            assert_never(type_)


class FlatEngine:
    """Scores every eligible vector."""

    exact = True

    def __init__(self, index: Any) -> None:
        faiss = load_faiss()

        self._index = index
        self._quantised = not isinstance(index, faiss.IndexFlat)

    def search(self, queries: "Queries", fetch: int, eligible: Eligible) -> "Found":
        """See ``Engine``."""
        faiss = load_faiss()

        if eligible.share == 1:
            return _one_by_one(self._index, queries, fetch, None)
        if self._quantised and len(eligible) <= _GATHER_MAX:
            return self._gather(queries, fetch, eligible)
        by_lookup = not self._quantised and eligible.share < _LOOKUP_SHARE
        selector = faiss.IDSelectorArray(eligible.positions) if by_lookup else eligible.bitmap
        return _one_by_one(self._index, queries, fetch, faiss.SearchParameters(sel=selector))

    def _gather(self, queries: "Queries", fetch: int, eligible: Eligible) -> "Found":
        import numpy as np

        vectors = self._index.reconstruct_batch(eligible.positions)
        scores = np.stack([vectors @ query for query in queries])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :fetch]
        return np.take_along_axis(scores, order, axis=1), eligible.positions[order]


class HnswEngine:
    """Walks the graph; scores exactly where a filter leaves little, or where the walk comes back short."""

    exact = False

    def __init__(self, index: Any, ef_search: int) -> None:
        faiss = load_faiss()

        self._index = index
        self._ef_search = ef_search
        self._storage = FlatEngine(faiss.downcast_index(index.storage))

    def search(self, queries: "Queries", fetch: int, eligible: Eligible) -> "Found":
        """See ``Engine``."""
        faiss = load_faiss()

        if eligible.share < _GRAPH_SHARE:
            return self._storage.search(queries, fetch, eligible)
        effort = round(max(self._ef_search, fetch) / eligible.share)
        parameters = faiss.SearchParametersHNSW(efSearch=effort)
        if eligible.share < 1:
            parameters.sel = eligible.bitmap
        found = _one_by_one(self._index, queries, fetch, parameters)
        return _rescue(found, queries, lambda short: self._storage.search(short, fetch, eligible))


class IvfEngine:
    """Visits the nearest cells, more of them under a filter; all of them where that comes back short."""

    exact = False

    def __init__(self, index: Any, nprobe: int) -> None:
        self._index = index
        self._nprobe = nprobe

    def search(self, queries: "Queries", fetch: int, eligible: Eligible) -> "Found":
        """See ``Engine``."""
        found = self._visit(queries, fetch, eligible, round(self._nprobe / eligible.share))
        return _rescue(found, queries, lambda short: self._visit(short, fetch, eligible, self._index.nlist))

    def _visit(self, queries: "Queries", fetch: int, eligible: Eligible, cells: int) -> "Found":
        faiss = load_faiss()

        parameters = faiss.SearchParametersIVF(nprobe=min(cells, self._index.nlist))
        if eligible.share < 1:
            parameters.sel = eligible.bitmap
        return _one_by_one(self._index, queries, fetch, parameters)


def _one_by_one(index: Any, queries: "Queries", fetch: int, parameters: Any) -> "Found":
    """Each query by itself: the rounding of FAISS's scores depends on what shares a batch.

    And on one thread: there is nothing to share out, yet on a busy machine a team of threads that spin for work was
    seen to turn 0.3 ms into 160.
    """
    import numpy as np

    load_faiss().omp_set_num_threads(1)
    found = [index.search(query[None], fetch, params=parameters) for query in queries]
    return np.concatenate([scores for scores, _ in found]), np.concatenate([positions for _, positions in found])


def _rescue(found: "Found", queries: "Queries", search: "Callable[[Queries], Found]") -> "Found":
    """Search again, thoroughly, for the queries that did not get all the results there are."""
    scores, positions = found
    short = (positions < 0).any(axis=1)
    if short.any():
        scores[short], positions[short] = search(queries[short])
    return scores, positions
