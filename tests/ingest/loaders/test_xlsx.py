import datetime as dt
import io
from typing import Any

import openpyxl
import pytest
from tests.ingest.loaders.conftest import headers, load, load_all, outline

from ragcli.config.ingest import LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders.xlsx import cell_text, trim_columns


def saved(workbook: Any) -> bytes:
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def book(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets:
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return saved(workbook)


def test_sheets_are_headings_and_blocks_of_rows_tables() -> None:
    data = book(
        ("Prices", [["Item", "Price"], ["Disk", 99.5], ["a|b", 3], [], [None, 1, 2], [None, 3, 4]]),
        ("Empty", []),
        ("Text", [["one cell\nof two lines"]]),
    )
    parsed = load("xlsx", data, "prices.xlsx")
    assert outline(parsed) == [
        ("heading1", "Prices"),
        ("table", "| Item | Price |\n| --- | --- |\n| Disk | 99.5 |\n| a\\|b | 3 |"),
        ("table", "| 1 | 2 |\n| 3 | 4 |"),
        ("heading1", "Text"),
        ("table", "| one cell of two lines |"),
    ]
    assert headers(parsed) == ["| Item | Price |\n| --- | --- |", "", ""]
    assert parsed.title == "prices"
    assert parsed.metadata == {"sheets": ["Prices", "Empty", "Text"]}


def test_title_and_author() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["x"])
    workbook.properties.title, workbook.properties.creator = "Budget", "Ada"
    parsed = load("xlsx", saved(workbook))
    assert (parsed.title, parsed.metadata["author"]) == ("Budget", "Ada")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "TRUE"),
        (3, "3"),
        (0.1 + 0.2, "0.3"),
        (1e21, "1e+21"),
        (dt.datetime.fromisoformat("2025-03-01"), "2025-03-01"),
        (dt.datetime.fromisoformat("2025-03-01 09:30"), "2025-03-01 09:30:00"),
        (dt.time(9, 30), "09:30:00"),
        ("  text ", "text"),
    ],
)
def test_values_as_people_write_them(value: Any, text: str) -> None:
    assert cell_text(value) == text
    data = book(("S", [["head"], [value, "end"]]))
    assert outline(load("xlsx", data))[1][1].split("\n")[-1] == (f"| {text} | end |" if text else "|  | end |")


def test_blank_columns_are_cut_off() -> None:
    assert trim_columns([["", "a", "", "b"], ["", "", "", "c", ""]]) == [["a", "b"], ["", "c"]]


def test_values_far_to_the_right_are_left_out_and_cost_little() -> None:
    workbook = openpyxl.Workbook()
    for row in range(1, 2000):
        workbook.active.cell(row, 1, "near")
        workbook.active.cell(row, 990, "far")
        workbook.active.cell(row, 16_000, "too far")
    data = saved(workbook)
    with pytest.raises(DataError, match="longer than 1000000 characters of text"):
        load_all("xlsx", data, limits=LimitsConfig(max_text_chars=1_000_000))
    text = load("xlsx", data).text
    assert text.count("| near | far |\n") == 1998
    assert "too far" not in text


def test_workbooks_without_values_give_nothing() -> None:
    assert load_all("xlsx", book(("A", []), ("B", [[None], [" "]]))) == []


def test_formulas_give_their_last_results_not_their_source() -> None:
    assert load_all("xlsx", book(("S", [["=1+1"]]))) == []  # never computed


def test_damaged_files_say_why() -> None:
    with pytest.raises(DataError, match="truncated or damaged XLSX"):
        load_all("xlsx", book(("A", [["x"]]))[:1500])
    with pytest.raises(DataError, match="old binary Office format, not XLSX") as caught:
        load_all("xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 100)
    assert caught.value.hint == "save it in the current format"
