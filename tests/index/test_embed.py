"""The embedding pipeline: every vector in its place, none computed twice, nothing lost to a failure."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragcli.errors import BackendError, IndexCorruptError
from ragcli.index import embed
from ragcli.index.embed import CachedEmbedding, Embedded, Item, embedding_key
from ragcli.index.progress import NoProgress, Progress
from ragcli.workspace.catalog import Catalog


class Lengths:
    """A real embedder of the simplest kind: length and first character. Remembers what it was given."""

    def __init__(self, fail_on: str = "") -> None:
        self.blocks: list[list[str]] = []
        self.fail_on = fail_on

    @property
    def seen(self) -> list[str]:
        return [text for block in self.blocks for text in block]

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.fail_on and self.fail_on in texts:
            raise BackendError("the service is down")
        self.blocks.append(list(texts))
        return np.array([[len(text), ord(text[0])] for text in texts], dtype=np.float32)


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[str, int, int]] = []

    def update(self, stage: str, done: int, total: int) -> None:
        self.calls.append((stage, done, total))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as opened:
        yield opened


def run(catalog: Catalog, texts: Sequence[str], model: Lengths, heard: Progress | None = None) -> Embedded:
    items = (Item(embedding_key("lengths", text), text, len(text)) for text in texts)
    return CachedEmbedding(catalog, model, (len(texts), 2), heard or NoProgress()).run(items)


def expected(texts: Sequence[str]) -> list[list[float]]:
    return [[len(text), ord(text[0])] for text in texts]


@hypothesis_settings(max_examples=40)
@given(st.lists(st.text("abc", min_size=1, max_size=6), max_size=60), st.integers(1, 20), st.integers(1, 40))
def test_every_vector_in_its_place(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], block: int, window: int
) -> None:
    """Whatever the sizes of blocks and windows, with repeats anywhere, cold and warm."""
    with pytest.MonkeyPatch.context() as patch, Catalog(tmp_path_factory.mktemp("c") / "catalog.db") as catalog:
        patch.setattr(embed, "_BLOCK_CHARS", block)
        patch.setattr(embed, "_WINDOW_CHARS", window)
        model = Lengths()
        first = run(catalog, texts, model)
        assert first.vectors.tolist() == expected(texts)
        assert sorted(model.seen) == sorted(set(texts))
        assert first.computed == len(set(texts))
        again = run(catalog, texts[::-1], model)
        assert again.vectors.tolist() == expected(texts[::-1])
        assert again.computed == 0
        assert len(model.seen) == len(set(texts))


def test_only_the_missing_are_computed(catalog: Catalog) -> None:
    model = Lengths()
    run(catalog, ["a", "bb"], model)
    result = run(catalog, ["bb", "ccc", "a", "ccc"], model)
    assert model.blocks[1:] == [["ccc"]]
    assert result.computed == 1
    assert result.vectors.tolist() == expected(["bb", "ccc", "a", "ccc"])


def test_longest_first_so_that_batches_need_no_padding(catalog: Catalog) -> None:
    model = Lengths()
    run(catalog, ["a" * length for length in (3, 9, 1, 7, 5)], model)
    assert [len(text) for text in model.seen] == [9, 7, 5, 3, 1]


def test_what_was_finished_before_a_failure_is_kept(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "_BLOCK_ITEMS", 1)
    texts = ["a" * length for length in range(1, 11)]
    model = Lengths(fail_on="aaaa")
    with pytest.raises(BackendError, match="the service is down"):
        run(catalog, texts, model)
    done = model.seen
    assert set(done) >= {"a" * length for length in range(5, 11)}
    again = Lengths()
    assert run(catalog, texts, again).vectors.tolist() == expected(texts)
    assert not set(again.seen) & set(done)


def test_progress_reaches_the_end(catalog: Catalog) -> None:
    heard = Heard()
    run(catalog, ["a", "bb", "a"], Lengths(), heard)
    assert heard.calls[-1] == ("embed", 3, 3)
    assert [done for _, done, _ in heard.calls] == sorted(done for _, done, _ in heard.calls)
    heard = Heard()
    run(catalog, ["a", "bb", "a"], Lengths(), heard)
    assert heard.calls == [("embed", done, 3) for done in (1, 2, 3)]


def test_a_model_that_gives_no_numbers_is_refused(catalog: Catalog) -> None:
    class Broken(Lengths):
        def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return super().__call__(texts) * np.float32(np.nan)

    with pytest.raises(BackendError, match="not numbers"):
        run(catalog, ["a"], Broken())
    assert run(catalog, ["a"], Lengths()).computed == 1


def test_a_model_of_another_dimension_is_refused(catalog: Catalog) -> None:
    class Wide(Lengths):
        def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.ones((len(texts), 3), np.float32)

    with pytest.raises(BackendError, match=r"\(1, 3\) where \(1, 2\)"):
        run(catalog, ["a"], Wide())


def test_a_damaged_cache_is_noticed(catalog: Catalog) -> None:
    with catalog.transaction():
        catalog.put_embeddings([(embedding_key("lengths", "a"), b"\0\0\0")])
    with pytest.raises(IndexCorruptError, match="3 bytes instead of 8"):
        run(catalog, ["a"], Lengths())


@given(st.lists(st.text(max_size=4), max_size=3), st.lists(st.text(max_size=4), max_size=3))
def test_keys_differ_as_their_parts_do(one: list[str], other: list[str]) -> None:
    assert (embedding_key(*one) == embedding_key(*other)) == (one == other)
    assert len(embedding_key(*one)) == 16
