"""Opening a generation for search.

A reader sees one generation until it closes, whatever a writer publishes or removes meanwhile: what it needs is opened
and mapped at once, so that removed files stay readable, and the catalog is read in one snapshot. Nothing here imports
what the wanted parts do not use.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ragcli.config.index import IndexConfig
from ragcli.errors import ForeignModelError, IndexCorruptError, IndexMissingError, IndexStaleError
from ragcli.index.catalog_state import catalog_state
from ragcli.index.manifest import CHUNKS, LEXICAL, SUMMARIES, VECTORS, Manifest, read_manifest
from ragcli.index.row_numbers import read_row_numbers
from ragcli.index.settings import changed_settings
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.lexical import LexicalIndex
    from ragcli.index.summaries.read import Summaries
    from ragcli.index.vectors import VectorIndex

_ATTEMPTS = 10  # a writer may remove a generation between the reading of its name and its opening


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which indexes of a generation to open, where it has them."""

    dense: bool
    lexical: bool
    summaries: bool


EVERYTHING = Wanted(dense=True, lexical=True, summaries=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """The opened indexes of a generation; None for what it has not, or what was not asked for."""

    vectors: "VectorIndex | None"
    lexical: "LexicalIndex | None"
    summaries: "Summaries | None" = None


class Generation:
    """An opened generation. Made by ``open_generation``; close it, or use it as a context manager.

    Attributes:
        name: Its name, part of every cache key.
        manifest: What it was made of.
        vectors: Dense search; None without vectors.
        lexical: Lexical search; None without a lexical index.
        summaries: Search over documents; None without summaries, or where they were not asked for.
        chunk_rows: Its chunk rows, ascending, shape [n].
        catalog: A read-only snapshot that has every chunk row of the generation.
        pending: Whether documents were ingested or removed since it was made.
    """

    def __init__(
        self, directory: Path, manifest: Manifest, parts: Parts, catalog: Catalog, resources: ExitStack
    ) -> None:
        self.name = directory.name
        self.manifest = manifest
        self.vectors = parts.vectors
        self.lexical = parts.lexical
        self.summaries = parts.summaries
        self.catalog = catalog
        self.pending = catalog_state(catalog) != manifest.state
        self.chunk_rows: NDArray[np.int64] = read_chunk_rows(directory)
        self._resources = resources

    def check_model(self, fingerprint: str, name: str) -> None:
        """Refuse to search the vectors with another model's.

        Args:
            fingerprint: Of the embedder that is about to embed questions.
            name: Its name, for the message.

        Raises:
            ForeignModelError: it is not the one that embedded the chunks.
        """
        made_by = self.manifest.embedder
        if made_by is None or made_by.fingerprint == fingerprint:
            return
        unlike = f"{made_by.name} and not by {name}" if made_by.name != name else f"another version of {name}"
        raise ForeignModelError(
            f"the vectors of generation {self.name} were made by {unlike}",
            hint="ragcli index, or configure the model that made them",
        )

    def close(self) -> None:
        """Release the snapshot of the catalog."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_generation(
    workspace: Workspace,
    config: IndexConfig,
    *,
    name: str | None = None,
    dense: bool = True,
    lexical: bool = True,
    summaries: bool = False,
) -> Generation:
    """Open a generation for search.

    Args:
        workspace: Where it is.
        config: The settings it must have been made with, and how thoroughly to search.
        name: The live one unless given.
        dense: Open the vectors, if it has any.
        lexical: Open the lexical index, if it has one.
        summaries: Open the summaries of documents, if it has them.

    Raises:
        IndexMissingError: there is no index, or no such generation.
        IndexStaleError: a wanted part was built with other settings.
        IndexCorruptError: a file is damaged or missing.
    """
    wanted = Wanted(dense, lexical, summaries)
    chosen: str | None = None
    for _ in range(_ATTEMPTS):
        chosen = name or generations.current(workspace)
        if chosen is None:
            hint = "ragcli index" if workspace.catalog.exists() else "ragcli ingest PATH, then ragcli index"
            raise IndexMissingError(f"there is no index in {workspace.root}", hint=hint)
        directory = workspace.generations / chosen
        try:
            return _open(workspace, directory, config, wanted)
        except (OSError, IndexCorruptError) as error:
            if directory.exists():
                raise _corrupt(directory, error) from error
            if name is not None:
                raise IndexMissingError(f"there is no generation {name}", hint="ragcli index history") from error
    raise IndexCorruptError(
        f"{workspace.current} names generation {chosen}, which is not there",
        hint="ragcli index rollback, or ragcli index --full",
    )


def _corrupt(directory: Path, error: Exception) -> IndexCorruptError:
    if isinstance(error, IndexCorruptError):
        return error
    return IndexCorruptError(f"generation {directory.name} cannot be read: {error}", hint="ragcli doctor")


def _open(workspace: Workspace, directory: Path, config: IndexConfig, wanted: Wanted) -> Generation:
    with ExitStack() as resources:
        manifest = read_manifest(directory)
        _check_settings(directory.name, manifest, config, wanted)
        check_sizes(directory, manifest)
        parts = open_parts(directory, manifest, config, wanted)
        catalog = resources.enter_context(Catalog(workspace.catalog, readonly=True))
        resources.enter_context(catalog.snapshot())
        generation = Generation(directory, manifest, parts, catalog, resources)
        if not directory.exists():  # only now are its rows sure to be in the snapshot: they go after the generation
            raise FileNotFoundError(directory)
        generation._resources = resources.pop_all()
        return generation


def _check_settings(name: str, manifest: Manifest, config: IndexConfig, wanted: Wanted) -> None:
    sections = ("vectors", "context", "embedder") * wanted.dense + ("lexical",) * wanted.lexical
    sections += ("summaries",) * wanted.summaries
    changed = [key for key in changed_settings(config, manifest) if key.startswith(sections)]
    if changed:
        raise IndexStaleError(
            f"generation {name} was built with other settings of index.{', index.'.join(changed)}",
            hint="ragcli index, or restore the settings it was built with",
        )


def check_sizes(directory: Path, manifest: Manifest) -> None:
    """Refuse files that were cut off: a mapped file that ends early kills the process that reads on.

    Raises:
        IndexCorruptError: a file has not the size that the manifest says.
        FileNotFoundError: a file is not there.
    """
    for relative, expected in manifest.files.items():
        size = (directory / relative).stat().st_size
        if size != expected.bytes:
            raise IndexCorruptError(
                f"{directory / relative} has {size:,} bytes instead of {expected.bytes:,}", hint="ragcli doctor"
            )


def open_parts(directory: Path, manifest: Manifest, config: IndexConfig, wanted: Wanted = EVERYTHING) -> Parts:
    """Open the indexes in a generation's directory.

    Raises:
        IndexCorruptError: a file is damaged.
        OSError: a file is not there.
    """
    opened_vectors, opened_lexical = None, None
    if wanted.dense and manifest.vectors is not None:
        from ragcli.index.vectors.store import open_vectors

        alive = read_chunk_rows(directory)
        opened_vectors = open_vectors(directory / VECTORS, manifest.vectors, config.vectors, alive)
    if wanted.lexical and config.lexical.kind != "none" and manifest.lexical is not None:
        from ragcli.index.lexical.build import open_lexical

        opened_lexical = open_lexical(directory / LEXICAL, config.lexical)
    opened_summaries = None
    if wanted.summaries and manifest.summaries is not None:
        from ragcli.index.summaries.read import open_summaries

        opened_summaries = open_summaries(directory / SUMMARIES, manifest.summaries, config)
    return Parts(opened_vectors, opened_lexical, opened_summaries)


def read_chunk_rows(directory: Path) -> "NDArray[np.int64]":
    """Chunk rows of a generation, ascending, mapped from its file."""
    return read_row_numbers(directory / CHUNKS)


def count_problems(directory: Path, manifest: Manifest, parts: Parts) -> list[str]:
    """Where the opened parts do not agree with each other on the number of chunks, one line each."""
    counts = {CHUNKS: len(read_chunk_rows(directory))}
    if parts.vectors is not None:
        counts["the vector index"] = len(parts.vectors)
    if parts.lexical is not None:
        counts["the lexical index"] = len(parts.lexical)
    problems = [
        f"{what} of generation {directory.name} has {count:,} chunks, its manifest says {manifest.chunks:,}"
        for what, count in counts.items()
        if count != manifest.chunks
    ]
    if parts.summaries is not None and manifest.summaries is not None:
        wanted = manifest.summaries.documents
        problems += [
            f"the summaries of generation {directory.name} are {len(index):,}, its manifest says {wanted:,}"
            for index in (parts.summaries.vectors, parts.summaries.lexical)
            if index is not None and len(index) != wanted
        ]
    return problems
