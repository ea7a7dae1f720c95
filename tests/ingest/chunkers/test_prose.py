"""Running text in chunks of whole sentences."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragcli.config.ingest import Breakpoints, ProseChunkerConfig
from ragcli.errors import ConfigError
from ragcli.ingest.chunkers.prose import ProseChunker
from ragcli.ingest.chunkers.sentences import sentences
from ragcli.models.tokens import WordCounter
from ragcli.records import Chunk, Document

# Eight tokens each, full stop included; subjects share words with themselves only.
_PUMP = "The pump moves water through the pipe."
_TAX = "Every citizen owes some taxes each year."


def _document(text: str, title: str = "t") -> Document:
    return Document("d", "t.txt", "s", "t.txt", "text", title, text)


def _chunks(
    text: str,
    size: int,
    least: int = 0,
    limit: int | None = None,
    breakpoints: Breakpoints = "none",
    title: str = "t",
) -> list[Chunk]:
    config = ProseChunkerConfig(size_tokens=size, min_tokens=least, breakpoints=breakpoints)
    return ProseChunker(config, WordCounter(), limit, _by_subject).chunk(_document(text, title))


def _by_subject(texts: Sequence[str]) -> NDArray[np.float32]:
    """An embedder that knows two subjects, and not by the words."""
    return np.eye(2, dtype=np.float32)[[int("owes" in text or "levy" in text) for text in texts]]


def test_paragraphs_are_kept_together() -> None:
    paragraphs = [" ".join([_PUMP] * count) for count in (2, 1, 2)]
    assert [chunk.text for chunk in _chunks("\n\n".join(paragraphs), 16)] == [
        paragraphs[0],
        paragraphs[1],
        paragraphs[2],
    ]


def test_long_paragraphs_are_cut_between_sentences_evenly() -> None:
    chunks = _chunks(" ".join([_PUMP] * 8), 30)
    assert [chunk.text for chunk in chunks] == [" ".join([_PUMP] * 4)] * 2


@pytest.mark.parametrize("before", [2, 3])
def test_a_line_ends_rather_than_a_sentence(before: int) -> None:
    lines = [" ".join([_PUMP] * count) for count in (before, 5 - before)]
    assert [chunk.text for chunk in _chunks("\n".join(lines), 18)] == lines


def test_a_tiny_tail_is_merged() -> None:
    text = f"{_PUMP} {_PUMP}\n\n{_TAX} {_TAX}\n\nThe end."
    assert [chunk.tokens for chunk in _chunks(text, 16, least=5)] == [16, 19]


def test_a_sentence_beyond_all_size_is_cut_at_white_space() -> None:
    chunks = _chunks("alpha " * 50 + "end.", 10, limit=12)
    assert " ".join(chunk.text for chunk in chunks) == "alpha " * 50 + "end."
    assert max(chunk.tokens for chunk in chunks) <= 12
    assert min(chunk.tokens for chunk in chunks) >= 8


@pytest.mark.parametrize("breakpoints", ["lexical", "semantic"])
def test_chunks_end_where_the_subject_changes(breakpoints: Breakpoints) -> None:
    pump, tax = " ".join([_PUMP] * 3), " ".join([_TAX] * 6)
    assert [chunk.text for chunk in _chunks(f"{pump} {tax}", 32, breakpoints=breakpoints)] == [pump, tax]
    assert [chunk.tokens for chunk in _chunks(f"{pump} {tax}", 32)] in ([32, 40], [40, 32])


def test_semantic_breakpoints_ask_the_embedder_and_lexical_ones_do_not() -> None:
    before, after = " ".join([_PUMP] * 3), f"{_TAX} The pump tax is a levy. {_TAX} {_TAX}"
    found = _chunks(f"{before} {after}", 32, breakpoints="semantic")
    assert [chunk.text for chunk in found] == [before, after]
    unrelated = ["Cats sleep all day long.", "Trains depart every hour now.", "Bread needs salt and yeast."]
    text = " ".join(unrelated * 2)
    assert [chunk.text for chunk in _chunks(text, 14, breakpoints="semantic")] == [
        chunk.text for chunk in _chunks(text, 14)
    ]


def test_semantic_breakpoints_need_an_embedder() -> None:
    chunker = ProseChunker(ProseChunkerConfig(breakpoints="semantic"), WordCounter(), None)
    with pytest.raises(ConfigError):
        chunker.chunk(_document(_PUMP))


def test_the_title_is_embedded_with_every_chunk_but_never_part_of_the_text() -> None:
    chunks = _chunks("\n\n".join([f"{_PUMP} {_PUMP}"] * 3), 16, title="Water works")
    assert [chunk.prefix for chunk in chunks] == ["Water works"] * 3
    assert all("Water works" not in chunk.text for chunk in chunks)
    config = ProseChunkerConfig(size_tokens=16, min_tokens=0, breadcrumb=False)
    plain = ProseChunker(config, WordCounter(), None).chunk(_document(_PUMP, "Water works"))
    assert [chunk.prefix for chunk in plain] == [""]


@given(
    paragraphs=st.lists(st.lists(st.sampled_from([_PUMP, _TAX, "Why?", "No, e.g. never."]), max_size=6), max_size=6),
    size=st.integers(8, 40),
    breakpoints=st.sampled_from(["none", "lexical", "semantic"]),
    limit=st.sampled_from([None, 30]),
)
def test_no_sentence_that_fits_is_cut(
    paragraphs: list[list[str]], size: int, breakpoints: Breakpoints, limit: int | None
) -> None:
    text = "\n\n".join(" ".join(paragraph) for paragraph in paragraphs)
    chunks = _chunks(text, size, least=4, limit=limit, breakpoints=breakpoints, title="Water works")
    starts, ends = {s.start for s in sentences(text)}, {s.end for s in sentences(text)}
    assert all(chunk.start in starts and chunk.end in ends for chunk in chunks)
    assert all(chunk.tokens <= 2 * size for chunk in chunks)
    assert all(WordCounter().count(chunk.embedded_text) <= (limit or 10**9) for chunk in chunks)
