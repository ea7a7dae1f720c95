from collections.abc import Callable
from typing import Any

import fpdf
import pypdfium2
import pytest
from tests.ingest.loaders.conftest import headers, load, load_all, outline

from ragcli.config.ingest import LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders.pdf_lines import Line, read_lines

PROSE = (
    "The vault keeps every snapshot for ninety days and then removes those that no policy holds, "
    "oldest first, until the disk has room again for another week of backups."
)


def written(write: Callable[[Any], object], pages: int = 1, **options: Any) -> bytes:
    document = fpdf.FPDF(**options)
    document.set_font("Helvetica", size=11)
    for number in range(1, pages + 1):
        document.add_page()
        if pages == 1:
            write(document)
        else:
            write((document, number))
    return bytes(document.output())


def pages_of(data: bytes) -> list[list[Line]]:
    """The lines of every page, as they are measured."""
    document = pypdfium2.PdfDocument(data)
    try:
        return [list(read_lines(document[number].get_textpage())) for number in range(len(document))]
    finally:
        document.close()


def line(document: Any, text: str, size: float = 11, style: str = "") -> None:
    document.set_font("Helvetica", style, size)
    document.cell(0, size / 2, text, new_x="LMARGIN", new_y="NEXT")
    document.ln(2)


def prose(document: Any, text: str = PROSE) -> None:
    document.set_font("Helvetica", size=11)
    document.multi_cell(0, 5, text, align="L", new_x="LMARGIN", new_y="NEXT")
    document.ln(5)


def row(document: Any, values: list[str], style: str = "") -> None:
    document.set_font("Helvetica", style, 11)
    for value in values:
        document.cell(45, 6, value)
    document.ln(6)


def test_headings_paragraphs_and_lists() -> None:
    def write(document: Any) -> None:
        line(document, "Retention", 20)
        prose(document)
        line(document, "How long", 15)
        prose(document)
        line(document, "In short", style="B")
        prose(document)
        for text in ("\x95 daily for a week", "\x95 weekly for a year"):
            document.set_font("Helvetica", size=11)
            document.cell(0, 6, text, new_x="LMARGIN", new_y="NEXT")

    parsed = load("pdf", written(write), "retention.pdf")
    assert outline(parsed) == [
        ("heading1", "Retention"),
        ("paragraph", PROSE),
        ("heading2", "How long"),
        ("paragraph", PROSE),
        ("heading3", "In short"),
        ("paragraph", PROSE),
        ("list_item1", "- daily for a week"),
        ("list_item1", "- weekly for a year"),
    ]
    assert (parsed.title, parsed.pages, parsed.metadata) == ("Retention", (0,), {"pages": 1})


def test_pages_and_running_lines() -> None:
    def write(page: tuple[Any, int]) -> None:
        document, number = page
        line(document, f"Handbook - page {number}", 9)
        prose(document, said[number - 1])

    said = [" ".join([word] * 60) for word in ("Disks", "Hosts", "Keys", "Plans", "Users")]
    parsed = load("pdf", written(write, pages=5))
    assert outline(parsed) == [("paragraph", text) for text in said]
    assert parsed.pages == tuple(block.start for block in parsed.blocks)
    assert parsed.metadata == {"pages": 5}


def test_pages_that_are_all_alike_keep_their_text() -> None:
    parsed = load("pdf", written(lambda page: line(page[0], f"Ticket {page[1]}"), pages=5))
    assert parsed.text == "\n\n".join(f"Ticket {number}" for number in range(1, 6))


def test_pages_without_text_are_told() -> None:
    parsed = load("pdf", written(lambda page: prose(page[0]) if page[1] == 2 else None, pages=3))
    assert parsed.text == PROSE
    assert parsed.pages == (0, 0, len(PROSE))
    assert parsed.metadata == {"pages": 3, "pages_without_text": [1, 3]}


def test_tables_without_lines() -> None:
    def write(document: Any) -> None:
        prose(document)
        row(document, ["Plan", "Disk", "Price"], "B")
        row(document, ["Team", "2 TB", "$ 10"])
        row(document, ["Office", "", "$ 20"])
        row(document, ["", "of 4 TB", ""])
        document.ln(12)
        prose(document)

    parsed = load("pdf", written(write))
    assert outline(parsed) == [
        ("paragraph", PROSE),
        (
            "table",
            "| Plan | Disk | Price |\n| --- | --- | --- |\n| Team | 2 TB | $ 10 |\n| Office | of 4 TB | $ 20 |",
        ),
        ("paragraph", PROSE),
    ]
    assert headers(parsed) == ["| Plan | Disk | Price |\n| --- | --- | --- |"]


