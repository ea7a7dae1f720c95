"""The doctor finds each thing that can be wrong, names it, and changes nothing."""

import os
from pathlib import Path
from typing import Any

import pytest
from tests.index.conftest import Corpus, settings

from ragcli.errors import IndexCorruptError, IndexMissingError
from ragcli.index.doctor import Check, DoctorResult, diagnose
from ragcli.workspace import generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.lock import WriterLock


@pytest.fixture
def indexed(corpus: Corpus) -> Corpus:
    corpus.fill(20)
    corpus.index()
    corpus.write("d1", ["changed"])
    corpus.index()
    return corpus


def examine(corpus: Corpus, **index: Any) -> DoctorResult:
    return diagnose(settings(**index), corpus.workspace)


def check(result: DoctorResult, name: str) -> Check:
    return next(check for check in result.checks if check.name == name)


def live(corpus: Corpus) -> Path:
    return corpus.workspace.generations / (generations.current(corpus.workspace) or "none")


def test_a_sound_workspace(indexed: Corpus) -> None:
    result = examine(indexed)
    assert {check.verdict for check in result.checks} == {"ok"}
    assert [check.name for check in result.checks] == [
        *("disk", "writer", "generation 000001", "generation 000002 (live)"),
        *("catalog", "files", "settings", "index", "freshness", "model"),
    ]
    assert result.error is None
    assert check(result, "index").message == "opens: flat vectors and lexical, 58 chunks each"
    assert check(result, "catalog").message == "20 documents, 58 chunks, sound"


def test_it_changes_nothing(indexed: Corpus) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        files = [path for path in indexed.workspace.generations.rglob("*") if path.is_file() and path.suffix != ".lock"]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    before = state()
    examine(indexed)
    assert state() == before


@pytest.mark.parametrize("name", ["vectors/base.faiss", "vectors/delta.faiss", "chunks.npy", "lexical/meta.json"])
def test_one_flipped_byte_is_found_and_named(indexed: Corpus, name: str) -> None:
    target = live(indexed) / name
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.unlink()  # not into a file that other generations share
    target.write_bytes(data)
    result = examine(indexed)
    found = check(result, "generation 000002 (live)")
    assert (found.verdict, found.message) == ("broken", f"{target}: the checksum is wrong")
    assert found.hint == "ragcli index rollback, or ragcli index --full"
    assert check(result, "generation 000001").verdict == "ok"
    assert isinstance(result.error, IndexCorruptError)
    assert result.error.exit_status == 5


def test_a_missing_and_a_short_file(indexed: Corpus) -> None:
    (live(indexed) / "vectors" / "delta.rows.npy").unlink()
    chunks = live(indexed) / "chunks.npy"
    chunks.write_bytes(chunks.read_bytes()[:-8])
    found = check(examine(indexed), "generation 000002 (live)")
    assert "delta.rows.npy: No such file" in found.message
    assert "chunks.npy: 584 bytes instead of 592" in found.message


def test_a_lost_generation(indexed: Corpus) -> None:
    indexed.workspace.current.write_text("000007\n")
    result = examine(indexed)
    assert check(result, "generations").message == "generation 000007 is live but not there"
    assert result.error is not None
    indexed.workspace.current.write_text("nonsense\n")
    assert check(examine(indexed), "generations").hint == "ragcli index rollback 000002"


def test_no_index_is_a_warning(corpus: Corpus) -> None:
    corpus.fill(1)
    result = examine(corpus)
    found = check(result, "generations")
    assert (found.verdict, found.hint) == ("warning", "ragcli index")
    assert result.error is None


def test_no_workspace(corpus: Corpus) -> None:
    with pytest.raises(IndexMissingError, match="no workspace"):
        examine(corpus)


def test_changes_that_wait(indexed: Corpus) -> None:
    indexed.delete("d3")
    indexed.write("new", ["one", "two"])
    found = check(examine(indexed), "freshness")
    assert (found.verdict, found.message) == ("warning", "2 chunks are not indexed yet, 3 are gone since")


def test_a_catalog_that_lost_chunks(indexed: Corpus) -> None:
    with Catalog(indexed.workspace.catalog) as catalog, catalog.transaction():
        catalog.database.run("DELETE FROM chunks WHERE document = ?", (indexed.rows["d5"],))
    found = check(examine(indexed), "freshness")
    assert (found.verdict, found.message) == ("broken", "the catalog lacks 3 chunks of the index")


def test_a_damaged_catalog(indexed: Corpus) -> None:
    with Catalog(indexed.workspace.catalog) as catalog:
        catalog.vacuum()
    data = bytearray(indexed.workspace.catalog.read_bytes())
    data[4096 * 2 : 4096 * 6] = os.urandom(4096 * 4)
    indexed.workspace.catalog.write_bytes(data)
    result = examine(indexed)
    assert check(result, "catalog").verdict == "broken"
    assert check(result, "generation 000002 (live)").verdict == "ok"


def test_other_settings_and_another_model(indexed: Corpus) -> None:
    result = examine(indexed, vectors={"type": "hnsw"}, embedder={"kind": "hashing", "dimension": 32})
    assert check(result, "settings").message == "the configuration differs from the index in index.vectors.type"
    found = check(result, "model")
    assert found.verdict == "broken"
    assert "hashing-64" in found.message
    assert "hashing-32" in found.message


def test_a_model_that_is_not_there(indexed: Corpus) -> None:
    result = examine(indexed, embedder={"kind": "sentence-transformers", "model": "nobody/nothing"})
    found = check(result, "model")
    assert found.verdict == "broken"
    assert "nobody/nothing" in found.message
    assert found.hint


def test_leftovers_and_writers(indexed: Corpus) -> None:
    (indexed.workspace.generations / ".building-1-x").mkdir()
    found = check(examine(indexed), "writer")
    assert (found.verdict, found.hint) == ("warning", "ragcli index gc")
    assert ".building-1-x" in found.message
    with WriterLock(indexed.workspace, command="a test"):
        found = check(examine(indexed), "writer")
    assert found.verdict == "ok"
    assert f"process {os.getpid()} (a test) is writing" in found.message


def test_damaged_row_numbers_of_vectors(indexed: Corpus) -> None:
    target = live(indexed) / "vectors" / "base.rows.npy"
    data = target.read_bytes()
    target.unlink()
    target.write_bytes(data.replace(b"descr", b"desc\xff"))
    found = check(examine(indexed), "index")
    assert found.verdict == "broken"
    assert "base.rows.npy is damaged" in found.message


def test_another_language_of_the_lexical_index_is_no_damage(indexed: Corpus) -> None:
    result = examine(indexed, lexical={"kind": "tantivy", "language": "de"})
    assert check(result, "settings").message == "the configuration differs from the index in index.lexical.language"
    assert check(result, "index").verdict == "ok"
    assert result.error is None
