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


def chunk_vectors(
    catalog: Catalog, embedder: Embedder, config: ContextConfig, rows: "NDArray[np.int64]", progress: Progress
) -> Embedded:
    """The vectors of chunk rows, in their order."""
    items = own_items(catalog, embedder.fingerprint, rows.tolist())
    shape = (len(rows), embedder.dimension)
    return CachedEmbedding(catalog, embedder.embed_documents, shape, progress).run(items)


def own_items(catalog: Catalog, fingerprint: str, rows: Sequence[int]) -> Iterator[Item[str]]:
    """What is embedded of each chunk by itself; ``rows`` ascend."""
    expected = iter(rows)
    for chunk in catalog.index_texts(rows):
        if chunk.row != next(expected):
            break
        text = chunk.embedded_text
        yield Item(embedding_key(fingerprint, "text", text), text, len(text))
    else:
        if next(expected, None) is None:
            return
    raise IndexCorruptError("the catalog lacks chunks that it calls live", hint="ragcli doctor")
