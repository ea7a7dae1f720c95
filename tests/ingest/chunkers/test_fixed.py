"""Token windows."""

import re
from collections.abc import Sequence

import pytest

from ragcli.config.ingest import FixedChunkerConfig
from ragcli.ingest.chunkers.fixed import FixedChunker
from ragcli.models.tokens import WordCounter
from ragcli.records import Chunk, Document

_TEN = "a b c d e f g h i j"


def _chunks(text: str, size: int, overlap: int, limit: int | None = None) -> list[Chunk]:
    config = FixedChunkerConfig(size_tokens=size, overlap_tokens=overlap)
    return FixedChunker(config, WordCounter(), limit).chunk(Document("d1", "t", "s", "t", "text", "t", text))


@pytest.mark.parametrize(
    ("size", "overlap", "expected"),
    [
        (4, 0, ["a b c d", "e f g h", "i j"]),
        (4, 1, ["a b c d", "d e f g", "g h i j"]),
        (5, 0, ["a b c d e", "f g h i j"]),
        (8, 7, ["a b c d e f g h", "b c d e f g h i", "c d e f g h i j"]),
        (10, 3, [_TEN]),
        (512, 50, [_TEN]),
    ],
)
def test_windows(size: int, overlap: int, expected: list[str]) -> None:
    assert [chunk.text for chunk in _chunks(_TEN, size, overlap)] == expected


def test_the_limit_lowers_size_and_overlap() -> None:
    assert [chunk.text for chunk in _chunks(_TEN, 512, 50, limit=3)][:3] == ["a b c", "b c d", "c d e"]


def test_the_defaults_are_512_and_50() -> None:
    text = " ".join(f"w{n}" for n in range(1000))
    document = Document("d1", "t", "s", "t", "text", "t", text)
    chunks = FixedChunker(FixedChunkerConfig(), WordCounter(), None).chunk(document)
    assert [chunk.tokens for chunk in chunks] == [512, 512, 76]
    assert [chunk.text.split()[0] for chunk in chunks] == ["w0", "w462", "w924"]


class LetterCounter:
    """Counts single letters and overlooks everything else."""

    name = "letters"

    def count(self, text: str) -> int:
        return len(self.offsets(text))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [found.span() for found in re.finditer("[a-z]", text)]


def test_characters_that_are_no_token_stay_with_the_window_before() -> None:
    chunker = FixedChunker(FixedChunkerConfig(size_tokens=1, overlap_tokens=0), LetterCounter(), 1)
    chunks = chunker.chunk(Document("d1", "t", "s", "t", "text", "t", "? a \u200b b; c."))
    assert [chunk.text for chunk in chunks] == ["? a \u200b", "b;", "c."]
