"""Building generations: what is linked, what is made anew, and what is never computed twice."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.index.conftest import Corpus, sentences, settings

from ragcli.errors import BusyError, ConfigError, DataError, IndexCorruptError, IndexMissingError, IndexStaleError
from ragcli.index.manifest import damaged_files, read_manifest
from ragcli.index.reader import open_generation
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.lock import WriterLock


def live(corpus: Corpus) -> Path:
    return corpus.workspace.generations / (generations.current(corpus.workspace) or "none")


def rows_of(corpus: Corpus, *names: str) -> set[int]:
    with Catalog(corpus.workspace.catalog, readonly=True) as catalog:
        marks = ",".join("?" * len(names))
        return set(catalog.select_chunk_rows(f"d.name IN ({marks}) AND d.live = 1", names).tolist())


def found(corpus: Corpus, text: str, top_k: int = 5, **index: Any) -> tuple[list[int], list[int]]:
    """Rows that the dense and the lexical arm give for a text."""
    from ragcli.models.build import build_embedder

    config = settings(**index)
    query = build_embedder(config.index.embedder, config.models).embed_queries([text])
    with open_generation(corpus.workspace, config.index) as generation:
        assert generation.vectors is not None
        assert generation.lexical is not None
        _, dense = generation.vectors.search(query, top_k)
        _, lexical = generation.lexical.search(text, top_k)
    return dense[0].tolist(), lexical.tolist()


def test_the_first_run_indexes_everything(corpus: Corpus) -> None:
    corpus.fill(5)
    result = corpus.index(settings(context={"neighbours": ()}))
    assert (result.generation, result.changed, result.added, result.removed, result.chunks) == (
        "000001",
        True,
        15,
        0,
        15,
    )
    assert (result.embedded, result.cached, result.rebuilt, result.dropped) == (15, 0, True, ())
    dense, lexical = found(corpus, sentences(3, 3)[1], context={"neighbours": ()})
    assert dense[0] == lexical[0] == sorted(rows_of(corpus, "d3"))[1]


def test_nothing_new_makes_no_generation(corpus: Corpus) -> None:
    corpus.fill(2)
    first = corpus.index()
    again = corpus.index()
    assert (again.generation, again.changed, again.embedded, again.chunks) == (first.generation, False, 0, 6)
    assert generations.list_generations(corpus.workspace) == ["000001"]
    assert again.summary.startswith("index: up to date, 6 chunks; generation 000001; ")


def test_a_change_costs_its_own_chunks(corpus: Corpus) -> None:
    corpus.fill(20)
    before = corpus.index()
    base = live(corpus) / "vectors" / "base.faiss"
    corpus.write("d3", ["document3 was rewritten", *sentences(3, 3)[1:]])
    corpus.delete("d7")
    result = corpus.index()
    assert (result.added, result.removed, result.chunks) == (3, 6, 57)
    assert (result.embedded, result.cached, result.rebuilt) == (1, 2, False)
    assert result.summary.startswith(
        "index: 3 added, 6 removed, 57 chunks; 1 embedded, 2 from cache; generation 000002; "
    )
    manifest = read_manifest(live(corpus))
    assert manifest.vectors is not None
    assert (manifest.vectors.base, manifest.vectors.delta, manifest.vectors.dead) == (60, 3, 6)
    assert (live(corpus) / "vectors" / "base.faiss").samefile(base)
    assert manifest.parent == before.generation
    dense, lexical = found(corpus, "document3 was rewritten")
    assert lexical[0] == min(rows_of(corpus, "d3"))
    assert set(dense) & rows_of(corpus, "d3")
    gone, gone_lexical = found(corpus, sentences(7, 1)[0], top_k=57)
    assert len(gone) == 57
    assert set(gone) == set(np.load(live(corpus) / "chunks.npy").tolist())
    assert set(gone_lexical) <= set(gone)


def test_deleting_leaves_the_delta_as_it_is(corpus: Corpus) -> None:
    corpus.fill(20)
    corpus.index()
    corpus.write("new", sentences(99, 2))
    corpus.index()
    delta = live(corpus) / "vectors" / "delta.faiss"
    corpus.delete("d1")
    result = corpus.index()
    assert (result.added, result.removed, result.embedded, result.rebuilt) == (0, 3, 0, False)
    assert (live(corpus) / "vectors" / "delta.faiss").samefile(delta)
    corpus.delete("new")
    corpus.index()
    manifest = read_manifest(live(corpus))
    assert manifest.vectors is not None
    assert (manifest.vectors.base, manifest.vectors.delta, manifest.vectors.dead) == (60, 0, 3)
    assert not (live(corpus) / "vectors" / "delta.faiss").exists()


def test_a_large_delta_is_folded_in(corpus: Corpus) -> None:
    corpus.fill(10)
    corpus.index()
    for number in range(2):  # 6 of 30: exactly the fraction, not above it
        corpus.write(f"more{number}", sentences(100 + number, 3))
    assert not corpus.index().rebuilt
    corpus.write("more2", sentences(102, 1))
    result = corpus.index()
    assert result.rebuilt
    assert (result.embedded, result.cached) == (1, 36)
    manifest = read_manifest(live(corpus))
    assert manifest.vectors is not None
    assert (manifest.vectors.base, manifest.vectors.delta, manifest.vectors.dead) == (37, 0, 0)


def test_many_tombstones_are_swept_out(corpus: Corpus) -> None:
    corpus.fill(10)
    corpus.index()
    for number in range(3):
        corpus.delete(f"d{number}")
    assert corpus.index().rebuilt
    manifest = read_manifest(live(corpus))
    assert manifest.vectors is not None
    assert (manifest.vectors.base, manifest.vectors.dead) == (21, 0)
    assert manifest.lexical is not None
    assert manifest.lexical.dead == 0


@pytest.mark.parametrize("option", ["compact", "full"])
def test_compaction_on_demand_computes_nothing(corpus: Corpus, option: str) -> None:
    corpus.fill(20)
    corpus.index()
    corpus.write("d3", ["other words"])
    corpus.index()
    before = found(corpus, "other words")
    result = corpus.index(full=option == "full", compact=option == "compact")
    assert (result.changed, result.rebuilt, result.embedded, result.cached) == (True, True, 0, 58)
    manifest = read_manifest(live(corpus))
    assert manifest.vectors is not None
    assert (manifest.vectors.base, manifest.vectors.delta, manifest.vectors.dead) == (58, 0, 0)
    assert found(corpus, "other words") == before


@pytest.mark.parametrize(
    "changed",
    [
        {"vectors": {"type": "hnsw"}},
        {"vectors": {"quantization": "fp16"}},
        {"context": {"neighbours": [0.5]}},
        {"lexical": {"kind": "tantivy", "language": "de"}},
        {"lexical": {"kind": "rank_bm25"}},
    ],
)
def test_other_settings_rebuild_from_the_cache(corpus: Corpus, changed: dict[str, Any]) -> None:
    corpus.fill(4)
    corpus.index()
    result = corpus.index(settings(**changed))
    assert (result.changed, result.embedded) == (True, 0)
    _, lexical = found(corpus, "document2 part0", **changed)
    assert lexical[0] == min(rows_of(corpus, "d2"))
    assert not corpus.index(settings(**changed)).changed


def test_another_mixing_formula_rebuilds_what_was_mixed(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus.fill(4)
    corpus.index()
    monkeypatch.setattr("ragcli.index.settings.MIXING", "another")
    with pytest.raises(IndexStaleError, match=r"index\.context\.neighbours$"):
        open_generation(corpus.workspace, settings().index)
    result = corpus.index()
    assert (result.changed, result.rebuilt, result.embedded, result.cached) == (True, True, 0, 12)
    alone = settings(context={"neighbours": []})
    assert corpus.index(alone).rebuilt
    monkeypatch.setattr("ragcli.index.settings.MIXING", "a third")
    assert not corpus.index(alone).changed


def test_settings_of_the_search_alone_change_nothing(corpus: Corpus) -> None:
    corpus.fill(4)
    corpus.index(settings(vectors={"type": "hnsw"}))
    assert not corpus.index(settings(vectors={"type": "hnsw", "ef_search": 7, "nlist": 3, "nprobe": 2})).changed


def test_another_embedder_embeds_anew_and_back_again_from_the_cache(corpus: Corpus) -> None:
    corpus.fill(3)
    corpus.index()
    other = settings(embedder={"kind": "hashing", "dimension": 32})
    assert corpus.index(other).embedded == 9
    assert corpus.index().embedded == 0


def test_equal_texts_are_embedded_once(corpus: Corpus) -> None:
    for number in range(4):
        corpus.write(f"d{number}", ["the same words", "other words"])
    result = corpus.index()
    assert (result.embedded, result.cached) == (2, 6)


def test_an_old_text_that_comes_back_is_known(corpus: Corpus) -> None:
    corpus.fill(20)
    corpus.index()
    corpus.write("d0", ["something else"])
    corpus.index()
    corpus.write("d0", sentences(0, 3))
    result = corpus.index()
    assert (result.embedded, result.cached, result.rebuilt) == (0, 3, False)


def test_lexical_only(corpus: Corpus) -> None:
    corpus.fill(3)
    config = settings(embedder={"kind": "none"})
    result = corpus.index(config)
    assert (result.embedded, result.cached, result.rebuilt) == (0, 0, False)
    with open_generation(corpus.workspace, config.index) as generation:
        assert generation.vectors is None
        assert generation.lexical is not None
        assert generation.lexical.search("document1 part2", 1)[1].tolist() == [max(rows_of(corpus, "d1"))]
    assert not (live(corpus) / "vectors").exists()


def test_dense_only(corpus: Corpus) -> None:
    corpus.fill(3)
    config = settings(lexical={"kind": "none"})
    corpus.index(config)
    with open_generation(corpus.workspace, config.index) as generation:
        assert generation.lexical is None
        assert generation.vectors is not None
        assert len(generation.vectors) == 9
    assert not (live(corpus) / "lexical").exists()


def test_neither_is_refused(corpus: Corpus) -> None:
    corpus.fill(1)
    with pytest.raises(ConfigError, match="both none"):
        corpus.index(settings(embedder={"kind": "none"}, lexical={"kind": "none"}))


def test_nothing_to_index(corpus: Corpus) -> None:
    with pytest.raises(IndexMissingError, match="nothing was ingested") as missing:
        corpus.index()
    assert missing.value.hint == "ragcli ingest PATH"
    assert not corpus.workspace.root.exists()
    corpus.write("d", ["text"])
    corpus.index()
    corpus.delete("d")
    with pytest.raises(DataError, match="no chunks"):
        corpus.index()
    assert generations.current(corpus.workspace) == "000001"


def test_one_writer_at_a_time(corpus: Corpus) -> None:
    corpus.fill(1)
    with WriterLock(corpus.workspace), pytest.raises(BusyError, match=f"process {os.getpid()}"):
        corpus.index()


def test_old_generations_and_their_rows_go(corpus: Corpus) -> None:
    config = settings().model_copy(
        update={"workspace": settings().workspace.model_copy(update={"keep_generations": 2})}
    )
    corpus.write("stays", ["words that stay"])
    dropped = []
    for number in range(4):
        corpus.write("d", [f"version {number}"])
        dropped.append(corpus.index(config).dropped)
    assert dropped == [(), (), ("000001",), ("000002",)]
    assert generations.list_generations(corpus.workspace) == ["000003", "000004"]
    with Catalog(corpus.workspace.catalog, readonly=True) as catalog:
        texts = {chunk.text for chunk in catalog.chunks(range(100)).values()}
    assert texts == {"words that stay", "version 2", "version 3"}


def test_the_manifest_says_what_the_files_are(corpus: Corpus) -> None:
    corpus.fill(20)
    corpus.index()
    first = read_manifest(live(corpus))
    corpus.write("d1", ["new"])
    corpus.index()
    second = read_manifest(live(corpus))
    assert damaged_files(live(corpus), second) == []
    on_disk = {path.relative_to(live(corpus)).as_posix() for path in live(corpus).rglob("*") if path.is_file()}
    assert set(second.files) | {"manifest.json"} >= {name for name in on_disk if not name.endswith(".lock")}
    unlike = {name for name in first.fingerprints if first.fingerprints[name] != second.fingerprints[name]}
    assert unlike == {"corpus"}
    assert second.embedder is not None
    assert second.embedder.dimension == 64
    assert set(second.timings_s) == {"embed", "vectors", "lexical", "checksums"}


def test_the_corpus_fingerprint_is_that_of_the_texts(corpus: Corpus, tmp_path: Path) -> None:
    """Neither the order of ingestion nor what was there in between matters."""
    corpus.fill(3)
    other = Corpus(Workspace(tmp_path / "other"))
    for number in (2, 0, 1, 1):
        other.write(f"d{number}", sentences(number, 3))
    corpus.index()
    other.index()
    assert read_manifest(live(corpus)).fingerprints == read_manifest(live(other)).fingerprints


def test_a_damaged_parent_is_refused_and_full_heals(corpus: Corpus) -> None:
    corpus.fill(2)
    corpus.index()
    (live(corpus) / "manifest.json").write_text("{")
    with pytest.raises(IndexCorruptError, match="cannot be read") as caught:
        corpus.index()
    assert "--full" in caught.value.hint
    result = corpus.index(full=True)
    assert (result.generation, result.embedded, result.cached) == ("000002", 0, 6)
    assert found(corpus, "document1 part0")[1][0] == min(rows_of(corpus, "d1"))


def test_leftovers_of_a_killed_run_are_removed(corpus: Corpus) -> None:
    corpus.fill(1)
    left = corpus.workspace.generations / ".building-1-abc"
    left.mkdir(parents=True)
    (left / "chunks.npy").write_bytes(b"half")
    corpus.index()
    assert not left.exists()
