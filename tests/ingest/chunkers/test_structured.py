"""Sections, tables, lists and code in chunks."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.config.ingest import Breakpoints, StructuredChunkerConfig
from ragcli.ingest.chunkers.structured import StructuredChunker
from ragcli.ingest.loaders.markdown import markdown_blocks
from ragcli.models.tokens import WordCounter
from ragcli.records import Chunk, Document

_SENTENCE = "The pump moves water through the pipe."  # 8 tokens
_HEADER = "| Part | Price |\n| --- | --- |"


def _document(text: str, title: str = "t") -> Document:
    return Document("d", "t.md", "s", "t.md", "markdown", title, text, tuple(markdown_blocks(text)))


def _chunks(
    text: str,
    size: int,
    least: int = 0,
    limit: int | None = None,
    breakpoints: Breakpoints = "none",
    title: str = "t",
) -> list[Chunk]:
    config = StructuredChunkerConfig(size_tokens=size, min_tokens=least, breakpoints=breakpoints)
    return StructuredChunker(config, WordCounter(), limit).chunk(_document(text, title))


def _table(rows: int) -> str:
    return "\n".join([_HEADER, *(f"| part{row} | {row} |" for row in range(rows))])


def test_every_chunk_has_its_breadcrumb() -> None:
    text = "\n\n".join(
        ["# Guide", _SENTENCE, "## Care", f"{_SENTENCE} {_SENTENCE}", "### Oil", _SENTENCE * 3, "## End", _SENTENCE * 2]
    )
    chunks = _chunks(text, 16)
    assert [(chunk.text.split("\n")[0], chunk.headings, chunk.prefix) for chunk in chunks] == [
        ("# Guide", ("Guide",), ""),
        ("## Care", ("Guide", "Care"), "Guide"),
        ("### Oil", ("Guide", "Care", "Oil"), "Guide > Care"),
        ("## End", ("Guide", "End"), "Guide"),
    ]


def test_a_section_cut_in_two_repeats_its_headings() -> None:
    chunks = _chunks("# Guide\n\n## Care\n\n" + " ".join([_SENTENCE] * 8), 32, title="Pump manual")
    assert len(chunks) > 1
    assert {chunk.prefix for chunk in chunks[1:]} == {"Pump manual > Guide > Care"}


def test_a_heading_stays_with_its_text() -> None:
    text = f"# A\n\n{' '.join([_SENTENCE] * 3)}\n\n# B\n\n{' '.join([_SENTENCE] * 3)}"
    assert [chunk.text.split()[1] for chunk in _chunks(text, 24)] == ["A", "B"]


@pytest.mark.parametrize(
    "block",
    [
        _table(4),
        "```python\nx = 1\n\ny = 2\n\nprint(x, y)\n```",
        "- One thing. Two things.\n  Three things.\n\n  Four things, all in one item.",
    ],
    ids=["table", "code", "list item"],
)
def test_what_fits_is_not_cut(block: str) -> None:
    words = WordCounter().count(block)
    text = f"{_SENTENCE} {_SENTENCE}\n\n{block}\n\n{_SENTENCE} {_SENTENCE}"
    for size in range(-(-words // 2), words + 10):
        (holder,) = [chunk for chunk in _chunks(text, max(size, 8)) if block[:8] in chunk.text]
        assert block in holder.text


def test_a_list_is_rather_cut_between_items_than_inside() -> None:
    items = "\n".join(f"- {_SENTENCE} {_SENTENCE}" for _ in range(4))
    assert [chunk.text.count("- The pump") for chunk in _chunks(items, 34)] == [2, 2]


def test_an_introduction_stays_with_its_list() -> None:
    items = "\n".join(f"- {_SENTENCE}" for _ in range(2))
    text = f"{_SENTENCE} {_SENTENCE}\n\nDo this:\n\n{items}"
    # By size alone 19 + 18 tokens would be better than 16 + 21.
    assert [chunk.tokens for chunk in _chunks(text, 19)] == [16, 21]
    assert [chunk.tokens for chunk in _chunks(text.replace("this:", "this."), 19)] == [19, 18]


def test_a_cut_table_repeats_its_header_in_the_prefix_and_nowhere_else() -> None:
    text = f"# Prices\n\n{_SENTENCE} {_SENTENCE}\n\n{_table(45)}"
    chunks = _chunks(text, 60)
    rows = [chunk for chunk in chunks if "part" in chunk.text]
    assert len(rows) > 2
    assert "".join(chunk.text for chunk in chunks).count("Price |") == 1
    assert all(chunk.prefix == f"Prices\n{_HEADER}" for chunk in rows if "Price |" not in chunk.text)
    assert sum(chunk.text.count("| part") for chunk in rows) == 45
    assert all(line.startswith("|") for chunk in rows[1:] for line in chunk.text.split("\n"))


def test_a_header_that_leaves_no_room_is_not_repeated() -> None:
    header = "| " + " | ".join(f"column{at}" for at in range(12)) + " |\n" + "|---" * 12 + "|"
    text = header + "".join(f"\n| {row} |" + " x |" * 11 for row in range(9))
    chunks = _chunks(text, 30)
    assert len(chunks) > 2
    assert all(chunk.prefix == "" for chunk in chunks)


def test_code_too_long_is_cut_at_empty_lines_first() -> None:
    functions = [f"def f{at}():\n    a = b\n    c = d\n    return a + c" for at in range(4)]
    chunks = _chunks("```python\n" + "\n\n".join(functions) + "\n```", 26)
    starts = [chunk.text.split("\n")[0] for chunk in chunks]
    assert len(chunks) > 1
    assert all(start.startswith(("```", "def f")) for start in starts)


def test_lexical_breakpoints_part_subjects_inside_a_section() -> None:
    tax = "Every citizen owes some taxes each year."
    text = f"# A\n\n{' '.join([_SENTENCE] * 3)} {' '.join([tax] * 5)}"
    found = [chunk.text for chunk in _chunks(text, 33, breakpoints="lexical")]
    assert found == [f"# A\n\n{' '.join([_SENTENCE] * 3)}", " ".join([tax] * 5)]


_parts = st.sampled_from(
    [_table(12), _table(2), "- One.\n- Two things here.\n  - Three.", "```\nx = 1\n\ny = 2\n```", f"{_SENTENCE} Why?",
     "# Guide", "## A much longer heading of a section", "> Quoted. Twice."]
)  # fmt: skip


@given(
    parts=st.lists(_parts, max_size=8),
    size=st.integers(8, 40),
    breakpoints=st.sampled_from(["none", "lexical"]),
    limit=st.sampled_from([None, 16, 40]),
)
def test_limits_and_breadcrumbs_hold(parts: list[str], size: int, breakpoints: Breakpoints, limit: int | None) -> None:
    document = _document("\n\n".join(parts), "Pump manual")
    chunks = _chunks(document.text, size, 4, limit, breakpoints, "Pump manual")
    for chunk in chunks:
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert WordCounter().count(chunk.embedded_text) <= (limit or 10**9)
        assert chunk.tokens <= 2 * size
        above = [b for b in document.blocks if b.kind == "heading" and b.start <= chunk.start]
        assert (chunk.headings[-1] if chunk.headings else None) == (above[-1].title if above else None)
    for one, other in pairwise(chunks):
        assert document.text[one.end : other.start].strip() == ""


def test_targets_of_links_are_no_chunk() -> None:
    targets = "[p]: https://example.org/plan\n[q]: <x> 'y'\n"
    assert [chunk.text for chunk in _chunks(f"# A\n\nSee [the plan][p].\n\n{targets}", 64)] == [
        "# A\n\nSee [the plan][p]."
    ]
    assert [chunk.text for chunk in _chunks(f"{targets}\nWords.\n\n{targets}", 64)] == ["Words."]
    assert _chunks(targets, 64) == []
