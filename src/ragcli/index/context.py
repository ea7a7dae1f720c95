"""From chunks to the vectors that stand for them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ragcli.config.index import ContextConfig
from ragcli.errors import IndexCorruptError
from ragcli.index.embed import CachedEmbedding, Embedded, Item, embedding_key
from ragcli.index.progress import Progress
from ragcli.models import Embedder
from ragcli.workspace.catalog import Catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK_ROWS = 8192


def chunk_vectors(
    catalog: Catalog, embedder: Embedder, config: ContextConfig, rows: "NDArray[np.int64]", progress: Progress
) -> Embedded:
    """The vectors of chunk rows, in their order.

    Args:
        catalog: Has the texts and the cache.
        embedder: Embeds what is not cached.
        config: How much a vector sees of its neighbours.
        rows: Ascending; of a document all chunks or none.
        progress: Told of every finished chunk.
    """
    documents: list[int] = []
    wanted = items(catalog, embedder.fingerprint, rows.tolist(), documents)
    own = CachedEmbedding(catalog, embedder.embed_documents, (len(rows), embedder.dimension), progress).run(wanted)
    return Embedded(with_neighbours(own.vectors, documents, config.neighbours), own.computed)


def items(catalog: Catalog, fingerprint: str, rows: Sequence[int], documents: list[int]) -> Iterator[Item[str]]:
    """What is embedded of each chunk; its document is noted in ``documents``."""
    for chunk in catalog.index_texts(rows):
        text = chunk.embedded_text
        documents.append(chunk.document)
        yield Item(embedding_key(fingerprint, text), text, len(text))
    if len(documents) != len(rows):
        raise IndexCorruptError("the catalog lacks chunks of documents that it calls live", hint="ragcli doctor")


def with_neighbours(
    vectors: "NDArray[np.float32]", documents: Sequence[int], weights: Sequence[float]
) -> "NDArray[np.float32]":
    """Add to each chunk's vector those of its neighbours in the document, and normalise again.

    ``own(i) + w1 (own(i-1) + own(i+1)) + w2 (own(i-2) + own(i+2)) + ...``: a passage is also found by what stands
    around it. The measured gain is in docs/adr/0004-vector-index.md; it costs no pass of the model.

    Args:
        vectors: Unit vectors of chunks, shape [n, d], in document order.
        documents: The document of each chunk, shape [n]; chunks of a document stand together.
        weights: w1, w2, ...; empty leaves the vectors as they are.
    """
    import numpy as np

    if not weights:
        return vectors
    document = np.asarray(documents)
    result = np.empty_like(vectors)
    for first in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(first, min(first + _BLOCK_ROWS, len(vectors)))
        mixed = vectors[block].copy()
        for distance, weight in enumerate(weights, 1):
            _add(mixed, block, vectors, document, distance, weight)
            _add(mixed, block, vectors, document, -distance, weight)
        result[block] = mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
    return result


def _add(
    mixed: "NDArray[np.float32]",
    block: slice,
    vectors: "NDArray[np.float32]",
    document: "NDArray[np.int64]",
    offset: int,
    weight: float,
) -> None:
    """Add to each of a block's vectors the weighted one ``offset`` places on, where that is the same document's."""
    import numpy as np

    low, high = max(block.start, -offset), min(block.stop, len(vectors) - offset)
    if low >= high:
        return
    same = document[low:high] == document[low + offset : high + offset]
    share = (np.float32(weight) * same)[:, None]
    mixed[low - block.start : high - block.start] += share * vectors[low + offset : high + offset]
