"""From settings to a chunker."""

from typing import assert_never

from ragcli.config.ingest import (
    AutoChunkerConfig,
    ChunkerConfig,
    CodeChunkerConfig,
    FixedChunkerConfig,
    ProseChunkerConfig,
    StructuredChunkerConfig,
    WholeChunkerConfig,
)
from ragcli.ingest.chunkers import Chunker
from ragcli.ingest.chunkers.cohesion import Meaning
from ragcli.models import TokenCounter
from ragcli.records import BlockKind, Chunk, Document

_STRUCTURE: frozenset[BlockKind] = frozenset({"heading", "table", "list_item", "code"})


def build_chunker(
    config: ChunkerConfig, counter: TokenCounter, limit: int | None, embed: Meaning | None = None
) -> Chunker:
    """The chunker that the settings name.

    Args:
        config: One arm of the chunker union.
        counter: What a token is.
        limit: Longest chunk in these tokens that the embedder takes; None for no limit.
        embed: Vectors of texts by the embedder, for semantic breakpoints.
    """
    match config:
        case AutoChunkerConfig():
            return AutoChunker(config, counter, limit, embed)
        case ProseChunkerConfig():
            from ragcli.ingest.chunkers.prose import ProseChunker

            return ProseChunker(config, counter, limit, embed)
        case StructuredChunkerConfig():
            from ragcli.ingest.chunkers.structured import StructuredChunker

            return StructuredChunker(config, counter, limit, embed)
        case CodeChunkerConfig():
            from ragcli.ingest.chunkers.code import CodeChunker

            return CodeChunker(config, counter, limit)
        case FixedChunkerConfig():
            from ragcli.ingest.chunkers.fixed import FixedChunker

            return FixedChunker(config, counter, limit)
        case WholeChunkerConfig():
            from ragcli.ingest.chunkers.whole import WholeChunker

            return WholeChunker(config, counter, limit)
        case _:
            assert_never(config)


class AutoChunker:
    """Chooses per document: code by its syntax, a document with structure by it, the rest as prose."""

    def __init__(
        self,
        config: AutoChunkerConfig,
        counter: TokenCounter,
        limit: int | None,
        embed: Meaning | None = None,
    ) -> None:
        self._code = build_chunker(config.code, counter, limit)
        self._structured = build_chunker(config.structured, counter, limit, embed)
        self._prose = build_chunker(config.prose, counter, limit, embed)

    def chunk(self, document: Document) -> list[Chunk]:
        """The chunks of the chunker that fits the document."""
        return self._chooses(document).chunk(document)

    def _chooses(self, document: Document) -> Chunker:
        if document.type == "code":
            return self._code
        if any(block.kind in _STRUCTURE for block in document.blocks):
            return self._structured
        return self._prose
