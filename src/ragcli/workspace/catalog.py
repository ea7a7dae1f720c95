"""The catalog: documents, chunks and cached embeddings in one SQLite database (WAL)."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from ragcli.errors import IndexCorruptError
from ragcli.records import Chunk, Document
from ragcli.workspace.database import Database, Parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_T = TypeVar("_T")
_BATCH = 500  # bound variables per statement, below SQLite's smallest default limit

_DOCUMENT_COLUMNS = (
    "id, name, source, path, type, title, language, text_digest, version, pages, metadata, modified_ns, chunk_count"
)
_CHUNK_COLUMNS = "id, document, position, start, end, tokens, headings, prefix, metadata, text"


@dataclass(frozen=True, slots=True)
class IndexText:
    """What the index needs of a chunk. ``document`` is the document row; offsets as in ``Chunk``."""

    row: int
    document: int
    start: int
    end: int
    prefix: str
    text: str

    @property
    def embedded_text(self) -> str:
        """The prefix, then the chunk: what is embedded and indexed."""
        return f"{self.prefix}\n{self.text}" if self.prefix else self.text


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with the facts of its document version, as a hit shows them."""

    row: int
    chunk_id: str
    document_id: str
    document: str
    source: str
    path: str
    type: str
    title: str
    text: str
    start: int
    end: int
    tokens: int
    headings: tuple[str, ...]
    metadata: dict[str, Any]


