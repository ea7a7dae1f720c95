"""Opening a generation: what is refused, what is told, and what a reader keeps while writers go on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.index.conftest import Corpus, sentences, settings

from ragcli.errors import ForeignModelError, IndexCorruptError, IndexMissingError, IndexStaleError
from ragcli.index.history import rollback
from ragcli.index.reader import open_generation
from ragcli.workspace import generations

QUERY = np.eye(1, 64, dtype=np.float32)


def live(corpus: Corpus) -> Path:
    return corpus.workspace.generations / (generations.current(corpus.workspace) or "none")


def test_no_index_yet(corpus: Corpus) -> None:
    with pytest.raises(IndexMissingError, match="there is no index") as caught:
        open_generation(corpus.workspace, settings().index)
    assert caught.value.hint.startswith("ragcli ingest")
    corpus.fill(1)
    with pytest.raises(IndexMissingError) as caught:
        open_generation(corpus.workspace, settings().index)
    assert caught.value.hint == "ragcli index"


def test_a_named_generation(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    corpus.write("d0", ["new"])
    corpus.index()
    with open_generation(corpus.workspace, settings().index, name="000001") as generation:
        assert (generation.name, len(generation.chunk_rows), generation.pending) == ("000001", 3, True)
    with pytest.raises(IndexMissingError, match="no generation 000009"):
        open_generation(corpus.workspace, settings().index, name="000009")


def test_only_what_is_asked_for_is_opened(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    with open_generation(corpus.workspace, settings().index, dense=False) as generation:
        assert generation.vectors is None
        assert generation.lexical is not None
    with open_generation(corpus.workspace, settings().index, lexical=False) as generation:
        assert generation.vectors is not None
        assert generation.lexical is None


def test_pending_changes_are_told(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.index()

    def pending() -> bool:
        with open_generation(corpus.workspace, settings().index) as generation:
            return generation.pending

    assert not pending()
    corpus.delete("d1")
    assert pending()
    corpus.index()
    assert not pending()
    corpus.write("d0", sentences(0, 3))  # the same texts in new rows
    assert pending()


def test_other_settings_are_refused_where_they_matter(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    unlike = settings(vectors={"type": "hnsw"}, context={"neighbours": []}).index
    with pytest.raises(IndexStaleError, match=r"index\.context\.neighbours, index\.vectors\.type$"):
        open_generation(corpus.workspace, unlike)
    open_generation(corpus.workspace, unlike, dense=False).close()
    german = settings(lexical={"kind": "tantivy", "language": "de"}).index
    with pytest.raises(IndexStaleError, match=r"index\.lexical\.language$"):
        open_generation(corpus.workspace, german)
    open_generation(corpus.workspace, german, lexical=False).close()
    with pytest.raises(IndexStaleError, match=r"index\.embedder\.kind"):
        open_generation(corpus.workspace, settings(embedder={"kind": "none"}).index)


def test_another_model_is_refused(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    with open_generation(corpus.workspace, settings().index) as generation:
        made_by = generation.manifest.embedder
        assert made_by is not None
        generation.check_model(made_by.fingerprint, made_by.name)
        with pytest.raises(ForeignModelError, match=f"by {made_by.name[:10]}.* and not by other"):
            generation.check_model("x", "other")
        with pytest.raises(ForeignModelError, match="another version of"):
            generation.check_model("x", made_by.name)


@pytest.mark.parametrize("name", ["chunks.npy", "vectors/base.faiss", "vectors/base.rows.npy", "manifest.json"])
@pytest.mark.parametrize("damage", ["cut", "empty", "gone"])
def test_a_damaged_file_is_named(corpus: Corpus, name: str, damage: str) -> None:
    corpus.fill(4)
    corpus.index()
    target = live(corpus) / name
    if damage == "gone":
        target.unlink()
    else:
        target.write_bytes(target.read_bytes()[:-2] if damage == "cut" else b"")
    with pytest.raises(IndexCorruptError, match=Path(name).name) as caught:
        open_generation(corpus.workspace, settings().index)
    assert caught.value.hint


def test_a_newer_format_is_refused(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    path = live(corpus) / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(IndexStaleError, match="format 99"):
        open_generation(corpus.workspace, settings().index)


def test_current_names_what_is_not_there(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    shutil.rmtree(live(corpus))
    with pytest.raises(IndexCorruptError, match="names generation 000001, which is not there") as caught:
        open_generation(corpus.workspace, settings().index)
    assert "--full" in caught.value.hint


def test_a_reader_keeps_its_generation_while_it_is_removed(corpus: Corpus) -> None:
    """Files, vectors and catalog rows of a generation that is long gone stay as they were for who has it open."""
    config = settings()
    config = config.model_copy(update={"workspace": config.workspace.model_copy(update={"keep_generations": 1})})
    corpus.fill(2)
    corpus.index(config)
    with open_generation(corpus.workspace, config.index) as generation:
        assert generation.vectors is not None
        assert generation.lexical is not None
        before = generation.vectors.search(QUERY, 6)[1].tolist()
        for number in range(3):
            corpus.write("d0", [f"version {number}"])
            corpus.write("d1", [f"version {number}"])
            corpus.index(config, full=True)
        assert generations.list_generations(corpus.workspace) == ["000004"]
        assert generation.vectors.search(QUERY, 6)[1].tolist() == before
        rows = generation.lexical.search("document1 part2", 1)[1].tolist()
        assert generation.catalog.chunks(rows)[rows[0]].text == sentences(1, 3)[2]
        assert set(generation.catalog.chunks(before[0])) == set(generation.chunk_rows.tolist())


def test_after_a_rollback_the_older_one_is_opened(corpus: Corpus) -> None:
    corpus.fill(1)
    corpus.index()
    corpus.write("d0", ["new"])
    corpus.index()
    rollback(settings(), corpus.workspace)
    with open_generation(corpus.workspace, settings().index) as generation:
        assert (generation.name, generation.pending) == ("000001", True)
