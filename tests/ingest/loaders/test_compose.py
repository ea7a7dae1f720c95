import pytest

from ragcli.errors import DataError
from ragcli.ingest.loaders.compose import (
    Composer,
    first_heading,
    is_generic,
    lines_of,
    list_piece,
    one_line,
    pipe_table,
    stem_of,
)
from ragcli.records import Block


def test_blocks_and_text_agree() -> None:
    composer = Composer(1000)
    composer.page()
    composer.heading(" Top\nline ", 1)
    composer.paragraph("a  b\n\n c\u200bd")
    composer.list_item("one\nmore", 1)
    composer.list_item("two", 2, "3.")
    composer.page()
    composer.table([["h", "i"], ["", " "], ["1|2"]], header_rows=1)
    composer.code("\n\n  x = 1  \n", "python")
    composer.paragraph(" \n ")
    parsed = composer.parsed()
    assert parsed.text == (
        "Top line\n\na b\ncd\n\n- one\n  more\n  3. two\n\n| h | i |\n| --- | --- |\n| 1\\|2 |  |\n\n  x = 1"
    )
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == [
        "Top line",
        "a b\ncd",
        "- one\n  more",
        "3. two",
        "| h | i |\n| --- | --- |\n| 1\\|2 |  |",
        "  x = 1",
    ]
    assert parsed.pages == (0, parsed.text.index("| h"))
    assert parsed.title == "Top line"


def test_embedded_documents_move() -> None:
    composer = Composer(100)
    composer.paragraph("before")
    composer.embed("|a|\n|-|\n|1|", [Block("table", 0, 11, header_end=7)])
    composer.embed("  \n", [])
    parsed = composer.parsed("T")
    (_, table) = parsed.blocks
    assert parsed.text[table.start : table.end] == "|a|\n|-|\n|1|"
    assert parsed.text[table.start : table.header_end] == "|a|\n|-|"


def test_longest_text() -> None:
    composer = Composer(5)
    composer.paragraph("12345")
    with pytest.raises(DataError, match="longer than 5 characters"):
        composer.paragraph("6")


def test_tables() -> None:
    assert pipe_table([], 0) == ("", 0)
    assert pipe_table([["a"], ["b", "c"]], 0) == ("| a |  |\n| b | c |", 0)
    text, end = pipe_table([["a", "b"], ["c"]], 1)
    assert text[:end] == "| a | b |\n| --- | --- |"


def test_pieces_of_an_interrupted_item_have_no_marker() -> None:
    assert list_piece("a\nb", 2, "10.").text == "10. a\n      b"
    assert list_piece("a\nb", 2, "").text == "a\n  b"
    assert list_piece("", 1).text == ""


def test_small_things() -> None:
    assert one_line("a\u00a0\n b\u00ad\u2061c\ufeff") == "a bc"
    assert lines_of("a \n\n b") == "a\nb"
    assert [stem_of(path) for path in ("a/b.tar.gz", "x", ".env")] == ["b.tar", "x", ".env"]
    blocks = [Block("heading", 0, 1, level=2, title="b"), Block("heading", 2, 3, level=1, title="a")]
    assert (first_heading(blocks), first_heading([])) == ("a", "")


@pytest.mark.parametrize("title", ["Summary", "1. Introduction", "2.1 Overview:", "ABSTRACT.", "1) Preface", "TL;DR"])
def test_a_heading_that_any_document_could_have_is_no_title(title: str) -> None:
    assert is_generic(title)
    headings = [Block("heading", 0, 1, level=1, title=title), Block("heading", 2, 3, level=1, title="Threads")]
    assert first_heading(headings) == ""


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (["", "Note", "Summary"], ""),
        (["Note", "Summary"], "Note"),
        (["", "Threads", "Install", "Use"], "Threads"),
    ],
)
def test_a_heading_between_other_text_and_a_summary_is_a_section(names: list[str], title: str) -> None:
    blocks = [
        Block("heading" if name else "paragraph", place, place + 1, level=2, title=name)
        for place, name in enumerate(names)
    ]
    assert first_heading(blocks) == title


@pytest.mark.parametrize("title", ["Summary of 2024", "Product overview", "404", "", "1.", "Introduction to sets"])
def test_a_heading_of_its_own_is_one(title: str) -> None:
    assert not is_generic(title)
