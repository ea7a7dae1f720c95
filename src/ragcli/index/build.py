"""Building a generation: what changed since the live one, and only that.

Everything is built in a directory of its own, verified, and published by one rename. Killed at any instruction, the old
generation stays live; what was embedded by then is in the cache, and the next run removes the leftovers.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli import __version__
from ragcli.config.fingerprint import fingerprint
from ragcli.config.settings import Config
from ragcli.errors import BackendError, ConfigError, DataError, IndexCorruptError, IndexMissingError, IndexStateError
from ragcli.index.catalog_state import catalog_state, chunker_fingerprint, corpus_fingerprint
from ragcli.index.context import chunk_vectors
from ragcli.index.manifest import (
    CHUNKS,
    LEXICAL,
    VECTORS,
    EmbedderState,
    Manifest,
    file_states,
    read_manifest,
    write_manifest,
)
from ragcli.index.progress import NoProgress, Progress
from ragcli.index.reader import count_problems, open_parts
from ragcli.index.retention import retain
from ragcli.index.settings import changed_settings, shaping
from ragcli.index.vectors import update
from ragcli.index.vectors.segments import contains
from ragcli.index.vectors.store import VectorsState
from ragcli.models import Embedder
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.lock import WriterLock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class IndexResult:
    """What an index run did.

    Attributes:
        generation: The live generation after the run.
        changed: Whether the run published it.
        added: Chunks that the previous generation did not have.
        removed: Chunks that the previous generation had.
        chunks: Chunks of the generation.
        embedded: Vectors computed in this run.
        cached: Vectors that were needed and known.
        rebuilt: Whether the vector index was built anew rather than extended.
        dropped: Generations removed because of ``workspace.keep_generations``.
    """

    generation: str
    changed: bool
    added: int
    removed: int
    chunks: int
    embedded: int
    cached: int
    rebuilt: bool
    dropped: tuple[str, ...]
    seconds: float


def build_index(
    config: Config,
    workspace: Workspace,
    *,
    full: bool = False,
    compact: bool = False,
    progress: Progress | None = None,
) -> IndexResult:
    """Bring the index up to date with the catalog.

    Args:
        config: The whole configuration.
        workspace: Where the catalog is and the generation goes.
        full: Build everything anew from the catalog; embeddings still come from the cache.
        compact: Fold deltas and deletions into the vector and lexical index.
        progress: Told how far the run is.

    Raises:
        IndexMissingError: nothing was ingested yet.
        DataError: the catalog holds no chunks.
        BusyError: another writer holds the workspace.
        BackendError: the disk is full, or the model failed; the live generation is untouched.
    """
    started = time.monotonic()
    if not workspace.catalog.exists():
        raise IndexMissingError(f"nothing was ingested into {workspace.root} yet", hint="ragcli ingest PATH")
    lock = WriterLock(workspace, config.workspace.lock_timeout_s, "ragcli index")
    with lock, _disk_errors(workspace), Catalog(workspace.catalog) as catalog:
        generations.clean_leftovers(workspace)
        builder = _Builder(config, workspace, catalog, progress or NoProgress(), full, compact)
        return builder.run(started)


@dataclass(frozen=True, slots=True)
class _Parent:
    """The live generation that the next one starts from."""

    name: str
    directory: Path
    manifest: Manifest
    rows: "NDArray[np.int64]"


@dataclass(slots=True)
class _Builder:
    config: Config
    workspace: Workspace
    catalog: Catalog
    progress: Progress
    full: bool
    compact: bool
    timings: dict[str, float] = field(default_factory=dict)
    embedded: int = 0
    needed: int = 0
    rebuilt: bool = False

    def run(self, started: float) -> IndexResult:
        live = self.catalog.live_chunk_rows()
        if len(live) == 0:
            raise DataError("there is nothing to index: the catalog holds no chunks", hint="ragcli ingest PATH")
        embedder = self._embedder()
        parent = _parent(self.workspace, tolerant=self.full)
        if parent is not None and self._up_to_date(parent, live, embedder):
            return self._result(started, parent.name, parent.manifest, ())
        building = generations.new_directory(self.workspace)
        try:
            manifest = self._fill(building, live, parent, embedder)
            self._verify(building, manifest)
            with self._timed("publish"):
                name = generations.publish(self.workspace, building)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        dropped = retain(self.workspace, self.catalog, self.config.workspace.keep_generations)
        return self._result(started, name, manifest, dropped.generations)

    def _embedder(self) -> Embedder | None:
        settings = self.config.index
        if settings.embedder.kind == "none":
            if settings.lexical.kind == "none":
                raise ConfigError(
                    "index.embedder and index.lexical are both none: there is nothing to search by",
                    hint="--set index.lexical.kind=tantivy",
                )
            return None
        from ragcli.models.build import build_embedder

        return build_embedder(settings.embedder, self.config.models)

    def _up_to_date(self, parent: _Parent, live: "NDArray[np.int64]", embedder: Embedder | None) -> bool:
        import numpy as np

        return (
            not self.full
            and not self.compact
            and parent.manifest.state == catalog_state(self.catalog)
            and np.array_equal(parent.rows, live)
            and not changed_settings(self.config.index, parent.manifest)
            and _same_model(parent.manifest, embedder)
        )

    def _fill(
        self, building: Path, live: "NDArray[np.int64]", parent: _Parent | None, embedder: Embedder | None
    ) -> Manifest:
        """Write all files of the generation, the manifest last."""
        import numpy as np

        np.save(building / CHUNKS, live)
        vectors = None if embedder is None else self._vectors(building, live, parent, embedder)
        if self.config.index.lexical.kind != "none":
            self._lexical(building, live, parent)
        manifest = self._manifest(building, live, parent, embedder, vectors)
        write_manifest(building, manifest)
        return manifest

    def _vectors(
        self, building: Path, live: "NDArray[np.int64]", parent: _Parent | None, embedder: Embedder
    ) -> VectorsState:
        settings = self.config.index
        base = self._vectors_to_extend(parent, embedder)
        plan = update.plan(live, base, settings.compact_fraction, self.compact)
        with self._timed("embed"):
            embedded = chunk_vectors(self.catalog, embedder, settings.context, plan.rows, self.progress)
        self.embedded, self.needed, self.rebuilt = embedded.computed, len(plan.rows), plan.rebuild
        with self._timed("vectors"):
            self.progress.update("vectors", 0, len(plan.rows))
            return update.write(building / VECTORS, plan, base, settings.vectors, embedded.vectors)

    def _vectors_to_extend(self, parent: _Parent | None, embedder: Embedder) -> update.Parent | None:
        if self.full or parent is None or parent.manifest.vectors is None:
            return None
        changed = changed_settings(self.config.index, parent.manifest)
        if not _same_model(parent.manifest, embedder) or any(
            name.startswith(("vectors", "context")) for name in changed
        ):
            return None
        return update.Parent(parent.directory / VECTORS, parent.manifest.vectors)

    def _lexical(self, building: Path, live: "NDArray[np.int64]", parent: _Parent | None) -> None:
        raise NotImplementedError

    def _manifest(
        self,
        building: Path,
        live: "NDArray[np.int64]",
        parent: _Parent | None,
        embedder: Embedder | None,
        vectors: VectorsState | None,
    ) -> Manifest:
        with self._timed("checksums"):
            known = {} if parent is None else parent.manifest.files
            files = file_states(building, None if parent is None else parent.directory, known)
        before = live[:0] if parent is None else parent.rows
        added, removed = _difference(live, before)
        return Manifest(
            parent="" if parent is None else parent.name,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            ragcli=__version__,
            chunks=len(live),
            added=added,
            removed=removed,
            state=catalog_state(self.catalog),
            fingerprints={
                "config": fingerprint(self.config.index),
                "model": "" if embedder is None else embedder.fingerprint,
                "chunker": chunker_fingerprint(self.catalog),
                "corpus": corpus_fingerprint(self.catalog),
            },
            embedder=None if embedder is None or vectors is None else _embedder_state(self.config, embedder, vectors),
            vectors=vectors,
            settings=shaping(self.config.index, vectors),
            timings_s={stage: round(seconds, 3) for stage, seconds in self.timings.items()},
            files=files,
        )

    def _verify(self, building: Path, manifest: Manifest) -> None:
        """Open what was written, as a reader will."""
        problems = count_problems(building, manifest, open_parts(building, manifest, self.config.index))
        if problems:
            raise IndexCorruptError(f"the new generation is not sound: {problems[0]}", hint="ragcli index --full")

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.timings[stage] = time.monotonic() - started

    def _result(self, started: float, name: str, manifest: Manifest, dropped: tuple[str, ...]) -> IndexResult:
        published = bool(self.timings)
        return IndexResult(
            generation=name,
            changed=published,
            added=manifest.added if published else 0,
            removed=manifest.removed if published else 0,
            chunks=manifest.chunks,
            embedded=self.embedded,
            cached=self.needed - self.embedded,
            rebuilt=self.rebuilt,
            dropped=dropped,
            seconds=round(time.monotonic() - started, 3),
        )


def _parent(workspace: Workspace, *, tolerant: bool) -> _Parent | None:
    """The live generation; with ``tolerant``, None when it is damaged."""
    import numpy as np

    try:
        name = generations.current(workspace)
        if name is None:
            return None
        directory = workspace.generations / name
        return _Parent(name, directory, read_manifest(directory), np.load(directory / CHUNKS))
    except (IndexStateError, OSError, ValueError, EOFError) as error:
        if tolerant:
            return None
        raise IndexCorruptError(
            f"the live generation cannot be read: {error}", hint="ragcli index --full, which builds it anew"
        ) from error


def _same_model(manifest: Manifest, embedder: Embedder | None) -> bool:
    if embedder is None or manifest.embedder is None:
        return embedder is None and manifest.embedder is None
    return manifest.embedder.fingerprint == embedder.fingerprint


def _embedder_state(config: Config, embedder: Embedder, vectors: VectorsState) -> EmbedderState:
    return EmbedderState(config.index.embedder.kind, embedder.name, embedder.fingerprint, vectors.dimension)


def _difference(live: "NDArray[np.int64]", before: "NDArray[np.int64]") -> tuple[int, int]:
    kept = int(contains(before, live).sum())
    return len(live) - kept, len(before) - kept


@contextmanager
def _disk_errors(workspace: Workspace) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackendError(
            f"cannot write to the workspace {workspace.root}: {error.strerror or error}",
            hint="free some space or correct the permissions; the live generation is untouched",
        ) from error
