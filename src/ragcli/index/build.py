"""Bringing the index up to date with the catalog.

A generation is built in a directory of its own, verified, and published by one rename. Killed at any instruction, the
old one stays live; what was embedded by then is in the cache, and the next run removes the leftovers.
"""

import shutil
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ragcli.config.settings import Config
from ragcli.errors import ConfigError, DataError, IndexCorruptError, IndexMissingError, IndexStateError
from ragcli.index.assembly import Assembly, Parent, difference, same_model
from ragcli.index.catalog_state import catalog_state
from ragcli.index.manifest import Manifest, read_manifest
from ragcli.index.progress import NoProgress, Progress
from ragcli.index.reader import count_problems, open_parts, read_chunk_rows
from ragcli.index.retention import retain, superfluous
from ragcli.index.settings import changed_settings
from ragcli.models import Embedder
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.lock import WriterLock


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

    @property
    def summary(self) -> str:
        """The run in one line."""
        dropped = f" (dropped {', '.join(self.dropped)})" if self.dropped else ""
        end = f"generation {self.generation}{dropped}; {self.seconds:.1f} s"
        if not self.changed:
            return f"index: up to date, {self.chunks:,} chunks; {end}"
        return (
            f"index: {self.added:,} added, {self.removed:,} removed, {self.chunks:,} chunks;"
            f" {self.embedded:,} embedded, {self.cached:,} from cache; {end}"
        )


def build_index(
    config: Config,
    workspace: Workspace,
    *,
    full: bool = False,
    compact: bool = False,
    progress: Progress | None = None,
    lock: WriterLock | None = None,
) -> IndexResult:
    """Bring the index up to date with the catalog.

    Args:
        config: The whole configuration.
        workspace: Where the catalog is and the generation goes.
        full: Build everything anew from the catalog; embeddings still come from the cache.
        compact: Fold deltas and deletions into the vector and lexical index.
        progress: Told how far the run is.
        lock: Held already by the caller; otherwise the run takes the writer's lock itself.

    Raises:
        IndexMissingError: nothing was ingested yet.
        DataError: the catalog holds no chunks.
        BusyError: another writer holds the workspace.
        BackendError: the disk is full, or the model failed; the live generation is untouched.
    """
    started = time.monotonic()
    if not workspace.catalog.exists():
        raise IndexMissingError(f"nothing was ingested into {workspace.root} yet", hint="ragcli ingest PATH")
    own = WriterLock(workspace, config.workspace.lock_timeout_s, "ragcli index") if lock is None else nullcontext()
    with own, generations.disk_errors(workspace), Catalog(workspace.catalog) as catalog:
        generations.clean_leftovers(workspace)
        embedder = _embedder(config)
        parent = _parent(workspace, tolerant=full)
        keep = config.workspace.keep_generations
        if parent is not None and not (full or compact) and _up_to_date(config, catalog, parent, embedder):
            dropped = retain(workspace, catalog, keep).generations if superfluous(workspace, keep) else ()
            return _unchanged(parent, dropped, started)
        live = catalog.live_chunk_rows()
        if len(live) == 0:
            raise DataError(
                "there is nothing to index: the catalog holds no chunks",
                hint="put documents where the sources are, then ragcli ingest",
            )
        assembly = Assembly(
            config.index, catalog, live, None if full else parent, embedder, compact, progress or NoProgress()
        )
        name = _publish(workspace, assembly)
        dropped = retain(workspace, catalog, keep).generations
        return _changed(assembly, parent, name, dropped, started)


def _embedder(config: Config) -> Embedder | None:
    settings = config.index
    if settings.embedder.kind == "none":
        if settings.lexical.kind == "none":
            raise ConfigError(
                "index.embedder and index.lexical are both none: there is nothing to search by",
                hint="--set index.lexical.kind=tantivy",
            )
        return None
    from ragcli.models.build import build_embedder

    return build_embedder(settings.embedder, config.models)


def _parent(workspace: Workspace, *, tolerant: bool) -> Parent | None:
    """The live generation; with ``tolerant``, None when it is damaged."""
    try:
        name = generations.current(workspace)
        if name is None:
            return None
        directory = workspace.generations / name
        return Parent(name, directory, read_manifest(directory), read_chunk_rows(directory))
    except (IndexStateError, OSError) as error:
        if tolerant:
            return None
        raise IndexCorruptError(
            f"the live generation cannot be read: {error}", hint="ragcli index --full, which builds it anew"
        ) from error


def _up_to_date(config: Config, catalog: Catalog, parent: Parent, embedder: Embedder | None) -> bool:
    return (
        parent.manifest.state == catalog_state(catalog)
        and not changed_settings(config.index, parent.manifest)
        and same_model(parent.manifest, embedder)
    )


def _publish(workspace: Workspace, assembly: Assembly) -> str:
    """Build, verify and publish a generation; nothing of it stays behind when that fails."""
    building = generations.new_directory(workspace)
    try:
        manifest = assembly.fill(building)
        _verify(building, manifest, assembly)
        _open_to_readers(building)
        return generations.publish(workspace, building)
    except BaseException:  # Ctrl-C too leaves no half generation behind
        shutil.rmtree(building, ignore_errors=True)
        raise


def _verify(building: Path, manifest: Manifest, assembly: Assembly) -> None:
    """Open what was written, as a reader will."""
    problems = count_problems(building, manifest, open_parts(building, manifest, assembly.config))
    if problems:
        raise IndexCorruptError(f"the new generation is not sound: {problems[0]}", hint="ragcli index --full")


def _open_to_readers(building: Path) -> None:
    """Give every file the mode of an ordinary new one: the lexical engine makes some private to their owner."""
    for path in building.rglob("*"):
        if path.is_file() and path.stat().st_nlink == 1:
            path.chmod(0o644)


def _unchanged(parent: Parent, dropped: tuple[str, ...], started: float) -> IndexResult:
    seconds = round(time.monotonic() - started, 3)
    return IndexResult(parent.name, False, 0, 0, parent.manifest.chunks, 0, 0, False, dropped, seconds)


def _changed(
    assembly: Assembly, before: Parent | None, name: str, dropped: tuple[str, ...], started: float
) -> IndexResult:
    added, removed = difference(assembly.live, assembly.live[:0] if before is None else before.rows)
    return IndexResult(
        generation=name,
        changed=True,
        added=added,
        removed=removed,
        chunks=len(assembly.live),
        embedded=assembly.embedded,
        cached=assembly.needed - assembly.embedded,
        rebuilt=assembly.rebuilt,
        dropped=dropped,
        seconds=round(time.monotonic() - started, 3),
    )
