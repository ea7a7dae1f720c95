"""Values that are dear to compute, kept in a small SQLite file: BERTScores and what a judge said.

A key is the digest of everything that shapes the value. Deleting the file costs time, nothing else.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ragcli.errors import BackendError, BusyError
from ragcli.models.fingerprints import hash_parts
from ragcli.records import JsonValue

_TABLE = "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
_TOGETHER = 500  # keys a statement
_BUSY_TIMEOUT_S = 30


class AnswerCache:
    """A mapping on disk; every call opens and closes the file.

    Args:
        path: The file, made when something is first stored; None keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory: dict[str, JsonValue] = {}

    @staticmethod
    def key(*parts: object) -> str:
        """Digest of plain values."""
        return hash_parts(*parts)

    def find(self, keys: Sequence[str]) -> dict[str, JsonValue]:
        """What is stored under some keys; unknown ones are absent.

        Raises:
            BackendError: The file is damaged or cannot be read.
        """
        if self._path is None:
            return {key: self._memory[key] for key in keys if key in self._memory}
        if not self._path.exists():
            return {}
        found: dict[str, JsonValue] = {}
        with self._open(self._path) as connection:
            for start in range(0, len(keys), _TOGETHER):
                part = list(keys[start : start + _TOGETHER])
                marks = ",".join("?" * len(part))
                statement = f"SELECT key, value FROM entries WHERE key IN ({marks})"  # noqa: S608 - only "?" marks
                found.update((key, json.loads(value)) for key, value in connection.execute(statement, part))
        return found

    def store(self, values: Mapping[str, JsonValue]) -> None:
        """Add or replace values, all or none.

        Raises:
            BackendError: The file is damaged or cannot be written.
        """
        if self._path is None:
            self._memory.update(values)
            return
        rows = [(key, json.dumps(value)) for key, value in values.items()]
        with self._open(self._path) as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?)", rows)

    @contextmanager
    def _open(self, path: Path) -> Iterator[sqlite3.Connection]:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as connection:
                connection.execute(_TABLE)
                yield connection
        except (sqlite3.Error, OSError, ValueError) as error:
            if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                raise BusyError(f"the cache {path} is busy", hint="run this again") from error
            raise BackendError(
                f"cannot use the cache {path}: {error}", hint="remove the file: it is a cache"
            ) from error
