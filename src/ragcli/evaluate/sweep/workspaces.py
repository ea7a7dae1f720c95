"""The workspaces of a sweep: one for each way to read and cut the documents, sharing what was ever embedded.

They lie in ``<workspace>/sweep`` and stay there, so that a sweep goes on where it was stopped. The folder may be
removed at any time. The index that answers users is never touched.
"""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ragcli.config.fingerprint import fingerprint
from ragcli.config.ingest import IngestConfig
from ragcli.config.load import LoadedConfig
from ragcli.config.plain import to_plain
from ragcli.config.settings import Config
from ragcli.errors import BackendError, UsageError
from ragcli.index.catalog_state import catalog_state
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.ledger import Ledger

FOLDER = "sweep"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the documents of all points come from.

    Attributes:
        base: The configuration that the sweep starts from.
        paths: Files and folders that were ingested by path; everything is read when it is empty.
        readable: Whether there is any source to read anew.
        state: Of the base's catalog where it holds what no source can give again; otherwise empty.
    """

    base: LoadedConfig
    paths: tuple[str, ...]
    readable: bool
    state: str

    @property
    def workspace(self) -> Workspace:
        """The base's."""
        return Workspace(self.base.config.workspace.path)


def find_origin(base: LoadedConfig) -> Origin:
    """Look at what the base has ingested."""
    configured = [str(source.path) for source in base.config.ingest.sources]
    workspace = Workspace(base.config.workspace.path)
    if not workspace.catalog.exists():
        return Origin(base, (), bool(configured), "")
    with Catalog(workspace.catalog, readonly=True) as catalog:
        ledger = Ledger(catalog)
        by_path = [row for row in ledger.sources().values() if row.origin == "path"]
        kept = any(row.origin == "stdin" for row in ledger.sources().values())
        named: list[str] = []
        for row in by_path:
            files = [row.root] if row.whole else [str(Path(row.root, file)) for file in ledger.files(row.name)]
            named += files
        readable = bool(configured or named)
        state = catalog_state(catalog) if kept or not readable else ""
    return Origin(base, (*configured, *named) if named else (), readable, state)


def workspace_key(config: Config, origin: Origin) -> str:
    """Identity of the workspace that a configuration needs: it depends on how documents are read and cut."""
    ingest = config.ingest.model_copy(update={"workers": 0, "max_delete_fraction": 0.0})
    return fingerprint(to_plain(ingest), config.index.embedder, origin.state)


def prepare(loaded: LoadedConfig, key: str, origin: Origin) -> Config:
    """Make the workspace of a configuration, read what changed, and give the configuration that works in it.

    Raises:
        UsageError: Documents would have to be cut anew, and there is no source to read them from.
        DataError: A source is gone.
    """
    root = origin.workspace.root / FOLDER / key
    workspace = Workspace(root)
    if not workspace.catalog.exists():
        _start(workspace, origin)
    _share_embeddings(workspace, origin)
    config = loaded.config.model_copy(
        update={
            "workspace": loaded.config.workspace.model_copy(update={"path": root, "keep_generations": 1}),
            "ingest": _without(loaded.config.ingest, origin.workspace.root),
        }
    )
    if origin.readable:
        _read(config, origin)
    elif loaded.config.ingest != origin.base.config.ingest:
        raise UsageError(
            "the grid cuts documents in another way, and there is no source to read them from",
            hint="list ingest.sources in the configuration",
        )
    return config


def bring_up_to_date(config: Config) -> None:
    """Bring the index of a prepared workspace up to date with its settings; embeddings come from the cache."""
    from ragcli.index.build import build_index

    build_index(config, Workspace(config.workspace.path))


def state_of(config: Config) -> str:
    """Which documents and chunks a prepared workspace holds."""
    with Catalog(Workspace(config.workspace.path).catalog, readonly=True) as catalog:
        return catalog_state(catalog)


def _start(workspace: Workspace, origin: Origin) -> None:
    """Begin with what the base has: its documents, where they came from, and its embeddings."""
    if not origin.workspace.catalog.exists():
        return
    try:
        workspace.root.mkdir(parents=True, exist_ok=True)
        copy = workspace.catalog.with_name(f".tmp-{os.getpid()}.db")
        copy.unlink(missing_ok=True)
        with Catalog(origin.workspace.catalog, readonly=True) as catalog:
            catalog.database.run("VACUUM INTO ?", (str(copy),))
        copy.replace(workspace.catalog)
    except OSError as error:
        raise BackendError(f"cannot write to {workspace.root}: {error.strerror or error}") from error


def _share_embeddings(workspace: Workspace, origin: Origin) -> None:
    """Take over the embeddings that other points and the base have."""
    with closing(Catalog(workspace.catalog)) as catalog:
        for other in _others(workspace, origin):
            catalog.database.run("ATTACH DATABASE ? AS other", (str(other),))
            catalog.database.run(
                "INSERT OR IGNORE INTO embeddings (key, vector) SELECT key, vector FROM other.embeddings"
            )
            catalog.database.run("DETACH DATABASE other")


def _others(workspace: Workspace, origin: Origin) -> Iterator[Path]:
    catalogs = sorted((origin.workspace.root / FOLDER).glob("*/catalog.db"))
    return (
        catalog
        for catalog in (origin.workspace.catalog, *catalogs)
        if catalog.exists() and catalog != workspace.catalog
    )


def _read(config: Config, origin: Origin) -> None:
    from ragcli.ingest.sources import Selection
    from ragcli.ingest.sync import SyncOptions, sync

    options = SyncOptions(Selection(origin.paths), accept_deletions=True)
    sync(config, origin.base.base, options)


def _without(ingest: IngestConfig, root: Path) -> IngestConfig:
    """The same sources, but never the base's workspace, which may lie in one of them."""
    sources = tuple(
        source.model_copy(update={"exclude": (*source.exclude, f"{root.relative_to(source.path).as_posix()}/**")})
        if root.is_relative_to(source.path) and root != source.path
        else source
        for source in ingest.sources
    )
    return ingest.model_copy(update={"sources": sources})
