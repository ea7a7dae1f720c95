"""The catalog: documents, chunks and cached embeddings in one SQLite database (WAL)."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ragcli.errors import IndexCorruptError, IndexMissingError
from ragcli.records import Chunk, Document
from ragcli.workspace.schema import SCHEMA, SCHEMA_VERSION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_T = TypeVar("_T")
_BATCH = 500  # bound variables per statement, below SQLite's smallest default limit


@dataclass(frozen=True, slots=True)
class FileRow:
    """What was known of a source file when it was last read.

    ``settings`` is the fingerprint of loader, chunker and tokenizer settings; ``error`` is why it could not be read.
    """

    path: str
    size: int
    mtime_ns: int
    digest: str
    settings: str
    error: str = ""


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


class Catalog:
    """One connection to a catalog. Readers never block the writer, nor it them.

    Args:
        path: The database file; made when missing unless ``readonly``.

    Raises:
        IndexMissingError: ``readonly`` and there is no file.
        IndexCorruptError: the file is no catalog, or of a newer version.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        if readonly and not path.exists():
            raise IndexMissingError(f"there is no catalog at {path}", hint="ragcli ingest PATH")
        if not readonly:
            path.parent.mkdir(parents=True, exist_ok=True)
        mode = "ro" if readonly else "rwc"
        try:
            self._db = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=30, isolation_level=None
            )
            self._prepare(path, readonly)
        except sqlite3.DatabaseError as error:
            raise IndexCorruptError(f"{path} is not a usable catalog: {error}", hint="ragcli doctor") from error

    def _prepare(self, path: Path, readonly: bool) -> None:
        if not readonly:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not readonly:
            with self.transaction():
                for statement in SCHEMA.split(";\n"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        elif version != SCHEMA_VERSION:
            raise IndexCorruptError(
                f"{path} has catalog version {version}, this ragcli reads {SCHEMA_VERSION}",
                hint="upgrade ragcli, or remove the workspace and ingest again",
            )

    def close(self) -> None:
        """Release the connection."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commit on leaving, roll back on any exception."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # Files and documents: written by ingest.

    def files(self, source: str) -> dict[str, FileRow]:
        """All known files of a source, by path."""
        rows = self._db.execute(
            "SELECT path, size, mtime_ns, digest, settings, error FROM files WHERE source = ?", (source,)
        )
        return {row[0]: FileRow(*row) for row in rows}

    def put_file(self, source: str, file: FileRow) -> None:
        """Remember a file's state."""
        self._db.execute(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
            (source, file.path, file.size, file.mtime_ns, file.digest, file.settings, file.error),
        )

    def forget_file(self, source: str, path: str) -> None:
        """Drop a file's state and retire its documents."""
        self._db.execute("DELETE FROM files WHERE source = ? AND path = ?", (source, path))
        self.retire_documents(source, path)

    def retire_documents(self, source: str, path: str) -> None:
        """A file's documents are no longer live; their rows stay for the generations that use them."""
        self._db.execute("UPDATE documents SET live = 0 WHERE source = ? AND path = ? AND live = 1", (source, path))

    def add_document(self, document: Document, chunks: Iterable[Chunk]) -> int:
        """Add a live document version with its chunks; return its row."""
        cursor = self._db.execute(
            "INSERT INTO documents (id, name, source, path, type, title, language, text, text_digest, pages,"
            " metadata, modified_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                document.name,
                document.source,
                document.path,
                document.type,
                document.title,
                document.language,
                document.text,
                text_digest(document.text),
                json.dumps(document.pages),
                json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True),
                document.modified_ns,
            ),
        )
        row = cursor.lastrowid
        if row is None:
            raise IndexCorruptError("the catalog gave no row for a new document")
        self._db.executemany(
            "INSERT INTO chunks (id, document, position, start, end, tokens, headings, prefix, metadata, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    chunk.id,
                    row,
                    chunk.position,
                    chunk.start,
                    chunk.end,
                    chunk.tokens,
                    json.dumps(chunk.headings, ensure_ascii=False),
                    chunk.prefix,
                    json.dumps(dict(chunk.metadata), ensure_ascii=False, sort_keys=True),
                    chunk.text,
                )
                for chunk in chunks
            ),
        )
        return row

    # Chunks: read by the index and by queries.

    def live_chunk_rows(self) -> "NDArray[np.int64]":
        """Rows of all chunks of live documents, ascending, shape [n]."""
        import numpy as np

        rows = self._db.execute(
            "SELECT chunks.row FROM chunks JOIN documents ON documents.row = chunks.document WHERE live = 1"
            " ORDER BY chunks.row"
        )
        return np.fromiter((row[0] for row in rows), dtype=np.int64)

    def index_texts(self, rows: Sequence[int]) -> Iterator[IndexText]:
        """What is to be indexed of the given chunk rows, in their order within each batch of rows."""
        for batch in _batches(rows):
            found = self._db.execute(
                "SELECT row, document, start, end, prefix, text FROM chunks"
                f" WHERE row IN ({_marks(batch)}) ORDER BY row",
                batch,
            )
            for row in found:
                yield IndexText(*row)

    def document_text(self, row: int) -> str:
        """Full text of a document row."""
        found = self._db.execute("SELECT text FROM documents WHERE row = ?", (row,)).fetchone()
        if found is None:
            raise IndexCorruptError(f"the catalog has no document row {row}", hint="ragcli doctor")
        return str(found[0])

    def chunks(self, rows: Sequence[int]) -> dict[int, StoredChunk]:
        """Chunks by row, with what their document version said when they were made."""
        result: dict[int, StoredChunk] = {}
        for batch in _batches(rows):
            found = self._db.execute(
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
            found = self._db.execute(f"SELECT key, vector FROM embeddings WHERE key IN ({_marks(batch)})", batch)
            result.update(found)
        return result

    def put_embeddings(self, vectors: Iterable[tuple[bytes, bytes]]) -> None:
        """Cache vectors; a key that is there already keeps its vector."""
        self._db.executemany("INSERT OR IGNORE INTO embeddings (key, vector) VALUES (?, ?)", vectors)


def text_digest(text: str) -> bytes:
    """Digest by which equal texts are recognised; 16 bytes."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _batches(items: Sequence[_T]) -> Iterator[list[_T]]:
    for first in range(0, len(items), _BATCH):
        yield list(items[first : first + _BATCH])


def _marks(items: Sequence[object]) -> str:
    return ",".join("?" * len(items))
