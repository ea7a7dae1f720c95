"""Which generations stay, and what of the catalog only they still need."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragcli.errors import IndexCorruptError
from ragcli.index.context import items
from ragcli.index.manifest import read_manifest
from ragcli.index.reader import read_chunk_rows
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Retained:
    """What was removed: generations by name, and rows of the catalog that nothing refers to any more."""

    generations: tuple[str, ...]
    documents: int
    chunks: int


def retain(workspace: Workspace, catalog: Catalog, keep: int) -> Retained:
    """Remove all but the ``keep`` newest generations and the live one, then the retired rows that only those had.

    For the holder of the writer's lock. Generations go first: rows that a generation on disk refers to are never gone.
    """
    gone = superfluous(workspace, keep)
    for name in gone:
        generations.remove(workspace, name)
    rows = kept_rows(workspace)
    if rows is None:
        return Retained(tuple(gone), 0, 0)
    collected = catalog.collect(rows)
    return Retained(tuple(gone), collected.documents, collected.chunks)


def superfluous(workspace: Workspace, keep: int) -> list[str]:
    """Names of the generations that are neither live nor among the ``keep`` newest, oldest first."""
    live = generations.current(workspace)
    return [name for name in generations.list_generations(workspace)[:-keep] if name != live]


def kept_rows(workspace: Workspace) -> "NDArray[np.int64] | None":
    """Chunk rows of all generations on disk, ascending; None when one cannot be read and nothing is known for sure."""
    import numpy as np

    rows = [np.empty(0, np.int64)]
    for name in generations.list_generations(workspace):
        try:
            rows.append(read_chunk_rows(workspace.generations / name))
        except (OSError, IndexCorruptError):
            return None
    return np.unique(np.concatenate(rows))


def unused_embeddings(workspace: Workspace, catalog: Catalog) -> int:
    """Forget the cached vectors that no generation on disk was made from; return how many.

    Raises:
        IndexStateError: a generation cannot be read, so what it uses is not known.
    """
    keys: set[bytes] = set()
    for name in generations.list_generations(workspace):
        directory = workspace.generations / name
        embedder = read_manifest(directory).embedder
        if embedder is not None:
            rows = read_chunk_rows(directory).tolist()
            keys.update(item.key for item in items(catalog, embedder.fingerprint, rows, []))
    return catalog.collect_embeddings(keys)
