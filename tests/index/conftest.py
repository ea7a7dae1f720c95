"""A catalog filled by hand, so that the index is tested without loaders and chunkers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.settings import Config
from ragcli.index.build import IndexResult, build_index
from ragcli.records import Chunk, Document, chunk_id, document_id
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.ledger import Ledger

WORDS = (
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heath",
    "islet",
    "joker",
    "karst",
    "lemon",
    "mango",
    "north",
    "ocean",
    "pearl",
)


def settings(**index: Any) -> Config:
    """The default configuration with the hashing embedder, and what is given for the section ``index``."""
    return Config.model_validate({"index": {"embedder": {"kind": "hashing", "dimension": 64}, **index}})


@dataclass
class Corpus:
    """Documents of a workspace, each a list of chunk texts; changes go to the catalog as ingest would make them."""

    workspace: Workspace
    rows: dict[str, int] = field(default_factory=dict)

    def write(self, name: str, texts: Sequence[str]) -> None:
        """Add a document, or put a new version in the place of the old one."""
        with Catalog(self.workspace.catalog) as catalog, catalog.transaction():
            if name in self.rows:
                Ledger(catalog).retire([self.rows[name]])
            self.rows[name] = catalog.add_document(*make_document(name, texts))

    def delete(self, name: str) -> None:
        with Catalog(self.workspace.catalog) as catalog, catalog.transaction():
            Ledger(catalog).retire([self.rows.pop(name)])

    def fill(self, documents: int, chunks: int = 3) -> None:
        """Documents d0, d1, ... of different words."""
        for number in range(documents):
            self.write(f"d{number}", sentences(number, chunks))

    def index(self, config: Config | None = None, *, full: bool = False, compact: bool = False) -> IndexResult:
        return build_index(config or settings(), self.workspace, full=full, compact=compact)


def sentences(seed: int, chunks: int) -> list[str]:
    """Texts that differ from those of every other seed."""
    return [
        f"document{seed} part{k} " + " ".join(WORDS[(seed * 5 + k * 3 + i * i) % 16] for i in range(6))
        for k in range(chunks)
    ]


def make_document(name: str, texts: Sequence[str]) -> tuple[Document, list[Chunk]]:
    identity = document_id("test", name)
    chunks, start = [], 0
    for position, text in enumerate(texts):
        end = start + len(text)
        chunks.append(Chunk(chunk_id(identity, start, text), identity, position, text, start, end, len(text.split())))
        start = end + 1
    return Document(identity, name, "test", name, "text", name, "\n".join(texts)), chunks


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(Workspace(tmp_path / "workspace"))
