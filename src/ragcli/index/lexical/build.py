"""The lexical engine that the settings ask for."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias, assert_never

from ragcli.config.index import RankBm25Config, TantivyConfig
from ragcli.index.lexical import LexicalIndex
from ragcli.workspace.catalog import IndexText

LexicalEngineConfig: TypeAlias = TantivyConfig | RankBm25Config


def shaping_settings(config: LexicalEngineConfig) -> dict[str, str]:
    """The settings that shape the files; the others take effect with the next search."""
    return {"kind": config.kind, "language": config.language}


def open_lexical(directory: Path, config: LexicalEngineConfig) -> LexicalIndex:
    """Open an index for searching.

    Raises:
        IndexCorruptError: The directory is damaged or missing.
        IndexStaleError: It was made with settings that ask for other terms.
    """
    match config:
        case TantivyConfig():
            from ragcli.index.lexical.tantivy import TantivyIndex

            return TantivyIndex(directory, config)
        case RankBm25Config():
            from ragcli.index.lexical.rank_bm25 import RankBm25Index

            return RankBm25Index(directory, config)
        case _:
            assert_never(config)


def update_lexical(
    directory: Path,
    parent: Path | None,
    config: LexicalEngineConfig,
    added: Iterable[IndexText],
    removed: Sequence[int],
) -> None:
    """Make an index from its parent, which stays as it is.

    Args:
        directory: Where to; made, must be empty or missing.
        parent: An index of the same engine and language to start from; from nothing unless given.
        config: The settings.
        added: Chunks to add, best in ascending order of rows.
        removed: Chunk rows of the parent to leave out.

    Raises:
        IndexStaleError: The parent was made with settings that ask for other terms: build from nothing.
        IndexCorruptError: The parent is damaged.
        BackendError: The files cannot be written.
    """
    match config:
        case TantivyConfig():
            from ragcli.index.lexical.tantivy import update_tantivy

            update_tantivy(directory, parent, config, added, removed)
        case RankBm25Config():
            from ragcli.index.lexical.rank_bm25 import update_rank_bm25

            update_rank_bm25(directory, parent, config, added, removed)
        case _:
            assert_never(config)
