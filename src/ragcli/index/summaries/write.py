"""Writing the index over summaries. Its rows are document rows, which never change what they say.

So a document that the parent has is taken over: only what is new is read and summed up.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from ragcli.config.index import (
    ExtractiveSummariesConfig,
    IndexConfig,
    NoSummariesConfig,
    OpenAISummariesConfig,
    SummariesConfig,
    VectorsConfig,
)
from ragcli.index.embed import CachedEmbedding, Embedded, Item, embedding_key
from ragcli.index.manifest import LEXICAL, VECTORS, SummariesState
from ragcli.index.progress import Progress
from ragcli.index.summaries.extract import central_sentences, summary
from ragcli.index.vectors.segments import contains
from ragcli.index.vectors.store import VectorsState, read_base, read_rows, write_base
from ragcli.models import Embedder
from ragcli.workspace.catalog import Catalog, IndexText

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS = "documents"
_TOGETHER = 64  # documents that are summed up at a time


@dataclass(frozen=True, slots=True)
class Origin:
    """The parent's summaries, made with the same settings by the same model."""

    directory: Path
    state: SummariesState


@dataclass(frozen=True, slots=True)
class Counted:
    """How many vectors of summaries were needed anew, and how many of them had to be computed."""

    needed: int
    computed: int


def write_summaries(
    directory: Path,
    config: IndexConfig,
    catalog: Catalog,
    embedder: Embedder | None,
    origin: Origin | None,
    progress: Progress,
) -> tuple[SummariesState, Counted]:
    """Write the summaries of all live documents; say what it took.

    Args:
        directory: Made; where to.
        config: The index settings; its summaries are not ``none``.
        catalog: Has the documents, and the cache of vectors.
        embedder: None writes no vectors.
        origin: What may be taken over.
        progress: Told of every summary embedded.
    """
    import numpy as np

    directory.mkdir()
    live = live_documents(catalog)
    before = live[:0] if origin is None else np.asarray(np.load(origin.directory / f"{_ROWS}.npy", allow_pickle=False))
    np.save(directory / f"{_ROWS}.npy", live)
    added, removed = live[~contains(before, live)], before[~contains(live, before)]
    texts = [IndexText(row, row, 0, 0, "", text) for row, text in summaries(catalog, config, added.tolist())]
    vectors, counted = None, Counted(0, 0)
    if embedder is not None:
        fresh = _embedded(catalog, embedder, texts, progress)
        vectors = _write_vectors(directory / VECTORS, live, added, fresh.vectors, origin)
        counted = Counted(len(texts), fresh.computed)
    if config.lexical.kind != "none":
        from ragcli.index.lexical.build import update_lexical

        parent = None if origin is None else origin.directory / LEXICAL
        update_lexical(directory / LEXICAL, parent, config.lexical, texts, removed.tolist())
    return SummariesState(len(live), vectors), counted


def live_documents(catalog: Catalog) -> "NDArray[np.int64]":
    """Rows of the live documents that have chunks, ascending, [n]."""
    import numpy as np

    found = catalog.database.all("SELECT row FROM documents WHERE live = 1 AND chunk_count > 0 ORDER BY row")
    return np.array([row for (row,) in found], dtype=np.int64)


def summaries(catalog: Catalog, config: IndexConfig, rows: list[int]) -> Iterator[tuple[int, str]]:
    """(document row, summary) of each document row."""
    for first in range(0, len(rows), _TOGETHER):
        part = rows[first : first + _TOGETHER]
        found = [
            catalog.database.one(
                "SELECT d.title, t.text FROM documents d JOIN texts t ON t.document = d.row WHERE d.row = ?", (row,)
            )
            for row in part
        ]
        bodies = _bodies(catalog, config.summaries, [text for _, text in found])
        for row, (title, text), body in zip(part, found, bodies, strict=True):
            own = catalog.database.all("SELECT headings FROM chunks WHERE document = ? ORDER BY position", (row,))
            headings = [heading for (names,) in own for heading in json.loads(names)]
            yield row, summary(title, headings, body) or text[:1000]


def _bodies(catalog: Catalog, config: SummariesConfig, texts: list[str]) -> list[str]:
    """What sums each text up; a text that a model declines is summed up by its own sentences."""
    match config:
        case NoSummariesConfig():
            return [""] * len(texts)
        case ExtractiveSummariesConfig():
            count, written = config.sentences, [""] * len(texts)
        case OpenAISummariesConfig():
            from ragcli.index.summaries.chat import ChatSummarizer

            count = ExtractiveSummariesConfig().sentences
            with ChatSummarizer(config, catalog) as summarizer:
                written = summarizer.write(texts)
        case _:
            assert_never(config)
    return [own or " ".join(central_sentences(text, count)) for own, text in zip(written, texts, strict=True)]


def _embedded(catalog: Catalog, embedder: Embedder, texts: list[IndexText], progress: Progress) -> Embedded:
    items = (Item(embedding_key(embedder.fingerprint, own.text), own.text, len(own.text)) for own in texts)
    shape = (len(texts), embedder.dimension)
    return CachedEmbedding(catalog, embedder.embed_documents, shape, progress, "summaries").run(items)


def _write_vectors(
    directory: Path,
    live: "NDArray[np.int64]",
    added: "NDArray[np.int64]",
    fresh: "NDArray[np.float32]",
    origin: Origin | None,
) -> VectorsState:
    """All vectors anew, the parent's copied: they are as many as documents, not chunks."""
    import numpy as np

    vectors = np.empty((len(live), fresh.shape[1]), np.float32)
    vectors[np.searchsorted(live, added)] = fresh
    if origin is not None:
        rows = read_rows(origin.directory / VECTORS, "base")
        kept = contains(live, rows)
        vectors[np.searchsorted(live, rows[kept])] = read_base(origin.directory / VECTORS)[kept]
    type_ = write_base(directory, VectorsConfig(type="flat"), vectors, live)
    return VectorsState(fresh.shape[1], type_, len(live), 0, 0)
