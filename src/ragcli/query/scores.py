"""Scores that a reranker gave, kept in a small SQLite file of the workspace: a repeated evaluation pays nothing.

A key is the digest of model, question and text. Deleting the file costs time, nothing else.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

from ragcli.errors import BackendError

_TABLE = "CREATE TABLE IF NOT EXISTS scores (key BLOB PRIMARY KEY, score REAL NOT NULL) WITHOUT ROWID"
_TOGETHER = 500  # keys a statement
_BUSY_TIMEOUT_S = 5


def score_key(model: str, question: str, text: str) -> bytes:
    """16 bytes for a model's fingerprint, a question and a text."""
    digest = blake2b(digest_size=16)
    for part in (model, question, text):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


class ScoreCache:
    """A mapping on disk and in memory. What cannot be written is kept for this process alone.

    Args:
        path: The file, made when something is first stored; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory: dict[bytes, float] = {}

    def find(self, keys: Sequence[bytes]) -> dict[bytes, float]:
        """What is known of some keys; unknown ones are absent.

        Raises:
            BackendError: The file is damaged.
        """
        unknown = [key for key in keys if key not in self._memory]
        if unknown and self._path is not None and self._path.exists():
            _using(self._path, "ro", lambda connection: self._memory.update(_found(connection, unknown)))
        return {key: self._memory[key] for key in keys if key in self._memory}

    def store(self, scores: Mapping[bytes, float]) -> None:
        """Add scores, all or none.

        Raises:
            BackendError: The file is damaged.
        """
        self._memory.update(scores)
        if self._path is None or not scores:
            return
        _using(self._path, "rwc", lambda connection: _put(connection, scores))


def _using(path: Path, mode: str, work: Callable[[sqlite3.Connection], None]) -> None:
    """Do something with the file, or nothing: a cache that is read-only, busy, full or new costs time alone."""
    address = f"{path.absolute().as_uri()}?mode={mode}"
    try:
        with closing(sqlite3.connect(address, timeout=_BUSY_TIMEOUT_S, uri=True)) as connection:
            work(connection)
    except sqlite3.OperationalError:
        return
    except sqlite3.DatabaseError as error:
        raise BackendError(f"cannot use the cache {path}: {error}", hint="remove the file: it is a cache") from error


def _found(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    for start in range(0, len(keys), _TOGETHER):
        part = keys[start : start + _TOGETHER]
        marks = ",".join("?" * len(part))
        statement = f"SELECT key, score FROM scores WHERE key IN ({marks})"  # noqa: S608 - only "?" marks
        found.update(connection.execute(statement, part))
    return found


def _put(connection: sqlite3.Connection, scores: Mapping[bytes, float]) -> None:
    with connection:
        connection.execute(_TABLE)
        connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", scores.items())
