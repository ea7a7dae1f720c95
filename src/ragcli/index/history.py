"""The kept generations: what they are, going back to one, and removing what nobody needs."""

from dataclasses import dataclass

from ragcli.config.settings import Config
from ragcli.errors import IndexCorruptError, IndexMissingError, IndexStateError
from ragcli.index.manifest import read_manifest
from ragcli.index.reader import check_sizes
from ragcli.index.retention import Retained, retain, superfluous, unused_embeddings
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.lock import WriterLock


@dataclass(frozen=True, slots=True)
class PastGeneration:
    """One published generation.

    Attributes:
        live: Whether queries are answered from it.
        bytes: Size of its files; those it shares with other generations count in each.
        problem: Why it cannot be read; otherwise empty, and then the other fields hold.
    """

    name: str
    live: bool
    problem: str = ""
    parent: str = ""
    created: str = ""
    chunks: int = 0
    added: int = 0
    removed: int = 0
    model: str = ""
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class RollbackResult:
    """The generation that is live now, and the one that was."""

    generation: str
    before: str


@dataclass(frozen=True, slots=True)
class GcResult:
    """What was removed, or under ``dry_run`` would be.

    Attributes:
        documents: Retired document versions; not known under ``dry_run``. Likewise ``chunks`` and ``embeddings``.
        embeddings: Cached vectors that no kept generation uses; only when they were asked for.
    """

    dry_run: bool
    generations: tuple[str, ...]
    leftovers: tuple[str, ...]
    documents: int = 0
    chunks: int = 0
    embeddings: int = 0


def history(workspace: Workspace) -> list[PastGeneration]:
    """All published generations, newest first."""
    live = generations.current(workspace)
    return [_past(workspace, name, name == live) for name in reversed(generations.list_generations(workspace))]


def _past(workspace: Workspace, name: str, live: bool) -> PastGeneration:
    try:
        manifest = read_manifest(workspace.generations / name)
    except (IndexStateError, OSError) as error:
        return PastGeneration(name, live, problem=str(error))
    return PastGeneration(
        name=name,
        live=live,
        parent=manifest.parent,
        created=manifest.created,
        chunks=manifest.chunks,
        added=manifest.added,
        removed=manifest.removed,
        model="" if manifest.embedder is None else manifest.embedder.name,
        bytes=manifest.bytes,
    )


def rollback(config: Config, workspace: Workspace, name: str | None = None) -> RollbackResult:
    """Make an older generation live again; no file is touched.

    The next index run starts from it and brings it up to date with the catalog: to stay at the old state, undo the
    change in the sources or the settings first.

    Args:
        config: How long to wait for another writer.
        workspace: Where the generations are.
        name: Which one; the one before the live one unless given.

    Raises:
        IndexMissingError: there is no such generation, or none before the live one.
        IndexCorruptError: its files are not what its manifest says.
    """
    with WriterLock(workspace, config.workspace.lock_timeout_s, "ragcli index rollback"):
        before = generations.current(workspace) or ""
        chosen = name or _previous(workspace, before)
        directory = workspace.generations / chosen
        if chosen not in generations.list_generations(workspace):
            raise IndexMissingError(f"there is no generation {chosen}", hint="ragcli index history")
        try:
            check_sizes(directory, read_manifest(directory))
        except FileNotFoundError as error:
            raise IndexCorruptError(
                f"generation {chosen} lacks {error.filename}", hint="ragcli index history"
            ) from error
        generations.set_current(workspace, chosen)
        return RollbackResult(chosen, before)


def _previous(workspace: Workspace, live: str) -> str:
    older = [name for name in generations.list_generations(workspace) if not live or int(name) < int(live)]
    if not older:
        raise IndexMissingError(
            "there is no generation before the live one",
            hint="ragcli index history; workspace.keep_generations says how many are kept",
        )
    return older[-1]


def gc(config: Config, workspace: Workspace, *, embeddings: bool = False, dry_run: bool = False) -> GcResult:
    """Remove generations beyond ``workspace.keep_generations``, leftovers, and what of the catalog only they needed.

    Args:
        config: How many generations to keep.
        workspace: Where they are.
        embeddings: Also forget cached vectors that no kept generation uses, and give the space back.
        dry_run: Say what would go, and change nothing.
    """
    keep = config.workspace.keep_generations
    if dry_run:
        return GcResult(True, tuple(superfluous(workspace, keep)), tuple(leftovers(workspace)))
    if not workspace.catalog.exists():
        raise IndexMissingError(f"nothing was ingested into {workspace.root} yet", hint="ragcli ingest PATH")
    with (
        WriterLock(workspace, config.workspace.lock_timeout_s, "ragcli index gc"),
        Catalog(workspace.catalog) as catalog,
    ):
        cleaned = generations.clean_leftovers(workspace)
        retained: Retained = retain(workspace, catalog, keep)
        forgotten = unused_embeddings(workspace, catalog) if embeddings else 0
        if forgotten:
            catalog.vacuum()
    return GcResult(False, retained.generations, tuple(cleaned), retained.documents, retained.chunks, forgotten)


def leftovers(workspace: Workspace) -> list[str]:
    """Names of directories that a killed writer left, or that a running one is working in."""
    if not workspace.generations.is_dir():
        return []
    return sorted(path.name for path in workspace.generations.iterdir() if path.name.startswith("."))
