"""Writing the files of a generation: what the parent has is linked, the rest is made from the catalog."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli import __version__
from ragcli.config.fingerprint import fingerprint
from ragcli.config.index import IndexConfig
from ragcli.index.catalog_state import catalog_state, chunker_fingerprint, corpus_fingerprint
from ragcli.index.context import chunk_vectors
from ragcli.index.lexical.build import update_lexical
from ragcli.index.manifest import (
    CHUNKS,
    LEXICAL,
    SUMMARIES,
    VECTORS,
    EmbedderState,
    LexicalState,
    Manifest,
    SummariesState,
    file_states,
    write_manifest,
)
from ragcli.index.progress import Progress, told
from ragcli.index.settings import changed_settings, shaping
from ragcli.index.vectors import update
from ragcli.index.vectors.segments import contains
from ragcli.index.vectors.store import VectorsState
from ragcli.models import Embedder
from ragcli.workspace.catalog import Catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Parent:
    """The live generation that the next one starts from, with its chunk rows, ascending."""

    name: str
    directory: Path
    manifest: Manifest
    rows: "NDArray[np.int64]"


@dataclass(slots=True)
class Assembly:
    """One generation in the making.

    Attributes:
        live: The chunk rows it shall have, ascending, at least one.
        parent: What it may take over from; None builds everything from the catalog.
        embedder: None builds no vectors.
        compact: Fold what is linked, added and dead into one.
        embedded: How many vectors were computed.
        needed: How many vectors were needed, computed or cached.
        rebuilt: Whether the vector index was built anew rather than extended.
    """

    config: IndexConfig
    catalog: Catalog
    live: "NDArray[np.int64]"
    parent: Parent | None
    embedder: Embedder | None
    compact: bool
    progress: Progress
    embedded: int = 0
    needed: int = 0
    rebuilt: bool = False
    timings: dict[str, float] = field(default_factory=dict)

    def fill(self, directory: Path) -> Manifest:
        """Write all files, the manifest last.

        Raises:
            OSError: a file cannot be written.
        """
        import numpy as np

        np.save(directory / CHUNKS, self.live)
        vectors = None if self.embedder is None else self._vectors(directory / VECTORS, self.embedder)
        lexical = self._lexical(directory / LEXICAL)
        summaries = self._summaries(directory / SUMMARIES)
        manifest = self._manifest(directory, vectors, lexical, summaries)
        write_manifest(directory, manifest)
        return manifest

    def _vectors(self, directory: Path, embedder: Embedder) -> VectorsState:
        settings = self.config
        extended = self._vectors_to_extend(embedder)
        plan = update.plan(self.live, extended, settings.compact_fraction, self.compact)
        with self._timed("embed"):
            embedded = chunk_vectors(self.catalog, embedder, settings.context, plan.rows, self.progress)
        self.embedded, self.needed, self.rebuilt = embedded.computed, len(plan.rows), plan.rebuild
        with self._timed("vectors"):
            return update.write(directory, plan, extended, settings.vectors, embedded.vectors)

    def _vectors_to_extend(self, embedder: Embedder) -> update.Parent | None:
        """The parent's vectors, unless another model, context or index type was asked for since."""
        parent = self.parent
        if parent is None or parent.manifest.vectors is None or not same_model(parent.manifest, embedder):
            return None
        if self._changed(parent, "vectors", "context"):
            return None
        return update.Parent(parent.directory / VECTORS, parent.manifest.vectors)

    def _lexical(self, directory: Path) -> LexicalState | None:
        settings = self.config.lexical
        if settings.kind == "none":
            return None
        origin = self._lexical_to_extend()
        before = self.live[:0] if origin is None else origin.rows
        added, removed = self.live[~contains(before, self.live)], before[~contains(self.live, before)]
        texts = told(self.catalog.index_texts(added.tolist()), "lexical", len(added), self.progress)
        with self._timed("lexical"):
            linked = None if origin is None else origin.directory / LEXICAL
            update_lexical(directory, linked, settings, texts, removed.tolist())
        dead = 0 if origin is None or origin.manifest.lexical is None else origin.manifest.lexical.dead
        return LexicalState(dead + len(removed))

    def _lexical_to_extend(self) -> Parent | None:
        """The parent, unless its lexical index has other settings, or more would be dead than may be."""
        parent = self.parent
        if self.compact or parent is None or parent.manifest.lexical is None or self._changed(parent, "lexical"):
            return None
        _, removed = difference(self.live, parent.rows)
        bound = self.config.compact_fraction * len(self.live)
        return parent if parent.manifest.lexical.dead + removed <= bound else None

    def _summaries(self, directory: Path) -> SummariesState | None:
        if self.config.summaries.kind == "none":
            return None
        from ragcli.index.summaries.write import Origin, write_summaries

        parent, origin = self.parent, None
        if (
            parent is not None
            and parent.manifest.summaries is not None
            and not self.compact
            and same_model(parent.manifest, self.embedder)
            and not self._changed(parent, "summaries", "lexical")
        ):
            origin = Origin(parent.directory / SUMMARIES, parent.manifest.summaries)
        with self._timed("summaries"):
            state, counted = write_summaries(directory, self.config, self.catalog, self.embedder, origin, self.progress)
        self.embedded += counted.computed
        self.needed += counted.needed
        return state

    def _changed(self, parent: Parent, *sections: str) -> bool:
        return any(name.startswith(sections) for name in changed_settings(self.config, parent.manifest))

    def _manifest(
        self,
        directory: Path,
        vectors: VectorsState | None,
        lexical: LexicalState | None,
        summaries: SummariesState | None,
    ) -> Manifest:
        parent, embedder = self.parent, self.embedder
        with self._timed("checksums"):
            known = {} if parent is None else parent.manifest.files
            files = file_states(directory, None if parent is None else parent.directory, known)
        added, removed = difference(self.live, self.live[:0] if parent is None else parent.rows)
        return Manifest(
            parent="" if parent is None else parent.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            ragcli=__version__,
            chunks=len(self.live),
            added=added,
            removed=removed,
            state=catalog_state(self.catalog),
            fingerprints={
                "config": fingerprint(self.config),
                "model": "" if embedder is None else embedder.fingerprint,
                "chunker": chunker_fingerprint(self.catalog),
                "corpus": corpus_fingerprint(self.catalog),
            },
            embedder=None if vectors is None or embedder is None else self._embedder_state(embedder, vectors),
            vectors=vectors,
            lexical=lexical,
            settings=shaping(self.config, vectors),
            timings_s={stage: round(seconds, 3) for stage, seconds in self.timings.items()},
            files=files,
            summaries=summaries,
        )

    def _embedder_state(self, embedder: Embedder, vectors: VectorsState) -> EmbedderState:
        return EmbedderState(self.config.embedder.kind, embedder.name, embedder.fingerprint, vectors.dimension)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.timings[stage] = time.monotonic() - started


def same_model(manifest: Manifest, embedder: Embedder | None) -> bool:
    """Whether a generation's vectors, or their absence, are this embedder's."""
    if embedder is None or manifest.embedder is None:
        return embedder is None and manifest.embedder is None
    return manifest.embedder.fingerprint == embedder.fingerprint


def difference(live: "NDArray[np.int64]", before: "NDArray[np.int64]") -> tuple[int, int]:
    """How many chunk rows were added and removed between two ascending arrays of them."""
    kept = int(contains(before, live).sum())
    return len(live) - kept, len(before) - kept
