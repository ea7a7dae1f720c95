"""Generations of the past: listing, going back, removing."""

import pytest
from tests.index.conftest import Corpus, settings

from ragcli.config.settings import Config
from ragcli.errors import BusyError, IndexCorruptError, IndexMissingError
from ragcli.index.history import gc, history, leftovers, rollback
from ragcli.workspace import generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.lock import WriterLock


def keeping(count: int) -> Config:
    config = settings()
    return config.model_copy(update={"workspace": config.workspace.model_copy(update={"keep_generations": count})})


@pytest.fixture
def three(corpus: Corpus) -> Corpus:
    """Three generations: one document, two, and two with the first one changed."""
    corpus.write("a", ["first"])
    corpus.index()
    corpus.write("b", ["second", "third"])
    corpus.index()
    corpus.write("a", ["changed"])
    corpus.index()
    return corpus


def test_newest_first(three: Corpus) -> None:
    past = history(three.workspace)
    assert [(one.name, one.live, one.parent, one.chunks, one.added, one.removed) for one in past] == [
        ("000003", True, "000002", 3, 1, 1),
        ("000002", False, "000001", 3, 2, 0),
        ("000001", False, "", 1, 1, 0),
    ]
    assert {one.model[:10] for one in past} == {"hashing-64"}
    assert all(one.bytes > 1_000 for one in past)


def test_a_damaged_one_is_listed_with_its_problem(three: Corpus) -> None:
    (three.workspace.generations / "000002" / "manifest.json").write_text("{}")
    second = history(three.workspace)[1]
    assert second.name == "000002"
    assert "manifest.json is damaged" in second.problem


def test_back_by_one_and_to_a_name(three: Corpus) -> None:
    result = rollback(settings(), three.workspace)
    assert (result.generation, result.before) == ("000002", "000003")
    assert generations.current(three.workspace) == "000002"
    assert rollback(settings(), three.workspace, "000003").before == "000002"
    rollback(settings(), three.workspace, "000001")
    with pytest.raises(IndexMissingError, match="no generation before"):
        rollback(settings(), three.workspace)
    with pytest.raises(IndexMissingError, match="no generation 000009"):
        rollback(settings(), three.workspace, "000009")


def test_never_back_to_a_damaged_one(three: Corpus) -> None:
    chunks = three.workspace.generations / "000002" / "chunks.npy"
    chunks.write_bytes(chunks.read_bytes()[:-8])
    with pytest.raises(IndexCorruptError, match=r"chunks\.npy"):
        rollback(settings(), three.workspace)
    chunks.unlink()
    with pytest.raises(IndexCorruptError, match=r"lacks .*chunks\.npy"):
        rollback(settings(), three.workspace)
    assert generations.current(three.workspace) == "000003"


def test_after_a_rollback_the_next_run_is_up_to_date_again(three: Corpus) -> None:
    rollback(settings(), three.workspace, "000001")
    result = three.index()
    assert (result.generation, result.added, result.removed, result.embedded) == ("000004", 3, 1, 0)
    assert history(three.workspace)[0].parent == "000001"


def test_gc_says_what_would_go_and_then_removes_it(three: Corpus) -> None:
    (three.workspace.generations / ".building-7-x").mkdir()
    would = gc(keeping(1), three.workspace, dry_run=True)
    assert (would.generations, would.leftovers) == (("000001", "000002"), (".building-7-x",))
    assert len(generations.list_generations(three.workspace)) == 3
    result = gc(keeping(1), three.workspace)
    assert (result.generations, result.leftovers) == (("000001", "000002"), (".building-7-x",))
    assert (result.documents, result.chunks, result.embeddings) == (1, 1, 0)
    assert generations.list_generations(three.workspace) == ["000003"]
    assert leftovers(three.workspace) == []


def test_gc_spares_the_live_generation_however_old(three: Corpus) -> None:
    rollback(settings(), three.workspace, "000001")
    assert gc(keeping(1), three.workspace, dry_run=True).generations == ("000002",)
    assert gc(keeping(1), three.workspace).generations == ("000002",)
    assert generations.list_generations(three.workspace) == ["000001", "000003"]
    assert three.index().generation == "000004"  # its rows are still in the catalog


def test_gc_of_embeddings_keeps_what_a_generation_uses(three: Corpus) -> None:
    three.index(settings(embedder={"kind": "hashing", "dimension": 8}))
    three.index()  # back to the first model: the other one's vectors are of generation 4 only
    result = gc(keeping(1), three.workspace, embeddings=True)
    assert result.embeddings == 3 + 1  # of the other model, and of the text that is gone
    assert three.index(full=True).embedded == 0


def test_gc_and_rollback_wait_their_turn(three: Corpus) -> None:
    with WriterLock(three.workspace):
        with pytest.raises(BusyError):
            gc(settings(), three.workspace)
        with pytest.raises(BusyError):
            rollback(settings(), three.workspace)


def test_an_unreadable_generation_keeps_all_rows(three: Corpus) -> None:
    """What it refers to is not known, so nothing is taken from the catalog."""
    (three.workspace.generations / "000002" / "chunks.npy").write_bytes(b"?")
    result = gc(keeping(2), three.workspace)
    assert (result.generations, result.chunks) == (("000001",), 0)
    with Catalog(three.workspace.catalog, readonly=True) as catalog:
        assert {chunk.text for chunk in catalog.chunks(range(10)).values()} == {"first", "second", "third", "changed"}


def test_nothing_there(corpus: Corpus) -> None:
    assert history(corpus.workspace) == []
    with pytest.raises(IndexMissingError):
        gc(settings(), corpus.workspace)
