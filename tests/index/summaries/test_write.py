"""Summaries as a part of a generation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ragcli.config.index import ExtractiveSummariesConfig, HashingEmbedderConfig, IndexConfig
from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.index.doctor import diagnose
from ragcli.index.manifest import read_manifest
from ragcli.index.reader import open_generation
from ragcli.index.summaries.write import summaries
from ragcli.models.build import build_embedder
from ragcli.records import Chunk, Document, chunk_id, document_id
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

CONFIG = Config(index=IndexConfig(embedder=HashingEmbedderConfig(), summaries=ExtractiveSummariesConfig(sentences=2)))
PLAIN = Config(index=IndexConfig(embedder=HashingEmbedderConfig()))


def put(workspace: Workspace, name: str, texts: Sequence[str]) -> None:
    identity = document_id("docs", name)
    chunks, start = [], 0
    for position, text in enumerate(texts):
        place = (start, start + len(text), len(text.split()))
        chunks.append(Chunk(chunk_id(identity, start, text), identity, position, text, *place))
        start += len(text) + 1
    document = Document(identity, name, "docs", name, "text", name, "\n".join(texts))
    with Catalog(workspace.catalog) as catalog, catalog.transaction():
        catalog.add_document(document, chunks)


def retire(workspace: Workspace, name: str) -> None:
    with Catalog(workspace.catalog) as catalog, catalog.transaction():
        catalog.database.run("UPDATE documents SET live = 0 WHERE name = ?", (name,))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    put(made, "a", ["Apples grow on high trees.", "Trees stand in orchards everywhere."])
    put(made, "b", ["Cars burn fuel in their engines."])
    return made


def check(workspace: Workspace) -> list[int]:
    """The vectors are those of the summaries, the words too; the document rows."""
    embedder = build_embedder(CONFIG.index.embedder, CONFIG.models)
    with open_generation(workspace, CONFIG.index, summaries=True) as generation:
        found = generation.summaries
        assert found is not None
        assert found.vectors is not None
        assert found.lexical is not None
        live = generation.catalog.database.all("SELECT row FROM documents WHERE live = 1 ORDER BY row")
        rows = [row for (row,) in live]
        texts = [text for _, text in summaries(generation.catalog, CONFIG.index, rows)]
        assert len(found.vectors) == len(found.lexical) == len(rows)
        for row, vector, text in zip(rows, embedder.embed_documents(texts), texts, strict=True):
            scores, best = found.vectors.search(vector[None], 1)
            assert best[0, 0] == row
            assert scores[0, 0] == pytest.approx(1.0, abs=1e-5)
            assert found.lexical.search(text, 1)[1].tolist() == [row]
    return rows


def test_every_document_has_its_summary_however_the_index_came_about(workspace: Workspace) -> None:
    build_index(CONFIG, workspace)
    assert check(workspace) == [1, 2]
    put(workspace, "c", ["The zebra eats grass the whole day."])
    retire(workspace, "a")
    build_index(CONFIG, workspace)
    assert check(workspace) == [2, 3]
    build_index(CONFIG, workspace, full=True)
    assert check(workspace) == [2, 3]


def test_a_document_that_stays_is_neither_read_nor_embedded_again(workspace: Workspace) -> None:
    build_index(CONFIG, workspace)
    with Catalog(workspace.catalog) as catalog:
        catalog.database.run("UPDATE texts SET text = 'gone' WHERE document = 1")
        catalog.database.run("DELETE FROM embeddings")
    put(workspace, "c", ["The zebra eats grass the whole day."])
    assert build_index(CONFIG, workspace).embedded == 4 + 1  # all chunks of so small an index, and the new summary
    with open_generation(workspace, CONFIG.index, summaries=True) as generation:
        assert generation.summaries is not None
        assert generation.summaries.lexical is not None
        assert generation.summaries.lexical.search("orchards", 5)[1].tolist() == [1]


def test_their_files_are_checked_like_all_others(workspace: Workspace) -> None:
    build_index(CONFIG, workspace)
    directory = workspace.generations / "000001"
    manifest = read_manifest(directory)
    assert manifest.summaries is not None
    assert manifest.summaries.documents == 2
    assert "summaries/vectors/base.faiss" in manifest.files
    assert diagnose(CONFIG, workspace).error is None
    path = directory / "summaries" / "documents.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert diagnose(CONFIG, workspace).error is not None


def test_they_come_and_go_with_the_setting_and_cost_nothing_else(workspace: Workspace) -> None:
    build_index(PLAIN, workspace)
    assert not (workspace.generations / "000001" / "summaries").exists()
    result = build_index(CONFIG, workspace)
    assert (result.changed, result.embedded, result.cached, result.rebuilt) == (True, 2, 0, False)
    assert np.array_equal(check(workspace), [1, 2])
    assert build_index(CONFIG, workspace).changed is False
    build_index(PLAIN, workspace)
    assert not (workspace.generations / "000003" / "summaries").exists()
