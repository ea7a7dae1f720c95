import random
from pathlib import Path

import numpy as np
import pytest

from ragcli.records import Chunk, Document, chunk_id, document_id
from ragcli.workspace.catalog import Catalog, document_record
from ragcli.workspace.ledger import FileRow, Ledger, SourceRow


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(Catalog(tmp_path / "catalog.db"))


def add(ledger: Ledger, path: str, text: str, record: str = "", version: bytes = b"v1", source: str = "docs") -> int:
    id_ = document_id(source, path, record)
    document = Document(id_, record or path, source, path, "text", "", text, modified_ns=1)
    chunk = Chunk(chunk_id(id_, 0, text), id_, 0, text, 0, len(text), 1)
    return ledger.catalog.add_record(document_record(document, [chunk], version))


def test_sources_and_files_are_remembered(ledger: Ledger) -> None:
    row = FileRow("ä\nb.md", 10, 2**62, 3, "digest", "settings", "failed", "why")
    ledger.put_source(SourceRow("docs", "/data/docs", "path", True))
    ledger.put_file("docs", row)
    ledger.put_file("other", row._replace(path="x"))
    ledger.put_file("docs", row._replace(size=11))
    assert ledger.sources() == {"docs": SourceRow("docs", "/data/docs", "path", True)}
    assert ledger.files("docs") == {row.path: row._replace(size=11)}
    assert ledger.files("nowhere") == {}


def test_versions_name_live_documents_of_a_file(ledger: Ledger) -> None:
    first = add(ledger, "a.jsonl", "one", "1")
    second = add(ledger, "a.jsonl", "two", "2", b"v2")
    add(ledger, "b.jsonl", "three", "1")
    versions = ledger.versions("docs", "a.jsonl")
    assert versions == {
        document_id("docs", "a.jsonl", "1"): (first, b"v1"),
        document_id("docs", "a.jsonl", "2"): (second, b"v2"),
    }
    ledger.retire([first])
    assert list(ledger.versions("docs", "a.jsonl")) == [document_id("docs", "a.jsonl", "2")]
    assert ledger.documents_per_file("docs") == {"a.jsonl": 1, "b.jsonl": 1}


def test_forgetting_retires_documents(ledger: Ledger) -> None:
    ledger.put_source(SourceRow("docs", "/data/docs", "path", True))
    for path in ("a.md", "b.md"):
        add(ledger, path, path)
        ledger.put_file("docs", FileRow(path, 1, 1, 1, "d", "s", "read", ""))
    add(ledger, "a.md", "elsewhere", source="wiki")
    assert ledger.forget_file("docs", "a.md") == 1
    assert list(ledger.files("docs")) == ["b.md"]
    assert ledger.catalog.live_chunk_rows().tolist() == [2, 3]
    assert ledger.forget_source("docs") == 1
    assert (ledger.files("docs"), ledger.sources()) == ({}, {})
    assert ledger.catalog.live_chunk_rows().tolist() == [3]


def test_duplicates_are_held_back_and_shown_again(ledger: Ledger) -> None:
    first = add(ledger, "a.md", "same")
    copy = add(ledger, "b.md", "same")
    add(ledger, "c.md", "other")
    ledger.retire([add(ledger, "d.md", "other")])
    assert sorted((row.path, row.live) for row in ledger.duplicates()) == [("a.md", 1), ("b.md", 1)]
    ledger.hold_back([copy])
    assert ledger.held_back() == {copy}
    assert ledger.catalog.live_chunk_rows().tolist() == [1, 3]
    assert sorted((row.row, row.live) for row in ledger.duplicates()) == [(first, 1), (copy, 2)]
    ledger.show([copy])
    assert ledger.catalog.live_chunk_rows().tolist() == [1, 2, 3]


def test_touching_changes_only_the_time(ledger: Ledger) -> None:
    add(ledger, "a.md", "text")
    ledger.touch_documents("docs", "a.md", 99)
    rows = ledger.catalog.database.all("SELECT modified_ns, live FROM documents")
    assert rows == [(99, 1)]


def test_the_live_set_is_what_a_count_over_all_documents_gives(ledger: Ledger) -> None:
    database = ledger.catalog.database
    draw = random.Random(3)
    counted = "SELECT COUNT(*), TOTAL(chunk_count), TOTAL(row), TOTAL(row * row) FROM documents WHERE live = 1"
    rows: list[int] = []
    for number in range(200):
        chosen = draw.sample(rows, min(len(rows), 3))
        match draw.randrange(5):
            case 0 | 1:
                rows.append(add(ledger, f"{number}.md", f"text {number % 7}"))
            case 2:
                ledger.retire(chosen)
            case 3:
                ledger.hold_back(chosen)
            case _:
                ledger.show(chosen)
        kept = database.one("SELECT documents, chunks, rows, squares FROM live_set")
        assert kept == database.one(counted)
    ledger.catalog.collect(np.empty(0, np.int64))
    assert database.one("SELECT documents, chunks, rows, squares FROM live_set") == database.one(counted)
    assert database.one("SELECT documents FROM live_set")[0] > 0