class DocumentRecord(NamedTuple):
    """A document version ready to be stored: made where files are parsed, cheap to send between processes."""

    values: tuple[Any, ...]
    text: str
    chunks: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What is live, and the state of the files it came from. ``bytes`` sums the sizes of the files read."""

    documents: int
    chunks: int
    duplicates: int
    files: int
    failed_files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Collected:
    """How many retired rows were removed."""

    documents: int
    chunks: int


class Catalog:
    """One connection to a catalog. Readers never block the writer, nor it them.

    Args:
        path: The database file, made when missing unless ``readonly``; None for an empty one in memory.
        readonly: Open for reading; nothing on disk is changed.

    Raises:
        IndexMissingError: ``readonly`` and there is no file.
        IndexCorruptError: the file is no catalog, or of another version.
        BackendError: the file cannot be opened or written; every method may raise it too.
    """

    def __init__(self, path: Path | None, *, readonly: bool = False) -> None:
        self.database = Database(path, readonly=readonly)

    def close(self) -> None:
        """Release the connection."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing: commit on leaving, roll back on any exception."""
        return self.database.transaction()

    def snapshot(self) -> AbstractContextManager[None]:
        """Several reads that see the same state, whatever a writer does meanwhile."""
        return self.database.snapshot()

    # Documents: written by ingest.

    def add_document(self, document: Document, chunks: Iterable[Chunk]) -> int:
        """Add a live document version with its chunks; return its row."""
        return self.add_record(document_record(document, chunks))

    def add_record(self, record: DocumentRecord) -> int:
        """Add a live document version that was prepared elsewhere; return its row."""
        marks = _marks(record.values)
        row = self.database.run(f"INSERT INTO documents ({_DOCUMENT_COLUMNS}) VALUES ({marks})", record.values)
        self.database.run("INSERT INTO texts VALUES (?, ?)", (row, record.text))
        self.database.run_many(
            f"INSERT INTO chunks ({_CHUNK_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((chunk[0], row, *chunk[1:]) for chunk in record.chunks),
        )
        return row

    # Chunks: read by the index and by queries.

    def live_chunk_rows(self) -> "NDArray[np.int64]":
        """Rows of all chunks of live documents, ascending, shape [n]."""
        return self.select_chunk_rows("d.live = 1")

    def select_chunk_rows(self, where: str, parameters: Parameters = ()) -> "NDArray[np.int64]":
        """Rows of the chunks of some documents, live or retired, ascending, shape [n].

        Args:
            where: SQL condition over ``d``, the documents table; only fixed text, values go into ``parameters``.
            parameters: One value per question mark of ``where``.
        """
        import numpy as np

        found = self.database.all(
            f"SELECT c.row FROM documents d JOIN chunks c ON c.document = d.row WHERE {where}", parameters
        )
        rows = np.fromiter((row[0] for row in found), dtype=np.int64, count=len(found))
        rows.sort()
        return rows

    def index_texts(self, rows: Sequence[int]) -> Iterator[IndexText]:
        """What is to be indexed of the given chunk rows, in their order within each batch of rows."""
        for batch in _batches(rows):
            found = self.database.all(
                "SELECT row, document, start, end, prefix, text FROM chunks"
                f" WHERE row IN ({_marks(batch)}) ORDER BY row",
                batch,
            )
            for row in found:
                yield IndexText(*row)

    def document_text(self, row: int) -> str:
        """Full text of a document row."""
        found = self.database.one("SELECT text FROM texts WHERE document = ?", (row,))
        if found is None:
            raise IndexCorruptError(f"the catalog has no document row {row}", hint="ragcli doctor")
        return str(found[0])

    def chunks(self, rows: Sequence[int]) -> dict[int, StoredChunk]:
        """Chunks by row, with what their document version said when they were made."""
        result: dict[int, StoredChunk] = {}
        for batch in _batches(rows):
            found = self.database.all(
                "SELECT c.row, c.id, d.id, d.name, d.source, d.path, d.type, d.title, c.text, c.start, c.end,"
                " c.tokens, c.headings, c.metadata, d.metadata FROM chunks c JOIN documents d ON d.row = c.document"
                f" WHERE c.row IN ({_marks(batch)})",
                batch,
            )
            for row in found:
                *plain, headings, metadata, document_metadata = row
                merged = json.loads(document_metadata) | json.loads(metadata)
                result[row[0]] = StoredChunk(*(*plain, tuple(json.loads(headings)), merged))
        return result

    # Embeddings: a cache by content and model.

    def embeddings(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Cached vectors (float32, little endian) of those keys that are there."""
        result: dict[bytes, bytes] = {}
        for batch in _batches(keys):
            result.update(
                self.database.all(f"SELECT key, vector FROM embeddings WHERE key IN ({_marks(batch)})", batch)
            )
        return result

    def put_embeddings(self, vectors: Iterable[tuple[bytes, bytes]]) -> None:
        """Cache vectors; a key that is there already keeps its vector."""
        self.database.run_many("INSERT OR IGNORE INTO embeddings (key, vector) VALUES (?, ?)", vectors)

    # The whole.

    def counts(self) -> Counts:
        """What is live; cheap enough for every ``ragcli status``."""
        live = {
            state: (documents, chunks or 0)
            for state, documents, chunks in self.database.all(
                "SELECT live, COUNT(*), SUM(chunk_count) FROM documents WHERE live > 0 GROUP BY live"
            )
        }
        files, failed, size = self.database.one(
            "SELECT COUNT(*), SUM(state = 'failed'), SUM(CASE WHEN state = 'read' THEN size END) FROM files"
            " WHERE state != 'skipped'"
        )
        documents, chunks = live.get(1, (0, 0))
        return Counts(documents, chunks, live.get(2, (0, 0))[0], files, failed or 0, size or 0)

    def collect(self, keep_rows: "NDArray[np.int64]") -> Collected:
        """Remove retired document versions, unless one of their chunks is kept.

        Args:
            keep_rows: Chunk rows that the kept generations refer to, in any order, repetitions allowed.
        """
        import numpy as np

        pairs = self.database.all(
            "SELECT d.row, c.row FROM documents d LEFT JOIN chunks c ON c.document = d.row WHERE d.live = 0"
        )
        table = np.array([(document, chunk or 0) for document, chunk in pairs], dtype=np.int64).reshape(-1, 2)
        used = np.unique(table[np.isin(table[:, 1], keep_rows), 0])
        gone = np.setdiff1d(table[:, 0], used).tolist()
        chunks = 0
        for batch in _batches(gone):
            with self.transaction():
                chunks += self.database.run_counted(f"DELETE FROM chunks WHERE document IN ({_marks(batch)})", batch)
                self.database.run(f"DELETE FROM texts WHERE document IN ({_marks(batch)})", batch)
                self.database.run(f"DELETE FROM documents WHERE row IN ({_marks(batch)})", batch)
        return Collected(len(gone), chunks)

    def collect_embeddings(self, keep_keys: Iterable[bytes]) -> int:
        """Forget cached embeddings except those of the given keys; return how many went."""
        with self.transaction():
            self.database.run("CREATE TEMP TABLE keep (key BLOB PRIMARY KEY) WITHOUT ROWID")
            self.database.run_many("INSERT OR IGNORE INTO keep VALUES (?)", ((key,) for key in keep_keys))
            gone = self.database.run_counted("DELETE FROM embeddings WHERE key NOT IN (SELECT key FROM keep)")
            self.database.run("DROP TABLE keep")
        return gone

    def vacuum(self) -> None:
        """Give the space of removed rows back to the file system."""
        self.database.run("VACUUM")
        self.database.all("PRAGMA wal_checkpoint(TRUNCATE)")

    def problems(self) -> list[str]:
        """What SQLite's own check finds wrong with the file; empty when it is sound."""
        try:
            found = [str(row[0]) for row in self.database.all("PRAGMA quick_check(20)")]
        except IndexCorruptError as error:
            return [error.message]
        return [] if found == ["ok"] else found


def document_record(document: Document, chunks: Iterable[Chunk], version: bytes = b"") -> DocumentRecord:
    """A document version as it is stored.

    Args:
        document: Its blocks are not stored.
        chunks: In order of position.
        version: Digest of everything that shaped it, by which an unchanged document is recognised.
    """
    rows = [
        (
            chunk.id,
            chunk.position,
            chunk.start,
            chunk.end,
            chunk.tokens,
            json.dumps(chunk.headings, ensure_ascii=False),
            chunk.prefix,
            _json(chunk.metadata),
            chunk.text,
        )
        for chunk in chunks
    ]
    values = (
        document.id,
        document.name,
        document.source,
        document.path,
        document.type,
        document.title,
        document.language,
        text_digest(document.text),
        version,
        json.dumps(document.pages),
        _json(document.metadata),
        document.modified_ns,
        len(rows),
    )
    return DocumentRecord(values, document.text, rows)


def text_digest(text: str) -> bytes:
    """Digest by which equal texts are recognised; 16 bytes."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _json(metadata: object) -> str:
    return json.dumps(metadata, ensure_ascii=False, sort_keys=True, default=dict) if metadata else "{}"


def _batches(items: Sequence[_T]) -> Iterator[list[_T]]:
    for first in range(0, len(items), _BATCH):
        yield list(items[first : first + _BATCH])


def _marks(items: Sequence[object]) -> str:
    return ",".join("?" * len(items))
