"""A small workspace that is really ingested into a catalog and really indexed."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.index import HashingEmbedderConfig, IndexConfig, LexicalConfig, TantivyConfig
from ragcli.config.query import QueryConfig
from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.records import Chunk, Document, chunk_id, document_id
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="session")
def add() -> Callable[..., None]:
    """Adds a document of the given chunk texts to a workspace; see ``_add``."""
    return _add


def _add(
    workspace: Workspace,
    name: str,
    chunks: Sequence[str],
    *,
    chunk_metadata: Sequence[Mapping[str, Any]] = (),
    **facts: Any,
) -> None:
    """``facts`` are fields of ``Document``; ``headings`` of a chunk's metadata become its breadcrumb."""
    identity = document_id("docs", name)
    facts = {"type": "text", "title": "", **facts}
    document = Document(id=identity, name=name, source="docs", path=name, text="\n".join(chunks), **facts)
    records, start = [], 0
    for position, chunk in enumerate(chunks):
        own = dict(chunk_metadata[position]) if chunk_metadata else {}
        headings = tuple(own.pop("headings", ()))
        place = (start, start + len(chunk), len(chunk.split()))
        identifier = chunk_id(identity, start, chunk)
        records.append(Chunk(identifier, identity, position, chunk, *place, headings, metadata=own))
        start += len(chunk) + 1
    with Catalog(workspace.catalog) as catalog, catalog.transaction():
        catalog.add_document(document, records)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace."""
    return Workspace(tmp_path / "workspace")


def _settings(lexical: LexicalConfig | None = None, **query: Any) -> Config:
    index = IndexConfig(embedder=HashingEmbedderConfig(), lexical=lexical or TantivyConfig())
    return Config(index=index, query=QueryConfig.model_validate(query))


@pytest.fixture
def settings() -> Callable[..., Config]:
    """Makes a configuration with the hashing embedder; arguments are fields of the query section."""
    return _settings


FRUIT = {
    "apple.md": ["apples are red fruit", "apples grow on apple trees in orchards"],
    "pear.md": ["pears are green fruit"],
    "car.txt": ["cars are red machines", "a car needs fuel", "car engines burn fuel to move the car"],
    "zoo.txt": ["the zebra eats grass"],
}


@pytest.fixture(scope="session")
def _fruit(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("fruit"))
    for name, chunks in FRUIT.items():
        kind = "markdown" if name.endswith(".md") else "text"
        title = name.partition(".")[0].title()
        _add(workspace, name, chunks, type=kind, title=title, modified_ns=19_000 * DAY_NS)
    build_index(_settings(), workspace)
    return workspace


@pytest.fixture
def fruit(_fruit: Workspace, workspace: Workspace) -> Workspace:
    """Four documents of seven chunks, indexed; each test has its own copy."""
    shutil.copytree(_fruit.root, workspace.root)
    return workspace
