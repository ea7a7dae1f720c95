"""A folder of documents and a workspace beside it, brought up to date as ``ragcli ingest`` does it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.settings import Config
from ragcli.ingest.result import FileChange, FileProblem, IngestResult, Progress
from ragcli.ingest.sources import Selection
from ragcli.ingest.sync import StdinInput, SyncOptions, sync
from ragcli.records import DocumentType
from ragcli.workspace.catalog import Catalog

LONG_AGO_NS = 1_600_000_000_000_000_000


@dataclass
class Site:
    """``docs`` below ``base`` is ingested unless a run names other paths.

    Attributes:
        read: How many files the last run opened for reading and parsing.
    """

    base: Path
    ingest: dict[str, Any] = field(default_factory=dict)
    read: int = 0

    @property
    def docs(self) -> Path:
        return self.base / "docs"

    @property
    def workspace(self) -> Path:
        return self.base / "ws"

    def write(self, path: str, content: str | bytes, *, aged: bool = True) -> Path:
        """Write a file, long enough ago that its time leaves no doubt."""
        file = self.docs / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        if aged:
            os.utime(file, ns=(LONG_AGO_NS, LONG_AGO_NS))
        return file

    def config(self, **ingest: Any) -> Config:
        settings = {"tokenizer": "embedder", "workers": 1, **self.ingest, **ingest}
        return Config.model_validate(
            {
                "workspace": {"path": self.workspace, "lock_timeout_s": 0},
                "ingest": settings,
                "index": {"embedder": {"kind": "hashing"}},
            }
        )

    def run(
        self,
        *paths: str,
        stdin: tuple[str, bytes] | None = None,
        type: DocumentType | None = None,
        forget: tuple[str, ...] = (),
        dry_run: bool = False,
        accept_deletions: bool = False,
        selection: dict[str, Any] | None = None,
        **ingest: Any,
    ) -> IngestResult:
        """One run; ``ingest`` overrides settings of that section."""
        config = self.config(**ingest)
        names = paths or (() if config.ingest.sources or forget or stdin else ("docs",))
        chosen = Selection(tuple(str(self.base / name) for name in names), type=type, **selection or {})
        given = StdinInput(*stdin, type) if stdin else None
        seen: list[Progress] = []
        options = SyncOptions(chosen, given, forget, dry_run, accept_deletions)
        result = sync(config, self.base, options, seen.append)
        self.read = len(seen)
        return result

    def texts(self, *, live: int = 1) -> dict[str, str]:
        """Text of every live document by name; those held back with ``live=2``."""
        if not (self.workspace / "catalog.db").exists():
            return {}
        with Catalog(self.workspace / "catalog.db", readonly=True) as catalog:
            rows = catalog.database.all("SELECT row, name FROM documents WHERE live = ?", (live,))
            return {name: catalog.document_text(row) for row, name in sorted(rows, key=lambda row: row[1])}

    def facts(self, column: str) -> dict[str, Any]:
        """A column of every live document by name."""
        with Catalog(self.workspace / "catalog.db", readonly=True) as catalog:
            return dict(catalog.database.all(f"SELECT name, {column} FROM documents WHERE live = 1 ORDER BY name"))

    def on_disk(self) -> dict[str, bytes]:
        """Every file below the base, without those that SQLite makes for whoever reads."""
        files = sorted(
            path for path in self.base.rglob("*") if path.is_file() and path.name[-4:] not in {"-shm", "-wal"}
        )
        return {str(path.relative_to(self.base)): path.read_bytes() for path in files}


def paths(changes: Iterable[FileChange | FileProblem]) -> list[str]:
    return [change.path for change in changes]


def reasons(problems: Iterable[FileProblem]) -> dict[str, str]:
    return {problem.path: problem.reason for problem in problems}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path / "site")
    site.docs.mkdir(parents=True)
    return site
