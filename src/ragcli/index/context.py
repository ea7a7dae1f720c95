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

MIXING = "ratio-2"
"""Names the formula of ``with_neighbours``; another formula takes another name, and generations are built anew."""

_BLOCK_ROWS = 8192
# However long its neighbours, a short chunk stays recognisable.
_MOST_RATIO = 2.0


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
    lengths: list[int] = []
    wanted = _measured(items(catalog, embedder.fingerprint, rows.tolist(), documents), lengths)
    own = CachedEmbedding(catalog, embedder.embed_documents, (len(rows), embedder.dimension), progress).run(wanted)
    return Embedded(with_neighbours(own.vectors, documents, lengths, config.neighbours), own.computed)


def items(catalog: Catalog, fingerprint: str, rows: Sequence[int], documents: list[int]) -> Iterator[Item[str]]:
    """What is embedded of each chunk; its document is noted in ``documents``."""
    for chunk in catalog.index_texts(rows):
        text = chunk.embedded_text
        documents.append(chunk.document)
        yield Item(embedding_key(fingerprint, text), text, len(text))
    if len(documents) != len(rows):
        raise IndexCorruptError("the catalog lacks chunks of documents that it calls live", hint="ragcli doctor")


def _measured(items: Iterator[Item[str]], lengths: list[int]) -> Iterator[Item[str]]:
    for item in items:
        lengths.append(item.size)
        yield item


def with_neighbours(
    vectors: "NDArray[np.float32]", documents: Sequence[int], lengths: Sequence[int], weights: Sequence[float]
) -> "NDArray[np.float32]":
    """Add to each chunk's vector those of its neighbours in the document, and normalise again.

    ``own(i) + w1 (r(i-1) own(i-1) + r(i+1) own(i+1)) + w2 (r(i-2) own(i-2) + ...) + ...`` with the ratio of lengths
    ``r(j) = min(length(j) / length(i), 2)``: a chunk is also found by what stands around it, and a short one leans
    more on that than a long one. docs/adr/0005-chunking.md has the gain; it costs no pass of the model.

    Args:
        vectors: Unit vectors of chunks, shape [n, d], in document order.
        documents: The document of each chunk, shape [n]; chunks of a document stand together.
        lengths: How long each chunk is, in any unit, shape [n].
        weights: w1, w2, ...; empty leaves the vectors as they are.
    """
    import numpy as np

    if not weights:
        return vectors
    document = np.asarray(documents)
    length = np.asarray(lengths, dtype=np.float32)
    result = np.empty_like(vectors)
    for first in range(0, len(vectors), _BLOCK_ROWS):
        block = slice(first, min(first + _BLOCK_ROWS, len(vectors)))
        mixed = vectors[block].copy()
        for distance, weight in enumerate(weights, 1):
            for offset in (distance, -distance):
                own = slice(max(block.start, -offset), min(block.stop, len(vectors) - offset))
                if own.start < own.stop:
                    other = slice(own.start + offset, own.stop + offset)
                    share = weight * _ratio(length[other], length[own]) * (document[other] == document[own])
                    mixed[own.start - block.start : own.stop - block.start] += share[:, None] * vectors[other]
        result[block] = mixed / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-12)
    return result


def _ratio(others: "NDArray[np.float32]", own: "NDArray[np.float32]") -> "NDArray[np.float32]":
    import numpy as np

    return np.minimum(others / np.maximum(own, 1), np.float32(_MOST_RATIO))
