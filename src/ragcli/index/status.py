"""What a workspace holds, said without opening the index."""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ragcli.config.settings import Config
from ragcli.errors import IndexMissingError
from ragcli.index.catalog_state import catalog_state
from ragcli.index.manifest import EmbedderState, Manifest, read_manifest
from ragcli.index.settings import changed_settings
from ragcli.index.vectors.store import VectorsState
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog, Counts
from ragcli.workspace.ledger import FailedFile, Ledger
from ragcli.workspace.lock import LockHolder, holder


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The live generation.

    Attributes:
        age_s: Seconds since it was made.
        pending_added: Chunks that were ingested since and are not in it; ``pending_removed`` are gone since.
        changed_settings: Settings under ``index.`` by which the configuration differs from it.
        generations: How many are kept, this one included.
    """

    generation: str
    created: str
    age_s: float
    chunks: int
    embedder: EmbedderState | None
    vectors: VectorsState | None
    lexical: str
    pending_added: int
    pending_removed: int
    changed_settings: tuple[str, ...]
    generations: int

    @property
    def fresh(self) -> bool:
        """Whether it is what an index run would leave."""
        return not (self.pending_added or self.pending_removed or self.changed_settings)


@dataclass(frozen=True, slots=True)
class StatusResult:
    """A workspace.

    Attributes:
        catalog: What is live in the catalog.
        failed: What could not be read, in order of source and path.
        index: None when nothing was indexed yet.
        catalog_bytes: Size of the catalog on disk.
        generations_bytes: Size of all generations on disk, shared files once.
        writer: Who is writing; None when nobody is.
    """

    workspace: Path
    catalog: Counts
    failed: tuple[FailedFile, ...]
    index: IndexStatus | None
    catalog_bytes: int
    generations_bytes: int
    writer: LockHolder | None


def status(config: Config, workspace: Workspace) -> StatusResult:
    """What the workspace holds.

    Raises:
        IndexMissingError: nothing was ingested yet.
        IndexCorruptError: the live generation's manifest cannot be read.
    """
    if not workspace.catalog.exists():
        raise IndexMissingError(f"there is no workspace at {workspace.root}", hint="ragcli ingest PATH")
    with Catalog(workspace.catalog, readonly=True) as catalog, catalog.snapshot():
        return StatusResult(
            workspace=workspace.root,
            catalog=catalog.counts(),
            failed=tuple(Ledger(catalog).failed_files()),
            index=_index(config, workspace, catalog),
            catalog_bytes=sum(disk_bytes(path) for path in workspace.root.glob("catalog.db*")),
            generations_bytes=disk_bytes(workspace.generations),
            writer=running_writer(workspace),
        )


def _index(config: Config, workspace: Workspace, catalog: Catalog) -> IndexStatus | None:
    name = generations.current(workspace)
    if name is None:
        return None
    directory = workspace.generations / name
    try:
        manifest = read_manifest(directory)
    except FileNotFoundError as error:
        raise IndexMissingError(f"generation {name} is live but not there", hint="ragcli doctor") from error
    added, removed = pending(directory, manifest, catalog)
    return IndexStatus(
        generation=name,
        created=manifest.created,
        age_s=round(time.time() - datetime.fromisoformat(manifest.created).astimezone(UTC).timestamp(), 1),
        chunks=manifest.chunks,
        embedder=manifest.embedder,
        vectors=manifest.vectors,
        lexical=str(manifest.settings["lexical"]["kind"]) if manifest.lexical is not None else "",
        pending_added=added,
        pending_removed=removed,
        changed_settings=tuple(changed_settings(config.index, manifest)),
        generations=len(generations.list_generations(workspace)),
    )


def pending(directory: Path, manifest: Manifest, catalog: Catalog) -> tuple[int, int]:
    """How many chunks an index run would add and remove; cheap when there is nothing to do."""
    if manifest.state == catalog_state(catalog):
        return 0, 0
    from ragcli.index.assembly import difference
    from ragcli.index.reader import read_chunk_rows

    return difference(catalog.live_chunk_rows(), read_chunk_rows(directory))


def disk_bytes(path: Path) -> int:
    """Size of a file, or of all files below a folder; hard links to one file count once."""
    if path.is_file():
        return path.stat().st_size
    sizes = {}
    for found in path.rglob("*"):
        facts = found.lstat()
        sizes[facts.st_ino] = facts.st_size
    return sum(sizes.values())


def running_writer(workspace: Workspace) -> LockHolder | None:
    """Who is writing now; a run that was killed or failed leaves its name behind, but not the lock."""
    held = holder(workspace)
    if held is None or not held.pid:
        return None
    try:
        os.kill(held.pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return held  # another user's process
    return held
