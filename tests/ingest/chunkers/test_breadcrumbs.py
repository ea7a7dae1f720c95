"""What stands above a chunk."""

import pytest

from ragcli.ingest.chunkers.breadcrumbs import Breadcrumbs, title_of
from ragcli.models.tokens import WordCounter
from ragcli.records import Document


def _document(title: str = "Pump manual", text: str = "Some text. " * 60, path: str = "guide/page.md") -> Document:
    return Document("d", path, "s", path, "markdown", title, text)


def _above(document: Document, start: int, *headings: str, limit: int | None = None) -> tuple[str, int]:
    return Breadcrumbs(document, WordCounter(), limit).above(start, headings)


def test_title_and_headings_outermost_first_with_their_tokens() -> None:
    assert _above(_document(), 400, "Care", "Oil") == ("Pump manual > Care > Oil", 7)


def test_a_title_is_said_once() -> None:
    assert _above(_document(), 400, "Pump manual", "Oil") == ("Pump manual > Oil", 5)


def test_the_first_chunk_shows_the_title_itself() -> None:
    document = _document(text="\n  PUMP manual\n\nSome text.")
    assert _above(document, 3) == ("", 0)
    assert _above(document, 16) == ("Pump manual", 3)


def test_the_first_chunk_has_the_title_where_its_beginning_lacks_it() -> None:
    assert _above(_document(), 0) == ("Pump manual", 3)
    assert _above(_document(text="x " * 200 + "Pump manual"), 0) == ("Pump manual", 3)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(28, ("Pump manual > Care > Oil", 7)), (24, ("Care > Oil", 4)), (12, ("Oil", 2)), (7, ("", 0))],
)
def test_the_outermost_goes_first_when_a_quarter_of_the_limit_is_full(limit: int, expected: tuple[str, int]) -> None:
    assert _above(_document(), 400, "Care", "Oil", limit=limit) == expected


def test_a_long_heading_is_left_out_without_a_limit_too() -> None:
    assert _above(_document(), 400, "word " * 63 + "end") == ("", 0)
    assert _above(_document(), 400, " ".join(["word"] * 63), "Oil") == ("Oil", 2)


@pytest.mark.parametrize("title", ["page.md", "page", "guide/page.md", ""])
def test_the_name_of_the_file_is_no_title(title: str) -> None:
    assert title_of(_document(title)) == ""


def test_a_title_is_one_line() -> None:
    assert title_of(_document(" Pump\n\tmanual ")) == "Pump manual"
