import time

import pytest
from tests.ingest.loaders.conftest import headers, load, load_all, outline

from ragcli.errors import DataError
from ragcli.ingest.loaders.csv import find_delimiter, has_header

PRICES = 'Plan,Price,Note\nTeam,10,"one, two"\n\nOffice,20,"of ""two""\nlines"\n'


def test_a_file_is_a_table_with_its_header() -> None:
    parsed = load("csv", PRICES, "data/prices.csv")
    assert outline(parsed) == [
        (
            "table",
            '| Plan | Price | Note |\n| --- | --- | --- |\n| Team | 10 | one, two |\n| Office | 20 | of "two" lines |',
        )
    ]
    assert headers(parsed) == ["| Plan | Price | Note |\n| --- | --- | --- |"]
    assert parsed.title == "prices"
    assert parsed.metadata == {"rows": 2, "columns": ["Plan", "Price", "Note"]}


def test_a_row_a_document() -> None:
    rows = load_all("csv", PRICES, "prices.csv", csv={"rows_per_document": 1})
    assert [(row.record, row.text) for row in rows] == [
        ("1", "Plan: Team\nPrice: 10\nNote: one, two"),
        ("2", 'Plan: Office\nPrice: 20\nNote: of "two"\nlines'),
    ]
    assert rows[1].metadata == {"row": 2, "last_row": 2, "columns": ["Plan", "Price", "Note"]}
    assert [block.kind for row in rows for block in row.blocks] == ["paragraph", "paragraph"]


def test_groups_of_rows_repeat_the_header() -> None:
    source = "name,count\n" + "".join(f"n{number},{number}\n" for number in range(5))
    groups = load_all("csv", source, csv={"rows_per_document": 2})
    assert [group.text for group in groups] == [
        "| name | count |\n| --- | --- |\n| n0 | 0 |\n| n1 | 1 |",
        "| name | count |\n| --- | --- |\n| n2 | 2 |\n| n3 | 3 |",
        "name: n4\ncount: 4",
    ]
    assert [(group.record, group.metadata["row"], group.metadata["last_row"]) for group in groups] == [
        ("1", 1, 2),
        ("3", 3, 4),
        ("5", 5, 5),
    ]


def test_rows_wider_or_narrower_than_the_header() -> None:
    rows = load_all("csv", "a,b\n1\n1,2,3\n", csv={"rows_per_document": 1})
    assert [row.text for row in rows] == ["a: 1", "a: 1\nb: 2\ncolumn 3: 3"]
    assert load("csv", "a,b\n1\n1,2,3\n").text == "| a | b |  |\n| --- | --- | --- |\n| 1 |  |  |\n| 1 | 2 | 3 |"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([["name", "age"], ["Ada", "36"]], True),
        ([["", "age"], ["Ada", "36"]], True),
        ([["Ada", "36"], ["Bo", "20"]], False),
        ([["name", "name"], ["Ada", "36"]], False),
        ([["name", "age"]], False),
        ([["2024-01-01", "x"], ["2024-01-02", "y"]], False),
        ([["Name:", "Ada"], ["Age:", "36"]], False),
        ([["a", "", "", ""], ["1", "2", "3", "4"]], True),
        ([["", "", "", "d"], ["1", "2", "3", "4"]], False),
    ],
)
def test_headers_are_recognised(rows: list[list[str]], expected: bool) -> None:
    assert has_header(rows) is expected


@pytest.mark.parametrize(
    ("text", "path", "delimiter"),
    [
        ("a,b\n1,2\n", "x.csv", ","),
        ("a;b\n1,5;2,5\n", "x.csv", ";"),
        ("a\tb\n1\t2\n", "x.csv", "\t"),
        ("a,b\tc\n", "x.tsv", "\t"),
        ("a|b|c\n1|2|3\n", "x.csv", "|"),
        ('"x;y",b\n"p;q",d\n', "x.csv", ","),
        ("one column\nonly\n", "x.csv", ","),
    ],
)
def test_separators_are_found(text: str, path: str, delimiter: str) -> None:
    assert find_delimiter(text, path) == delimiter
    assert load("csv", "a;b|c\n1;2|3\n", csv={"delimiter": "|"}).text == "| a;b | c |\n| --- | --- |\n| 1;2 | 3 |"


def test_encodings() -> None:
    text = (
        "\u540d\u524d,\u4f4f\u6240\n\u9ad9\u6a4b\u6df3,\u540d\u53e4\u5c4b\n"  # its first sign is not in plain Shift JIS
    )
    assert load("csv", text.encode("cp932")).text == load("csv", text).text


@pytest.mark.parametrize("source", ["", "\n\n", ",,\n,\n"])
def test_blank_files_give_nothing(source: str) -> None:
    assert [parsed for parsed in load_all("csv", source) if parsed.text] == []
    assert load_all("csv", source) == []


def test_a_million_columns() -> None:
    started = time.process_time()
    with_header = ",".join(f"c{number}" for number in range(1_000_000)) + "\n" + ",".join("1" * 1_000_000) + "\n"
    parsed = load("csv", with_header)
    assert parsed.text.count("|") == 3 * 1_000_001
    assert len(parsed.metadata["columns"]) == 200  # type: ignore[arg-type]  # a list, as above
    assert time.process_time() - started < 20


def test_unclosed_quotes_swallow_the_rest_but_lose_nothing() -> None:
    assert "tail" in load("csv", 'a,b\n1,"open\nmore\ntail\n').text


def test_binary_is_refused() -> None:
    with pytest.raises(DataError, match="binary content"):
        load_all("csv", b"a,b\n\0,2\n")
