"""Status: what is there, cheaply."""

import os
import subprocess
import sys

import pytest
from tests.index.conftest import Corpus, settings

from ragcli.errors import IndexCorruptError, IndexMissingError
from ragcli.index.status import disk_bytes, status
from ragcli.workspace import generations
from ragcli.workspace.lock import WriterLock


def test_before_and_after_the_first_index(corpus: Corpus) -> None:
    with pytest.raises(IndexMissingError):
        status(settings(), corpus.workspace)
    corpus.fill(2)
    result = status(settings(), corpus.workspace)
    assert (result.catalog.documents, result.catalog.chunks, result.index) == (2, 6, None)
    corpus.index()
    index = status(settings(), corpus.workspace).index
    assert index is not None
    assert (index.generation, index.chunks, index.generations, index.lexical) == ("000001", 6, 1, "tantivy")
    assert index.vectors is not None
    assert index.vectors.type == "flat"
    assert 0 <= index.age_s < 60
    assert index.fresh


def test_what_waits(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.index()
    corpus.delete("d0")
    corpus.write("new", ["one", "two"])
    index = status(settings(vectors={"type": "hnsw"}), corpus.workspace).index
    assert index is not None
    assert (index.pending_added, index.pending_removed, index.changed_settings) == (2, 3, ("vectors.type",))
    assert not index.fresh


def test_shared_files_count_once(corpus: Corpus) -> None:
    corpus.fill(40)
    corpus.index()
    one = status(settings(), corpus.workspace).generations_bytes
    corpus.write("d1", ["changed"])
    corpus.index()
    base = (corpus.workspace.generations / "000002" / "vectors" / "base.faiss").stat().st_size
    both = status(settings(), corpus.workspace).generations_bytes
    assert base > 30_000
    assert one < both < 2 * one - base + 20_000
    assert disk_bytes(corpus.workspace.catalog) == corpus.workspace.catalog.stat().st_size


def test_who_writes(corpus: Corpus) -> None:
    corpus.fill(1)
    assert status(settings(), corpus.workspace).writer is None
    with WriterLock(corpus.workspace, command="a test"):
        writer = status(settings(), corpus.workspace).writer
    assert writer is not None
    assert (writer.pid, writer.command) == (os.getpid(), "a test")
    killed = (
        "import os, signal; from pathlib import Path; from ragcli.workspace import Workspace\n"
        "from ragcli.workspace.lock import WriterLock\n"
        f"with WriterLock(Workspace(Path({str(corpus.workspace.root)!r}))): os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", killed]).returncode == -9
    assert status(settings(), corpus.workspace).writer is None


def test_damage_is_an_error(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    manifest = corpus.workspace.generations / (generations.current(corpus.workspace) or "") / "manifest.json"
    manifest.write_text("{")
    with pytest.raises(IndexCorruptError, match=r"manifest\.json is damaged"):
        status(settings(), corpus.workspace)
    manifest.unlink()
    with pytest.raises(IndexMissingError, match="live but not there"):
        status(settings(), corpus.workspace)
