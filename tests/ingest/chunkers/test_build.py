"""The right chunker for settings and documents."""

import pytest

from ragcli.config.ingest import (
    AutoChunkerConfig,
    ChunkerConfig,
    CodeChunkerConfig,
    FixedChunkerConfig,
    ProseChunkerConfig,
    StructuredChunkerConfig,
    WholeChunkerConfig,
)
from ragcli.ingest.chunkers.build import build_chunker
from ragcli.models.tokens import WordCounter
from ragcli.records import Block, BlockKind, Document, DocumentType

_AUTO = AutoChunkerConfig(
    prose=ProseChunkerConfig(size_tokens=30, min_tokens=5),
    structured=StructuredChunkerConfig(size_tokens=20, min_tokens=5),
    code=CodeChunkerConfig(size_tokens=10, min_tokens=2),
)
_TEXT = "Alpha bravo charlie. Delta echo foxtrot golf. " * 12


def _document(type_: DocumentType = "text", kind: BlockKind | None = None) -> Document:
    blocks = () if kind is None else (Block(kind, 0, 20, level=1, title="Alpha"),)
    return Document("d1", "t", "s", "t", type_, "t", _TEXT, blocks)


@pytest.mark.parametrize(
    ("document", "chosen"),
    [
        (_document("code"), _AUTO.code),
        (_document("code", "code"), _AUTO.code),
        (_document("markdown", "heading"), _AUTO.structured),
        (_document("html", "table"), _AUTO.structured),
        (_document("docx", "list_item"), _AUTO.structured),
        (_document("csv", "table"), _AUTO.structured),
        (_document("json", "paragraph"), _AUTO.prose),
        (_document("json"), _AUTO.prose),
        (_document("text", "quote"), _AUTO.prose),
    ],
)
def test_auto_chooses_by_what_the_document_is(document: Document, chosen: ChunkerConfig) -> None:
    expected = build_chunker(chosen, WordCounter(), 254).chunk(document)
    assert build_chunker(_AUTO, WordCounter(), 254).chunk(document) == expected


def test_the_candidates_of_auto_differ() -> None:
    """Otherwise the test above could not fail."""
    cuts = {
        tuple(
            chunk.start for chunk in build_chunker(config, WordCounter(), 254).chunk(_document("markdown", "heading"))
        )
        for config in (_AUTO.code, _AUTO.structured, _AUTO.prose)
    }
    assert len(cuts) == 3


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (AutoChunkerConfig(), "AutoChunker"),
        (ProseChunkerConfig(), "ProseChunker"),
        (StructuredChunkerConfig(), "StructuredChunker"),
        (CodeChunkerConfig(), "CodeChunker"),
        (FixedChunkerConfig(), "FixedChunker"),
        (WholeChunkerConfig(), "WholeChunker"),
    ],
)
def test_every_kind_has_its_class(config: ChunkerConfig, name: str) -> None:
    assert type(build_chunker(config, WordCounter(), None)).__name__ == name
