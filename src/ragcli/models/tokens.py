"""Count tokens: of the embedder's own vocabulary, of a tiktoken encoding, or plain words."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragcli.config.index import EmbedderConfig, SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.models import TokenCounter
from ragcli.models.files import sha256_of
from ragcli.models.locate import locate
from ragcli.models.vocabulary import encode, readable, shared_tokenizer

if TYPE_CHECKING:
    import tiktoken

# Texts are tokenised in pieces of about this many characters: memory stays bounded, cost linear.
_PIECE_CHARS = 100_000
# A run without a boundary longer than this is cut inside: tiktoken's cost and its pattern's recursion grow with it.
_RUN_CHARS = 2_000
# A token may stand for any number of characters (an unknown word, say). It counts once per so many characters,
# so that a chunk of few tokens is never a megabyte.
_TOKEN_CHARS = 256
_BOUNDARY = re.compile(r"\s(?=\S)|(?<=\s)(?=\S)")
_RUN = re.compile(rf"\S{{{_RUN_CHARS}}}|\s{{{_RUN_CHARS}}}")
_WORD = re.compile(r"\w{1,64}|[^\w\s]")


def build_token_counter(name: str, embedder: EmbedderConfig, models: ModelsConfig) -> TokenCounter:
    """The counter a configuration asks for by name: ``embedder``, ``words`` or a tiktoken encoding.

    Raises:
        ConfigError: There is no such encoding.
        MissingModelError: The vocabulary is not on this machine.
    """
    if name == "words":
        return WordCounter()
    if name != "embedder":
        return _tiktoken_counter(name, models)
    match embedder.kind:
        case "sentence-transformers":
            return _tokenizer_counter(embedder, models)
        case "openai":
            return _tiktoken_counter("cl100k_base", models)
        case "hashing" | "none":
            return WordCounter()


def _tokenizer_counter(embedder: SentenceTransformersConfig, models: ModelsConfig) -> TokenCounter:
    return TokenizerCounter(locate(embedder.model, embedder.revision, models).folder / "tokenizer.json")


def _tiktoken_counter(name: str, models: ModelsConfig) -> TokenCounter:
    from ragcli.models.encodings import load_encoding

    return TiktokenCounter(load_encoding(name, models))


class WordCounter:
    """Words and punctuation marks, for embedders without a vocabulary."""

    @property
    def name(self) -> str:
        """Identity of the rule."""
        return "words"

    def count(self, text: str) -> int:
        """Number of words and marks."""
        return sum(1 for _ in _WORD.finditer(text))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character range of every word and mark."""
        return [found.span() for found in _WORD.finditer(text)]


class TokenizerCounter:
    """Tokens of a ``tokenizer.json``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def name(self) -> str:
        """Identity of the vocabulary: the digest of its file."""
        return f"tokenizer:{sha256_of(self._path)[:16]}"

    def count(self, text: str) -> int:
        """Number of tokens, special ones left out."""
        return len(self.offsets(text))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character range of every token, special ones left out."""
        tokenizer = shared_tokenizer(self._path)
        ranges: list[tuple[int, int]] = []
        for start, piece in pieces(text):
            found = encode(tokenizer, piece, special=False).offsets
            ranges.extend(found if start == 0 else [(start + first, start + last) for first, last in found])
        return _bounded(ranges)


class TiktokenCounter:
    """Tokens of a tiktoken encoding. Names of special tokens inside a text are text."""

    def __init__(self, encoding: "tiktoken.Encoding") -> None:
        self._encoding = encoding

    @property
    def name(self) -> str:
        """Identity of the vocabulary."""
        return f"tiktoken:{self._encoding.name}"

    def count(self, text: str) -> int:
        """Number of tokens."""
        return sum(len(self._encoding.encode_ordinary(piece)) for _, piece in pieces(readable(text)))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character range of every token; tokens that share a character both cover it whole."""
        ranges: list[tuple[int, int]] = []
        for start, piece in pieces(readable(text)):
            ranges.extend(self._ranges(piece, start))
        return ranges

    def _ranges(self, piece: str, shift: int) -> Iterator[tuple[int, int]]:
        tokens = self._encoding.encode_ordinary(piece)
        ends = np.cumsum([len(part) for part in self._encoding.decode_tokens_bytes(tokens)], dtype=np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])[: len(ends)]
        if not piece.isascii():
            octets = np.frombuffer(piece.encode(), dtype=np.uint8)
            # For every byte, the number of characters begun up to and including it.
            begun = np.cumsum((octets & 0xC0) != 0x80)
            starts, ends = begun[starts] - 1, begun[ends - 1]
        yield from zip((starts + shift).tolist(), (ends + shift).tolist(), strict=True)


def pieces(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text into pieces of bounded length and bounded runs, as (start, piece).

    A cut lies in front of white space, where tokenizers cut too, except inside overlong runs.
    """
    runs = [found.start() for found in _RUN.finditer(text)] if len(text) > _RUN_CHARS else []
    if not runs and len(text) <= _PIECE_CHARS:
        yield 0, text
        return
    start = 0
    while start < len(text):
        end = _piece_end(text, start, runs)
        yield start, text[start:end]
        start = end


def _piece_end(text: str, start: int, runs: list[int]) -> int:
    limit = start + _PIECE_CHARS
    following = bisect_left(runs, start + 1)
    if following < len(runs) and runs[following] < limit:
        return runs[following]
    if limit >= len(text):
        return len(text)
    cut = max(text.rfind(" ", start + 1, limit), text.rfind("\n", start + 1, limit))
    return cut if cut > start else limit


def _bounded(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Split ranges longer than the bound; almost always there are none."""
    if all(end - start <= _TOKEN_CHARS for start, end in ranges):
        return ranges
    return [
        (first, min(first + _TOKEN_CHARS, end))
        for start, end in ranges
        for first in range(start, max(end, start + 1), _TOKEN_CHARS)
    ]
