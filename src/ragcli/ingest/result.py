"""What an ingest run did, or would do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ragcli.ingest.plan import Renamed


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file or folder that was not read, and why; ``new`` unless an earlier run found it already."""

    source: str
    path: str
    reason: str
    new: bool = True


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is new, changed or gone."""

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A document whose text is exactly that of another one, ``of``, which comes first."""

    source: str
    name: str
    of_source: str
    of: str


class Progress(NamedTuple):
    """How far a run is: files and bytes read, of how many."""

    files: int
    total_files: int
    bytes: int
    total_bytes: int


Listener: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What a run did; under ``dry_run`` what it would do, as far as that is known without reading the files.

    Attributes:
        added: New files that gave documents; likewise the other lists of files, each in order of source and path.
        unchanged: How many files are as they were.
        skipped: Files of no supported type or without text, links out of the source, and what is no file at all.
        failed: What could not be read; what was there before stays.
        documents: Live documents after the run; likewise ``chunks``.
        duplicates: Documents with a text that comes earlier already; under ``dedupe`` they are held back.
        documents_added: New document versions stored; ``documents_removed``: versions that are no longer live.
    """

    added: tuple[FileChange, ...]
    changed: tuple[FileChange, ...]
    renamed: tuple[Renamed, ...]
    removed: tuple[FileChange, ...]
    unchanged: int
    skipped: tuple[FileProblem, ...]
    failed: tuple[FileProblem, ...]
    duplicates: tuple[Duplicate, ...]
    documents: int
    chunks: int
    documents_added: int
    documents_removed: int
    dedupe: bool
    dry_run: bool
    seconds: float

    @property
    def is_change(self) -> bool:
        """Whether the set of live chunks is another one than before, or would be."""
        return bool(self.documents_added or self.documents_removed)

    @property
    def counts(self) -> str:
        """How many files of each kind, in words."""
        parts = [
            f"{len(self.added):,} added",
            f"{len(self.changed):,} changed",
            *([f"{len(self.renamed):,} renamed"] if self.renamed else []),
            f"{len(self.removed):,} removed",
            f"{self.unchanged:,} unchanged",
            *([f"{len(self.skipped):,} skipped"] if self.skipped else []),
            *([f"{len(self.failed):,} failed"] if self.failed else []),
        ]
        return ", ".join(parts)

    @property
    def summary(self) -> str:
        """One line, fit for a cron mail."""
        if self.dry_run:
            return f"plan: {self.counts}; {self.seconds:.1f} s"
        tail = [f"{self.chunks:,} chunks", f"{self.seconds:.1f} s"]
        if self.duplicates:
            held = "held back" if self.dedupe else "kept"
            tail.insert(
                0, f"{len(self.duplicates):,} {'duplicate' if len(self.duplicates) == 1 else 'duplicates'} {held}"
            )
        return f"ingest: {self.counts}; {'; '.join(tail)}"