def test_cells_in_the_middle_of_a_tall_row() -> None:
    def write(document: Any) -> None:
        row(document, ["Light", "Colour", "What it means to a reader"], "B")
        row(document, ["Disk", "red", "Failed"])
        document.set_font("Helvetica", size=11)
        document.ln(3)
        document.cell(45, 6, "Locator")
        document.cell(45, 6, "blue")
        document.set_xy(document.get_x(), document.get_y() - 3)
        document.multi_cell(45, 6, "Switched on\nby someone", new_x="LMARGIN", new_y="NEXT")
        row(document, ["Power", "green", "On"])

    parsed = load("pdf", written(write))
    assert parsed.text.split("\n")[2:] == [
        "| Disk | red | Failed |",
        "| Locator | blue | Switched on by someone |",
        "| Power | green | On |",
    ]


def test_a_number_before_a_clause_makes_no_table() -> None:
    def write(document: Any) -> None:
        document.set_font("Helvetica", size=11)
        for number, text in (("", "INTENT"), (".1", "The intent of this request is"), ("", "to find a vendor.")):
            document.cell(20, 5, number)
            document.cell(0, 5, text, new_x="LMARGIN", new_y="NEXT")

    assert {block.kind for block in load("pdf", written(write)).blocks} == {"paragraph"}


def test_two_columns_are_read_one_after_the_other() -> None:
    left = [f"left line number {number} which goes on a while" for number in range(8)]
    right = [f"right line number {number} which goes on a while" for number in range(8)]

    def write(document: Any) -> None:
        document.set_font("Helvetica", size=9)
        for one, other in zip(left, right, strict=True):
            document.cell(95, 5, one)
            document.cell(95, 5, other, new_x="LMARGIN", new_y="NEXT")

    words = load("pdf", written(write)).text.split()
    assert words == " ".join([*left, *right]).split()


def test_sizes_are_those_of_letters_not_of_the_spaces_between_them() -> None:
    def write(document: Any) -> None:
        document.set_font("Helvetica", size=9)
        document.cell(95, 5, "one two")
        document.cell(95, 5, "two one", new_x="LMARGIN", new_y="NEXT")

    (line,) = pages_of(written(write))[0]
    assert (line.size, [cell.text for cell in line.cells]) == (9.0, ["one two", "two one"])


def test_hyphens_at_line_ends() -> None:
    def write(document: Any) -> None:
        text = (
            "A well-known vault was set up long ago and its repli-\ncation never stopped; it is a well-\n"
            "known and policy-\nbased one, on pages 10-\n20 of this long document about vaults."
        )
        document.multi_cell(0, 5, text)

    assert load("pdf", written(write)).text.replace("\n", " ") == (
        "A well-known vault was set up long ago and its replication never stopped; it is a well-"
        "known and policy-based one, on pages 10- 20 of this long document about vaults."
    )


@pytest.mark.parametrize(
    ("title", "found"),
    [("Vault guide", "Vault guide"), ("Microsoft Word - Plan", "Plan"), ("plan.docx", "a.b"), ("(anonymous)", "a.b")],
)
def test_title_and_properties(title: str, found: str) -> None:
    def write(document: Any) -> None:
        document.set_title(title)
        document.set_author("Ada")
        document.set_subject("(unspecified)")
        prose(document)

    parsed = load("pdf", written(write), "x/a.b.pdf")
    assert parsed.title == found
    assert parsed.metadata == {"pages": 1, "author": "Ada"}


def test_a_title_is_large_or_at_the_top() -> None:
    def write(document: Any) -> None:
        prose(document)
        line(document, "Bold below", style="B")
        prose(document)

    assert load("pdf", written(write), "x/plan.pdf").title == "plan"

    def write_at_top(document: Any) -> None:
        line(document, "Bold at the top", style="B")
        prose(document)

    assert load("pdf", written(write_at_top)).title == "Bold at the top"


def test_a_scan_needs_ocr() -> None:
    with pytest.raises(DataError, match="no text layer: 2 pages of images") as caught:
        load_all("pdf", written(lambda page: page[0].rect(10, 10, 20, 20), pages=2))
    assert "OCR" in caught.value.hint


def test_protected_files() -> None:
    def write(document: Any) -> None:
        document.set_encryption("owner", user_password="secret")
        prose(document)

    with pytest.raises(DataError, match="password protected PDF") as caught:
        load_all("pdf", written(write))
    assert caught.value.hint == "save it without a password"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[: len(data) // 2], "truncated PDF: its end is missing"),
        (lambda data: b"hello", "not PDF: it does not begin as one"),
        (lambda data: b"", "not PDF: it does not begin as one"),
        (lambda data: b"%PDF-1.4\n%%EOF", "truncated or damaged PDF"),
    ],
)
def test_damaged_files_say_why(change: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load_all("pdf", change(written(prose)))


def test_longest_text() -> None:
    with pytest.raises(DataError, match="longer than 100 characters of text"):
        load_all("pdf", written(prose), limits=LimitsConfig(max_text_chars=100))
