"""Opening the index over summaries. Its rows are document rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.index import IndexConfig
from ragcli.index.manifest import LEXICAL, VECTORS, SummariesState
from ragcli.index.vectors.store import open_vectors, read_rows

if TYPE_CHECKING:
    from ragcli.index.lexical import LexicalIndex
    from ragcli.index.vectors import VectorIndex


@dataclass(frozen=True, slots=True)
class Summaries:
    """The opened indexes; None for what the generation has not."""

    vectors: "VectorIndex | None"
    lexical: "LexicalIndex | None"


def open_summaries(directory: Path, state: SummariesState, config: IndexConfig) -> Summaries:
    """Open what ``write_summaries`` wrote.

    Raises:
        IndexCorruptError: A file is damaged.
        FileNotFoundError: A file is not there.
    """
    vectors = None
    if state.vectors is not None:
        folder = directory / VECTORS
        vectors = open_vectors(folder, state.vectors, config.vectors, read_rows(folder, "base"))
    lexical = None
    if config.lexical.kind != "none" and (directory / LEXICAL).exists():
        from ragcli.index.lexical.build import open_lexical

        lexical = open_lexical(directory / LEXICAL, config.lexical)
    return Summaries(vectors, lexical)
