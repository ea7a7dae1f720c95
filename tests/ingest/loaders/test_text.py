import pytest
from tests.ingest.loaders.conftest import load, load_all, outline

from ragcli.config.ingest import LimitsConfig
from ragcli.errors import DataError

TEXT = """\
RELEASE NOTES
=============

A paragraph
of two lines.

Fixes
-----
  * first
    goes on
  * second
    - deeper
1) numbered

Not a heading because the rule is short
---

 \u2022 bullet
"""


def test_blocks_lie_over_the_text_as_it_is() -> None:
    parsed = load("text", TEXT, "notes.txt")
    assert parsed.text == TEXT
    assert parsed.title == "RELEASE NOTES"
    assert outline(parsed) == [
        ("heading1", "RELEASE NOTES\n============="),
        ("paragraph", "A paragraph\nof two lines."),
        ("heading2", "Fixes\n-----"),
        ("list_item1", "* first\n    goes on"),
        ("list_item1", "* second"),
        ("list_item2", "- deeper"),
        ("list_item1", "1) numbered"),
        ("paragraph", "Not a heading because the rule is short\n---"),
        ("list_item1", "\u2022 bullet"),
    ]
    assert [block.title for block in parsed.blocks if block.kind == "heading"] == ["RELEASE NOTES", "Fixes"]


def test_a_line_of_its_own_in_capitals_is_a_heading() -> None:
    source = "KINDS OF CHANGE\n\nx\n\n2. WHEN\n\n  2.1 EU-1 ONLY\n\nNOTE:\n\nA\n\nSTOP IT.\n\nUSA, EU\nof two lines\n"
    parsed = load("text", source)
    headings = [(block.level, block.title) for block in parsed.blocks if block.kind == "heading"]
    assert headings == [(2, "KINDS OF CHANGE"), (2, "2. WHEN"), (3, "2.1 EU-1 ONLY")]
    assert parsed.title == "KINDS OF CHANGE"


def test_depth_of_an_item_is_relative_to_those_before_it() -> None:
    parsed = load("text", "      - a\n          - b\n            - c\n      - d\n\ntext\n\n    - e\n")
    assert [block.level for block in parsed.blocks] == [1, 2, 3, 1, 0, 1]


def test_title_is_the_file_name_without_headings() -> None:
    assert load("text", "plain", "a/b/2024.log.txt").title == "2024.log"
    assert load("text", "plain", ".txt").title == ".txt"


def test_line_ends_and_byte_order_marks_are_normalised() -> None:
    assert load("text", b"\xef\xbb\xbfa\r\nb\rc\n").text == "a\nb\nc\n"


def test_blank_files_give_nothing() -> None:
    assert load_all("text", "") == []
    assert load_all("text", "\n \u2003\n") == []


def test_longest_text() -> None:
    limits = LimitsConfig(max_text_chars=5)
    assert load_all("text", "12345", limits=limits)[0].text == "12345"
    with pytest.raises(DataError, match=r"longer than 5 characters of text \(6\)") as caught:
        load_all("text", "123456", limits=limits)
    assert "max_text_chars" in caught.value.hint
