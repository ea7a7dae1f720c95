"""What ingest remembers between runs: sources, the state of their files, and which documents a file gave."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from ragcli.workspace.catalog import Catalog

FileState: TypeAlias = Literal["read", "skipped", "failed"]
SourceOrigin: TypeAlias = Literal["config", "path", "stdin"]


class FileRow(NamedTuple):
    """What was known of a source file when it was last looked at.

    Attributes:
        read_ns: When it was read; a modification within the clock's grain of that moment does not show in ``mtime_ns``.
        digest: Of its bytes, in hexadecimal; empty when they could not be read, and then it is tried again.
        settings: Fingerprint of everything that shapes what is made of it.
        reason: Why it was skipped or failed; otherwise empty.
    """

    path: str
    size: int
    mtime_ns: int
    read_ns: int
    digest: str
    settings: str
    state: FileState
    reason: str


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file or folder that could not be read when it was last tried, and why."""

    source: str
    path: str
    reason: str


class SourceRow(NamedTuple):
    """A source that was ingested. ``whole`` is false while only single files of the folder were given."""

    name: str
    root: str
    origin: SourceOrigin
    whole: bool


class VersionRow(NamedTuple):
    """The stored version of a document: its row, and the digest of everything that shaped it."""

    row: int
    version: bytes


class DuplicateRow(NamedTuple):
    """A document whose text some other document has too. ``live`` as in the schema: 1 shown, 2 held back."""

    text_digest: bytes
    row: int
    id: str
    name: str
    source: str
    path: str
    live: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The part of the catalog that ingest reads and writes."""

    catalog: Catalog

    def sources(self) -> dict[str, SourceRow]:
        """All known sources by name."""
        rows = self.catalog.database.all("SELECT name, root, origin, whole FROM sources")
        return {row[0]: SourceRow(row[0], row[1], row[2], bool(row[3])) for row in rows}

    def put_source(self, source: SourceRow) -> None:
        """Remember a source."""
        self.catalog.database.run("INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?)", source)

    def forget_source(self, name: str) -> int:
        """Drop a source and the state of its files, and retire its documents; return how many."""
        database = self.catalog.database
        database.run("DELETE FROM files WHERE source = ?", (name,))
        database.run("DELETE FROM sources WHERE name = ?", (name,))
        return database.run_counted("UPDATE documents SET live = 0 WHERE source = ? AND live > 0", (name,))

    def files(self, source: str) -> dict[str, FileRow]:
        """All known files of a source, by path."""
        rows = self.catalog.database.all(
            "SELECT path, size, mtime_ns, read_ns, digest, settings, state, reason FROM files WHERE source = ?",
            (source,),
        )
        return {row[0]: FileRow._make(row) for row in rows}

    def settings_by_source(self) -> dict[str, set[str]]:
        """Fingerprints of the settings under which the files of each source were read."""
        found: dict[str, set[str]] = {}
        for source, settings in self.catalog.database.all(
            "SELECT DISTINCT source, settings FROM files WHERE state = 'read'"
        ):
            found.setdefault(source, set()).add(settings)
        return found

    def failed_files(self) -> list[FailedFile]:
        """All that could not be read, of all sources, in order of source and path."""
        rows = self.catalog.database.all(
            "SELECT source, path, reason FROM files WHERE state = 'failed' ORDER BY source, path"
        )
        return [FailedFile(*row) for row in rows]

    def put_file(self, source: str, file: FileRow) -> None:
        """Remember a file's state."""
        self.catalog.database.run(
            "INSERT OR REPLACE INTO files (source, path, size, mtime_ns, read_ns, digest, settings, state, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (source, *file),
        )

    def touch_documents(self, source: str, path: str, modified_ns: int) -> None:
        """Note a new modification time for the live documents of a file whose content is as before."""
        self.catalog.database.run(
            "UPDATE documents SET modified_ns = ?1 WHERE source = ?2 AND path = ?3 AND live > 0 AND modified_ns != ?1",
            (modified_ns, source, path),
        )

    def forget_file(self, source: str, path: str) -> int:
        """Drop a file's state and retire its documents; return how many.

        Their rows stay for the generations that use them.
        """
        database = self.catalog.database
        database.run("DELETE FROM files WHERE source = ? AND path = ?", (source, path))
        return database.run_counted(
            "UPDATE documents SET live = 0 WHERE source = ? AND path = ? AND live > 0", (source, path)
        )

    def versions(self, source: str, path: str) -> dict[str, VersionRow]:
        """The live documents of a file: document id to stored version."""
        rows = self.catalog.database.all(
            "SELECT id, row, version FROM documents WHERE source = ? AND path = ? AND live > 0", (source, path)
        )
        return {row[0]: VersionRow(row[1], row[2]) for row in rows}

    def retire(self, rows: Iterable[int]) -> None:
        """These document rows are no longer live."""
        self._set_live(0, rows)

    def documents_per_file(self, source: str) -> dict[str, int]:
        """How many live documents each file of a source gives."""
        return dict(
            self.catalog.database.all(
                "SELECT path, COUNT(*) FROM documents WHERE source = ? AND live > 0 GROUP BY path", (source,)
            )
        )

    def duplicates(self) -> list[DuplicateRow]:
        """Documents whose text is not theirs alone, in no particular order."""
        rows = self.catalog.database.all(
            "SELECT text_digest, row, id, name, source, path, live FROM documents WHERE live > 0 AND text_digest IN"
            " (SELECT text_digest FROM documents WHERE live > 0 GROUP BY text_digest HAVING COUNT(*) > 1)"
        )
        return [DuplicateRow._make(row) for row in rows]

    def held_back(self) -> set[int]:
        """Rows of the duplicates that are not shown."""
        return {row[0] for row in self.catalog.database.all("SELECT row FROM documents WHERE live = 2")}

    def hold_back(self, rows: Iterable[int]) -> None:
        """Keep these live documents out of the index: they repeat others."""
        self._set_live(2, rows)

    def show(self, rows: Iterable[int]) -> None:
        """Bring documents that were held back into the index."""
        self._set_live(1, rows)

    def _set_live(self, live: int, rows: Iterable[int]) -> None:
        self.catalog.database.run_many("UPDATE documents SET live = ? WHERE row = ?", ((live, row) for row in rows))
