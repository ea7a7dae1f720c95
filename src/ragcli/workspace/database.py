"""The catalog's SQLite connection: opening, transactions, and foreign errors turned into ours."""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from ragcli.errors import BackendError, BusyError, IndexCorruptError, IndexMissingError, RagcliError
from ragcli.workspace.schema import SCHEMA, SCHEMA_VERSION

Parameters: TypeAlias = Sequence[object]

_BUSY_TIMEOUT_S = 30
_CACHE_KIB = 65_536
_MAPPED_BYTES = 2**31 - 1
_LIKE_CORRUPT = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_SCHEMA")
_LIKE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_LIKE_DISK = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")


class Database:
    """One connection. Readers never block the writer, nor it them (WAL).

    Args:
        path: The database file, made when missing unless ``readonly``; None for one in memory.
        readonly: Open for reading; nothing on disk is changed.

    Raises:
        IndexMissingError: ``readonly`` and there is no file.
        IndexCorruptError: the file is no catalog, or of another version.
        BackendError: the file cannot be opened or written.
    """

    def __init__(self, path: Path | None, *, readonly: bool = False) -> None:
        self.path = path or Path(":memory:")
        if readonly and not self.path.exists():
            raise IndexMissingError(f"there is no catalog at {path}", hint="ragcli ingest PATH")
        try:
            if path is None:
                self._connection = sqlite3.connect(":memory:", isolation_level=None)
            else:
                self._connection = self._connect(path, readonly)
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from error
        try:
            self._prepare(readonly)
        except BaseException:  # whatever it is goes on; the caller never gets an object to close
            self._connection.close()
            raise

    def _connect(self, path: Path, readonly: bool) -> sqlite3.Connection:
        mode = "mode=ro" if readonly else "mode=rwc"
        if not readonly:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists():
            mode = "immutable=1"  # a read-only medium has no place for the files that readers share
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None
        )

    def _prepare(self, readonly: bool) -> None:
        self.run(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        if not readonly:
            self.run("PRAGMA journal_mode = WAL")
            self.run("PRAGMA synchronous = NORMAL")
            self.run(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self.run("PRAGMA temp_store = MEMORY")
        version = self.one("PRAGMA user_version")[0]
        if version == 0 and not readonly:
            with self.transaction():
                self._create()
        elif version == 0:
            raise IndexMissingError(f"the catalog {self.path} is empty", hint="ragcli ingest PATH")
        elif version != SCHEMA_VERSION:
            raise IndexCorruptError(
                f"{self.path} has catalog version {version}, this ragcli reads {SCHEMA_VERSION}",
                hint="upgrade ragcli, or remove the workspace and ingest again",
            )

    def _create(self) -> None:
        if self.one("PRAGMA user_version")[0] != 0:
            return  # another process was quicker
        for statement in SCHEMA.split(";\n"):
            self.run(statement)
        self.run(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """Execute one statement; return the row it inserted last, if any."""
        try:
            return self._connection.execute(sql, parameters).lastrowid or 0
        except (sqlite3.Error, UnicodeError) as error:
            raise self._error(error) from error

    def run_counted(self, sql: str, parameters: Parameters = ()) -> int:
        """Execute one statement; return how many rows it changed."""
        try:
            return self._connection.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            raise self._error(error) from error

    def run_many(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Execute one statement for every row of parameters."""
        try:
            self._connection.executemany(sql, rows)
        except (sqlite3.Error, UnicodeError) as error:
            raise self._error(error) from error

    def all(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """All result rows as tuples."""
        try:
            return self._connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._error(error) from error

    def batches(self, sql: str, parameters: Parameters, rows: int) -> Iterator[list[Any]]:
        """All result rows as tuples, so many at a time."""
        try:
            found = self._connection.execute(sql, parameters)
            while batch := found.fetchmany(rows):
                yield batch
        except sqlite3.Error as error:
            raise self._error(error) from error

    def one(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first result row; None without one."""
        try:
            return self._connection.execute(sql, parameters).fetchone()
        except sqlite3.Error as error:
            raise self._error(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: commit on leaving, roll back on any exception."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:  # Ctrl-C and generator exits undo the half that was done too
            if self._connection.in_transaction:  # a full disk makes SQLite roll back by itself
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Several reads that see the same state, whatever a writer does meanwhile."""
        self.run("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def _error(self, error: Exception) -> RagcliError:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(_LIKE_CORRUPT):
            return IndexCorruptError(
                f"{self.path} is not a usable catalog: {error}",
                hint="ragcli doctor; or remove the workspace and ingest again",
            )
        if name.startswith(_LIKE_BUSY):
            return BusyError(f"the catalog {self.path} is busy", hint="wait for the other writer, then run this again")
        if name.startswith(_LIKE_DISK) or isinstance(error, OSError):
            return BackendError(
                f"cannot use the catalog {self.path}: {error}",
                hint="free some space or correct the permissions, then run this again: what was stored stays",
            )
        return BackendError(f"the catalog {self.path} refused: {error}")
