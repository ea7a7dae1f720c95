import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ragcli.errors import BackendError, IndexCorruptError, IndexMissingError
from ragcli.records import Chunk, Document, Metadata, chunk_id, document_id
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.ledger import FileRow, FileState, Ledger

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_catalog import add
from ragcli.workspace.catalog import Catalog
with Catalog(Path(sys.argv[1])) as catalog:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(60):
        with catalog.transaction():
            add(catalog, f"{number}.md", ["one", "two", "three"])
"""
READER = """
import sys
from pathlib import Path
from ragcli.workspace.catalog import Catalog
seen = []
print("ready", flush=True)
while not seen or seen[-1] < 180:
    with Catalog(Path(sys.argv[1]), readonly=True) as catalog:
        with catalog.snapshot():
            rows = catalog.live_chunk_rows()
            assert catalog.counts().chunks == len(rows), (catalog.counts(), len(rows))
        texts = [chunk.text for chunk in catalog.chunks(rows.tolist()).values()]
        assert sorted(texts) == sorted(["one", "two", "three"] * (len(rows) // 3))
    seen.append(len(rows))
assert seen == sorted(seen)
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return Catalog(tmp_path / "catalog.db")


def document(path: str, texts: list[str], source: str = "docs") -> tuple[Document, list[Chunk]]:
    id_ = document_id(source, path)
    chunks, start = [], 0
    for position, text in enumerate(texts):
        end = start + len(text)
        chunks.append(
            Chunk(
                chunk_id(id_, start, text), id_, position, text, start, end, 1, ("A", "B"), "A > B", {"page": position}
            )
        )
        start = end
    whole = "".join(texts)
    metadata: Metadata = {"author": "Grüße", "page": 99}
    return Document(
        id_, path, source, path, "markdown", f"About {path}", whole, metadata=metadata, modified_ns=5
    ), chunks


def add(catalog: Catalog, path: str, texts: list[str], source: str = "docs") -> int:
    return catalog.add_document(*document(path, texts, source))


def file(path: str, state: FileState = "read", size: int = 10) -> FileRow:
    return FileRow(path, size, 1, 2, "d1", "s1", state, "")


def test_a_document_comes_back_as_it_went_in(catalog: Catalog) -> None:
    add(catalog, "other.md", ["x"])
    row = add(catalog, "a.md", ["héllo ", "wörld\0 "])
    assert catalog.document_text(row) == "héllo wörld\0 "
    rows = catalog.live_chunk_rows().tolist()
    assert rows == [1, 2, 3]
    stored = catalog.chunks([3, 1])
    assert sorted(stored) == [1, 3]
    chunk = stored[3]
    assert (chunk.document_id, chunk.document, chunk.source) == (document_id("docs", "a.md"), "a.md", "docs")
    assert (chunk.path, chunk.type, chunk.title) == ("a.md", "markdown", "About a.md")
    assert (chunk.text, chunk.start, chunk.end, chunk.tokens) == ("wörld\0 ", 6, 13, 1)
    assert (chunk.headings, chunk.metadata) == (("A", "B"), {"author": "Grüße", "page": 1})
    assert chunk.chunk_id == chunk_id(chunk.document_id, 6, "wörld\0 ")
    assert [(text.row, text.document, text.embedded_text) for text in catalog.index_texts([2])] == [
        (2, row, "A > B\nhéllo ")
    ]


def test_more_rows_than_a_statement_takes(catalog: Catalog) -> None:
    with catalog.transaction():
        add(catalog, "long.md", [f"part {number} " for number in range(1234)])
    rows = catalog.live_chunk_rows().tolist()
    assert len(catalog.chunks(rows)) == 1234
    assert [text.row for text in catalog.index_texts(rows)] == rows


def test_a_missing_document_is_damage(catalog: Catalog) -> None:
    with pytest.raises(IndexCorruptError, match="document row 7"):
        catalog.document_text(7)


def test_transaction_is_all_or_nothing(catalog: Catalog) -> None:
    with pytest.raises(ZeroDivisionError), catalog.transaction():
        raise ZeroDivisionError(add(catalog, "a.md", ["text"]))
    assert catalog.live_chunk_rows().tolist() == []
    add(catalog, "b.md", ["text"])
    assert catalog.counts().documents == 1


def test_retired_versions_stay_until_nothing_kept_refers_to_them(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    first = add(catalog, "a.md", ["old one ", "old two"])  # chunk rows 1, 2
    second = add(catalog, "b.md", ["gone"])  # 3
    add(catalog, "c.md", ["live"])  # 4
    ledger.retire([first, second])
    add(catalog, "a.md", ["new"])  # 5
    assert catalog.live_chunk_rows().tolist() == [4, 5]
    assert catalog.chunks([1, 2])[2].text == "old two"

    kept = catalog.collect(np.array([4, 2, 2], dtype=np.int64))
    assert (kept.documents, kept.chunks) == (1, 1)
    assert sorted(catalog.chunks([1, 2, 3, 4, 5])) == [1, 2, 4, 5]
    rest = catalog.collect(np.empty(0, dtype=np.int64))
    assert (rest.documents, rest.chunks) == (1, 2)
    assert sorted(catalog.chunks([1, 2, 3, 4, 5])) == [4, 5]
    with pytest.raises(IndexCorruptError):
        catalog.document_text(first)
    assert add(catalog, "d.md", ["later"]) > second + 1
    assert catalog.live_chunk_rows().tolist() == [4, 5, 6]  # rows are never given twice
    catalog.vacuum()
    assert catalog.problems() == []


def test_counts_tell_live_held_back_and_failed_apart(catalog: Catalog) -> None:
    ledger = Ledger(catalog)
    assert catalog.counts().documents == catalog.counts().bytes == 0
    add(catalog, "a.md", ["one ", "two"])
    copy = add(catalog, "b.md", ["one ", "two"])
    ledger.retire([add(catalog, "c.md", ["gone"])])
    ledger.hold_back([copy])
    for row in (
        file("a.md", size=7),
        file("b.md", size=8),
        file("x.pdf", "failed", 100),
        file("y.png", "skipped", 100),
    ):
        ledger.put_file("docs", row)
    counts = catalog.counts()
    assert (counts.documents, counts.chunks, counts.duplicates) == (1, 2, 1)
    assert (counts.files, counts.failed_files, counts.bytes) == (3, 1, 15)
    assert catalog.live_chunk_rows().tolist() == [1, 2]


def test_chunks_are_selected_by_facts_of_their_document(catalog: Catalog) -> None:
    add(catalog, "a.md", ["one ", "two"])
    add(catalog, "b.md", ["three"], source="wiki")
    rows = catalog.select_chunk_rows("d.source = ? AND d.live = 1", ("wiki",))
    assert rows.tolist() == [3]
    assert rows.dtype == np.int64


def test_embeddings_keep_their_first_vector(catalog: Catalog) -> None:
    catalog.put_embeddings([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
    catalog.put_embeddings([(b"a", b"other")])
    assert catalog.embeddings([b"a", b"c", b"none"]) == {b"a": b"1", b"c": b"3"}
    assert catalog.collect_embeddings([b"c", b"none"]) == 2
    assert catalog.embeddings([b"a", b"b", b"c"]) == {b"c": b"3"}


def test_reading_needs_a_catalog_and_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="no catalog"):
        Catalog(tmp_path / "ws" / "catalog.db", readonly=True)
    assert not (tmp_path / "ws").exists()
    (tmp_path / "catalog.db").touch()
    with pytest.raises(IndexMissingError, match="is empty"):
        Catalog(tmp_path / "catalog.db", readonly=True)
    add(Catalog(tmp_path / "new.db"), "a.md", ["x"])
    with Catalog(tmp_path / "new.db", readonly=True) as reader, pytest.raises(BackendError, match="readonly"):
        reader.put_embeddings([(b"a", b"1")])


@pytest.mark.parametrize("readonly", [True, False])
def test_a_file_that_is_no_catalog(tmp_path: Path, readonly: bool) -> None:
    path = tmp_path / "catalog.db"
    path.write_bytes(b"this is a letter, not a database, and it is long enough to look like one. " * 50)
    with pytest.raises(IndexCorruptError, match="not a usable catalog"):
        Catalog(path, readonly=readonly)


def test_a_damaged_page_is_found_and_named(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    with Catalog(path) as catalog, catalog.transaction():
        for number in range(200):
            add(catalog, f"{number}.md", [f"text {number} " * 40])
    data = bytearray(path.read_bytes())
    data[16384:-16384] = b"\x5a" * (len(data) - 32768)
    path.write_bytes(data)
    with Catalog(path, readonly=True) as catalog:
        with pytest.raises(IndexCorruptError, match="not a usable catalog"):
            catalog.chunks(list(range(1, 201)))
        assert catalog.problems()


def test_a_catalog_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(IndexCorruptError, match="version 999"):
        Catalog(path)


def test_a_full_disk_loses_nothing(catalog: Catalog) -> None:
    add(catalog, "a.md", ["kept"])
    pages = catalog.database.one("PRAGMA page_count")[0]
    catalog.database.all(f"PRAGMA max_page_count = {pages + 4}")
    with pytest.raises(BackendError, match="full") as caught, catalog.transaction():
        add(catalog, "big.md", ["x" * 100_000])
    assert "free some space" in caught.value.hint
    assert catalog.live_chunk_rows().tolist() == [1]
    catalog.database.all("PRAGMA max_page_count = 1000000")
    with catalog.transaction():
        add(catalog, "big.md", ["x" * 100_000])
    assert catalog.counts().documents == 2


def test_eight_readers_while_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog(path).close()
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(Path(__file__).parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(8)
    ]
    for process in (writer, *readers):
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    writer.communicate(b"go\n", timeout=60)
    assert writer.returncode == 0
    for reader in readers:
        _, errors = reader.communicate(timeout=60)
        assert (reader.returncode, errors) == (0, b"")
