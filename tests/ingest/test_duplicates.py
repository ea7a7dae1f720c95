from ragcli.ingest.duplicates import find_duplicates, held_back
from ragcli.workspace.ledger import DuplicateRow


def row(number: int, name: str, source: str = "s", text: bytes = b"t", path: str = "") -> DuplicateRow:
    return DuplicateRow(text, number, f"id{number}", name, source, path or name, 1)


def test_the_first_in_order_of_source_path_and_name_stands_for_all() -> None:
    rows = [
        row(1, "b"),
        row(2, "a"),
        row(3, "z", "first"),
        row(4, "c", "later"),
        row(5, "x", text=b"u"),
        row(6, "w", text=b"u"),
    ]
    pairs = find_duplicates(rows, {"first": 0, "s": 1})
    assert [(pair.first.row, pair.duplicate.row) for pair in pairs] == [(3, 2), (3, 1), (6, 5), (3, 4)]
    assert held_back(pairs) == [2, 1, 5, 4]
    assert (pairs[0].told().name, pairs[0].told().of, pairs[0].told().of_source) == ("a", "z", "first")


def test_records_come_in_order_of_their_file() -> None:
    (pair,) = find_duplicates([row(1, "a", path="later.jsonl"), row(2, "b", path="first.jsonl")], {})
    assert (pair.first.name, pair.duplicate.name) == ("b", "a")


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [row(number, name) for number, name in enumerate("cabd")]
    assert find_duplicates(rows, {}) == find_duplicates(rows[::-1], {})
    assert find_duplicates([], {}) == []
