"""What a run has to do: the files of a source, compared with what the catalog knows of them."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ragcli import __version__
from ragcli.ingest.parse import file_digest
from ragcli.ingest.scan import FoundFile, Problem, Scan
from ragcli.ingest.sources import Source
from ragcli.workspace.ledger import FileRow, FileState

_CLOCK_GRAIN_NS = 2_000_000_000
"""A file modified this shortly before it was read may have changed since under the same modification time."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file whose content was found under another path before. Sources are named, paths relative to them."""

    from_source: str
    from_path: str
    source: str
    path: str


@dataclass(slots=True)
class SourcePlan:
    """The part of a plan that concerns one source; paths are relative to it, in order.

    Attributes:
        touched: Unchanged in content, with a new time to remember: path to row.
        data: Content of files that are on no disk, by path.
        standing: Known files that still cannot be used, as before: failed ones are told again in every run.
        problems: What the walk could not take, unless it is known; ``noted``: the rows to remember of it.
    """

    source: Source
    settings: str
    added: list[FoundFile] = field(default_factory=list)
    changed: list[FoundFile] = field(default_factory=list)
    removed: list[FileRow] = field(default_factory=list)
    touched: list[FileRow] = field(default_factory=list)
    standing: list[FileRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    noted: list[FileRow] = field(default_factory=list)
    data: Mapping[str, bytes] = field(default_factory=dict)
    unchanged: int = 0

    def settings_for(self, state: FileState) -> str:
        """Fingerprint to remember a file under: a failure is tried again by every new version of ragcli."""
        return f"{self.settings} {__version__}" if state == "failed" else self.settings

    @property
    def to_read(self) -> list[FoundFile]:
        """New and changed files in order of path."""
        return sorted((*self.added, *self.changed))


def plan_source(source: Source, settings: str, found: Scan, known: Mapping[str, FileRow]) -> SourcePlan:
    """Compare what a walk found with what is known. Opens only files whose times leave a doubt.

    Args:
        source: What was walked.
        settings: Fingerprint under which its files are read now.
        found: The walk's result.
        known: The source's files in the catalog, by path.
    """
    plan = SourcePlan(source, settings)
    for path, file in found.files.items():
        row = known.get(path)
        if row is None:
            plan.added.append(file)
        elif row.size != file.size or row.settings != plan.settings_for(row.state) or not row.digest:
            plan.changed.append(file)
        elif row.mtime_ns == file.mtime_ns and row.mtime_ns < row.read_ns - _CLOCK_GRAIN_NS:
            _leave(plan, row)
        else:
            _doubt(plan, file, row)
    for problem in found.problems:
        _note(plan, problem, known.get(problem.path), named_twice=problem.path in found.files)
    states = {problem.path: problem.state for problem in found.problems}
    plan.removed = sorted(
        row
        for path, row in known.items()
        if path not in found.files
        and states.get(path) not in {"failed", row.state}
        and source.covers(path)
        and not _is_unknown(path, found)
    )
    return plan


def _note(plan: SourcePlan, problem: Problem, known: FileRow | None, *, named_twice: bool) -> None:
    if known is not None and (known.state, known.reason) == (problem.state, problem.reason):
        plan.standing.append(known)
        return
    plan.problems.append(problem)
    if not named_twice:  # the row of this name is that of a file which could be taken
        settings = plan.settings_for(problem.state)
        plan.noted.append(FileRow(problem.path, 0, 0, 0, "", settings, problem.state, problem.reason))


def _leave(plan: SourcePlan, row: FileRow) -> None:
    if row.state == "read":
        plan.unchanged += 1
        return
    plan.standing.append(row)


def _doubt(plan: SourcePlan, file: FoundFile, row: FileRow) -> None:
    read_ns = time.time_ns()
    if file_digest(file.location) != row.digest:
        plan.changed.append(file)
        return
    plan.touched.append(row._replace(mtime_ns=file.mtime_ns, read_ns=read_ns))
    _leave(plan, row)


def _is_unknown(path: str, found: Scan) -> bool:
    return any(path.startswith(prefix) for prefix in found.unknown)


def find_renamed(plans: Iterable[SourcePlan], ended: Mapping[str, Iterable[FileRow]]) -> list[Renamed]:
    """New files with the content of removed ones, each removed file used once, in order of the new paths.

    Only files of a size that a removed file had are opened.

    Args:
        plans: The plans of all sources of the run.
        ended: Files of the sources that end with the run, by source name.
    """
    plans = list(plans)
    gone = [(plan.source.name, row) for plan in plans for row in plan.removed]
    gone += [(name, row) for name, rows in ended.items() for row in rows]
    by_digest: dict[str, list[tuple[str, FileRow]]] = {}
    for name, row in sorted(gone, reverse=True):
        if row.digest and row.state == "read" and row.size:
            by_digest.setdefault(row.digest, []).append((name, row))
    sizes = {row.size for rows in by_digest.values() for _, row in rows}
    renamed: list[Renamed] = []
    for plan in plans:
        for file in sorted(plan.added):
            candidates = by_digest.get(file_digest(file.location)) if file.size in sizes else None
            if candidates:
                name, row = candidates.pop()
                renamed.append(Renamed(name, row.path, plan.source.name, file.path))
    return renamed
