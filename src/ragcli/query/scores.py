"""Scores that a reranker gave, kept in a small SQLite file of the workspace: a repeated evaluation pays nothing.

A key is the digest of model, question and text. Deleting the file costs time, nothing else.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
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
            with self._open(self._path, readonly=True) as connection:
                for start in range(0, len(unknown), _TOGETHER):
                    part = unknown[start : start + _TOGETHER]
                    marks = ",".join("?" * len(part))
                    statement = f"SELECT key, score FROM scores WHERE key IN ({marks})"  # noqa: S608 - only "?" marks
                    self._memory.update(connection.execute(statement, part))
        return {key: self._memory[key] for key in keys if key in self._memory}

    def store(self, scores: Mapping[bytes, float]) -> None:
        """Add scores, all or none.

        Raises:
            BackendError: The file is damaged.
        """
        self._memory.update(scores)
        if self._path is None or not scores:
            return
        with self._open(self._path, readonly=False) as connection, connection:
            connection.execute(_TABLE)
            connection.executemany("INSERT OR REPLACE INTO scores VALUES (?, ?)", scores.items())

    @contextlib.contextmanager
    def _open(self, path: Path, *, readonly: bool) -> Iterator[sqlite3.Connection]:
        mode = "ro" if readonly else "rwc"
        try:
            with closing(
                sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", timeout=_BUSY_TIMEOUT_S, uri=True)
            ) as (connection):
                yield connection
        except sqlite3.OperationalError:
            # Read-only, busy, full, or a table that is not there yet: a cache that cannot be used costs time.
            return
        except sqlite3.DatabaseError as error:
            raise BackendError(
                f"cannot use the cache {path}: {error}", hint="remove the file: it is a cache"
            ) from error
