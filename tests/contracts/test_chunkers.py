"""What holds for every chunker, whatever the document."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ragcli.config.ingest import (
    AutoChunkerConfig,
    ChunkerConfig,
    CodeChunkerConfig,
    FixedChunkerConfig,
    ProseChunkerConfig,
    StructuredChunkerConfig,
    WholeChunkerConfig,
)
from ragcli.ingest.chunkers.build import build_chunker
from ragcli.models import TokenCounter
from ragcli.models.hashing import HashingEmbedder
from ragcli.models.tokens import WordCounter
from ragcli.records import Block, BlockKind, Chunk, Document, DocumentType, chunk_id

_KINDS: list[ChunkerConfig] = [
    AutoChunkerConfig(
        prose=ProseChunkerConfig(size_tokens=20, min_tokens=5),
        structured=StructuredChunkerConfig(size_tokens=20, min_tokens=5),
        code=CodeChunkerConfig(size_tokens=20, min_tokens=4),
    ),
    ProseChunkerConfig(size_tokens=24, min_tokens=6),
    ProseChunkerConfig(size_tokens=24, min_tokens=6, breakpoints="none"),
    StructuredChunkerConfig(size_tokens=24, min_tokens=6, breakpoints="semantic"),
    StructuredChunkerConfig(size_tokens=24, min_tokens=6),
    CodeChunkerConfig(size_tokens=24, min_tokens=6),
    FixedChunkerConfig(size_tokens=16, overlap_tokens=5),
    FixedChunkerConfig(size_tokens=16, overlap_tokens=0),
    WholeChunkerConfig(),
]
_every_kind = pytest.mark.parametrize("config", _KINDS, ids=lambda config: str(config.kind))
_generated = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class PieceCounter:
    """Words in pieces of three characters: like any subword vocabulary, a cut inside a word changes the count."""

    name = "pieces"

    def count(self, text: str) -> int:
        return len(self.offsets(text))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        return [
            (at, min(at + 3, word.end()))
            for word in re.finditer(r"\w+|[^\w\s]", text)
            for at in range(word.start(), word.end(), 3)
        ]


_WORDS = HashingEmbedder(16)
_COUNTERS: list[TokenCounter] = [WordCounter(), PieceCounter()]

_words = st.text(st.characters(codec="utf-8", exclude_characters="\r\x1c\x1d\x1e\x85\u2028\u2029"), max_size=12)
_sentence = st.lists(_words | st.sampled_from(["the", "queue", "E-1042.", "ends.", "Why?"]), max_size=14).map(" ".join)
_paragraph = st.lists(_sentence, max_size=4).map("\n".join)
_heading = st.tuples(st.integers(1, 4), _sentence.map(lambda text: " ".join(text.split())))
_code_lines = st.lists(
    st.sampled_from(
        [
            "import os", "def f(x):", "    return x + 1", "", "class A:", "    @property", "    def name(self):",
            '        """Doc é."""', "        return self._name", "    # note", "x = [1, 2, {", "}]", "}",
            "func main() {",
            "pub fn run(&self) {", "public void go() {", "if (x) { y(); }", "/* c */", "a" * 90,
            "#endif",
            "\tlet z = 1;",
        ]
    ),
    max_size=40,
).map("\n".join)  # fmt: skip


def _document(
    text: str,
    type_: DocumentType = "text",
    blocks: Sequence[Block] = (),
    language: str = "",
    path: str = "a/b.txt",
) -> Document:
    return Document("d1", path, "s", path, type_, "Title", text, tuple(blocks), language=language)


@st.composite
def _structured(draw: st.DrawFn) -> Document:
    """Blocks in order with white space between them, some of the text outside of any block."""
    text, blocks = "", []
    for _ in range(draw(st.integers(0, 8))):
        kind: BlockKind = draw(st.sampled_from(["heading", "paragraph", "list_item", "table", "code", "quote"]))
        level, title, header = 0, "", 0
        if kind == "heading":
            level, title = draw(_heading)
            body = f"{'#' * level} {title}"
        elif kind == "table":
            rows = draw(st.lists(_sentence.map(lambda row: row.replace("\n", " ")), min_size=1, max_size=6))
            body = "| head | er |\n|---|---|\n" + "\n".join(f"| {row} |" for row in rows)
            header = len("| head | er |\n|---|---|")
        else:
            body = draw(_code_lines if kind == "code" else _paragraph)
            level = 1 if kind == "list_item" else 0
        if draw(st.booleans()) and kind == "paragraph":
            text += body + "\n\n"
            continue
        if body.strip():
            start = len(text)
            blocks.append(Block(kind, start, start + len(body), level, start + header if header else 0, "", title))
        text += body + draw(st.sampled_from(["\n", "\n\n", "\n \n\n"]))
    return _document(text, "markdown", blocks, path="guide/page.md")


_source_code = st.tuples(
    _code_lines, st.sampled_from(["python", "go", "rust", "java", "c", "cpp", "typescript", "javascript", "cobol", ""])
).map(lambda pair: _document(pair[0], "code", language=pair[1], path="src/deep/folder/module.ext"))
_plain = st.lists(_paragraph, max_size=6).map("\n\n".join).map(_document)
_long_words = st.text(st.sampled_from("abé漢😀;{"), max_size=300).map(_document)
_documents = st.one_of(_plain, _structured(), _source_code, _long_words)
_limits = st.sampled_from([None, 8, 24, 254])


def _chunks(config: ChunkerConfig, document: Document, limit: int | None, counter: TokenCounter) -> list[Chunk]:
    return build_chunker(config, counter, limit, _WORDS.embed_documents).chunk(document)


@_every_kind
@_generated
@given(document=_documents, limit=_limits, counter=st.sampled_from(_COUNTERS))
def test_chunks_are_the_ordered_text_of_the_document(
    config: ChunkerConfig, document: Document, limit: int | None, counter: TokenCounter
) -> None:
    chunks = _chunks(config, document, limit, counter)
    for position, chunk in enumerate(chunks):
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        assert chunk.position == position
        assert chunk.document_id == document.id
        assert chunk.id == chunk_id(document.id, chunk.start, chunk.text)
    starts = [chunk.start for chunk in chunks]
    assert starts == sorted(set(starts))


@_every_kind
@_generated
@given(document=_documents, limit=_limits, counter=st.sampled_from(_COUNTERS))
def test_nothing_but_white_space_is_left_out(
    config: ChunkerConfig, document: Document, limit: int | None, counter: TokenCounter
) -> None:
    covered = bytearray(len(document.text))
    for chunk in _chunks(config, document, limit, counter):
        covered[chunk.start : chunk.end] = b"\x01" * (chunk.end - chunk.start)
    left_out = [character for character, seen in zip(document.text, covered, strict=True) if not seen]
    assert "".join(left_out).strip() == ""


@pytest.mark.parametrize("config", _KINDS[:-1], ids=lambda config: str(config.kind))
@_generated
@given(document=_documents, limit=st.sampled_from([8, 24, 254]), counter=st.sampled_from(_COUNTERS))
def test_no_chunk_exceeds_the_limit(
    config: ChunkerConfig, document: Document, limit: int, counter: TokenCounter
) -> None:
    for chunk in _chunks(config, document, limit, counter):
        assert counter.count(chunk.embedded_text) <= limit


@pytest.mark.parametrize(
    "config",
    [kind for kind in _KINDS if not isinstance(kind, FixedChunkerConfig) or not kind.overlap_tokens],
    ids=lambda config: str(config.kind),
)
@_generated
@given(document=_documents, limit=_limits, counter=st.sampled_from(_COUNTERS))
def test_chunks_share_no_text(
    config: ChunkerConfig, document: Document, limit: int | None, counter: TokenCounter
) -> None:
    chunks = _chunks(config, document, limit, counter)
    for before, after in pairwise(chunks):
        assert before.end <= after.start


@_every_kind
@_generated
@given(document=_documents, limit=_limits, counter=st.sampled_from(_COUNTERS))
def test_the_same_document_gives_the_same_chunks(
    config: ChunkerConfig, document: Document, limit: int | None, counter: TokenCounter
) -> None:
    chunker = build_chunker(config, counter, limit, _WORDS.embed_documents)
    chunks = chunker.chunk(document)
    chunker.chunk(_document("Something else in between. " * 30))
    assert chunker.chunk(document) == chunks == _chunks(config, document, limit, counter)


@_every_kind
@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n", "\u2003\n"])
def test_a_blank_document_has_no_chunks(config: ChunkerConfig, text: str) -> None:
    assert _chunks(config, _document(text), 254, WordCounter()) == []


@_every_kind
def test_a_short_document_is_one_chunk(config: ChunkerConfig) -> None:
    document = _document("  The queue drains.\n\nThen it stops.\n")
    (chunk,) = _chunks(config, document, 254, WordCounter())
    assert chunk.text.strip() == "The queue drains.\n\nThen it stops."
    assert chunk.tokens == 8


@_every_kind
def test_a_megabyte_without_a_break_is_cut_in_seconds(config: ChunkerConfig) -> None:
    document = _document("x" * 1_000_000, "code", language="python")
    chunks = _chunks(config, document, 254, WordCounter())
    assert sum(len(chunk.text) for chunk in chunks) >= 1_000_000
