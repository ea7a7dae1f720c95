"""Bring the catalog up to date with the sources: one run of ``ragcli ingest``."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ragcli.config.ingest import SourceConfig
from ragcli.config.settings import Config
from ragcli.errors import DataError, UsageError
from ragcli.ingest.apply import Writer
from ragcli.ingest.duplicates import find_duplicates, held_back
from ragcli.ingest.plan import Renamed, SourcePlan, find_renamed, plan_source
from ragcli.ingest.recipe import recipe_of
from ragcli.ingest.result import FileChange, FileProblem, IngestResult, Listener
from ragcli.ingest.scan import FoundFile, scan
from ragcli.ingest.sources import Resolved, Selection, Source, resolve
from ragcli.records import DocumentType
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.ledger import FileRow, Ledger
from ragcli.workspace.lock import WriterLock

_STDIN = "stdin"


@dataclass(frozen=True, slots=True)
class StdinInput:
    """A document that came through standard input; one of the same name replaces it."""

    name: str
    data: bytes
    type: DocumentType | None = None


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """How a run goes.

    Attributes:
        stdin: A document to take besides the sources selected.
        forget: Names of sources to drop; nothing else is done then.
        dry_run: Only find out what is to be done.
        accept_deletions: Let the run remove any share of the documents.
        file: The configuration file in use, which is no document.
        lock: Held already by the caller; otherwise the run takes the writer's lock itself.
    """

    selection: Selection = field(default_factory=Selection)
    stdin: StdinInput | None = None
    forget: tuple[str, ...] = ()
    dry_run: bool = False
    accept_deletions: bool = False
    file: Path | None = None
    lock: WriterLock | None = None


def sync(
    config: Config, base: Path, options: SyncOptions | None = None, listener: Listener | None = None
) -> IngestResult:
    """Read what is new or changed, retire what is gone; what could not be read stays as it was.

    Args:
        config: Its paths are absolute.
        base: The folder that names of sources given by path are relative to.
        options: Everything configured is read unless given.
        listener: Told of progress while files are read.

    Raises:
        UsageError: there is nothing to read.
        DataError: a source is gone, or too many documents would be removed; nothing was changed.
        BusyError: another writer holds the workspace.
    """
    options = options or SyncOptions()
    workspace = Workspace(config.workspace.path)
    with ExitStack() as stack:
        if options.dry_run:
            catalog = stack.enter_context(_open_for_planning(workspace))
        else:
            if options.lock is None:
                stack.enter_context(WriterLock(workspace, config.workspace.lock_timeout_s, "ragcli ingest"))
            catalog = stack.enter_context(Catalog(workspace.catalog))
        return _Run(config, base, options, Ledger(catalog), listener).run()


def _open_for_planning(workspace: Workspace) -> Catalog:
    if workspace.catalog.exists():
        return Catalog(workspace.catalog, readonly=True)
    return Catalog(None)


class _Run:
    def __init__(
        self, config: Config, base: Path, options: SyncOptions, ledger: Ledger, listener: Listener | None
    ) -> None:
        self._started = time.monotonic()
        self._config = config
        self._base = base
        self._options = options
        self._ledger = ledger
        self._listener = listener
        self._known = ledger.sources()
        self._files: dict[str, dict[str, FileRow]] = {}

    def run(self) -> IngestResult:
        resolved = self._resolve()
        plans = [self._plan(source) for source in resolved.sources]
        if self._options.stdin is not None:
            plans.append(self._plan_stdin(self._options.stdin))
        ended = {name: self._known_files(name) for name in resolved.ended}
        renamed = find_renamed(plans, {name: rows.values() for name, rows in ended.items()})
        gone = self._gone(plans, ended)
        self._guard(gone, renamed, [*(plan.source.name for plan in plans), *ended])
        writer = Writer(self._ledger)
        if not self._options.dry_run:
            self._read(plans, writer)
            writer.finish(plans, resolved.ended)
        return self._result(plans, resolved, renamed, gone, writer)

    def _resolve(self) -> Resolved:
        options = self._options
        if options.stdin is not None and not options.selection.paths:
            return Resolved(())
        if not options.forget:
            workspace = self._config.workspace.path
            return resolve(self._config.ingest, self._base, options.selection, self._known, workspace, options.file)
        unknown = [name for name in options.forget if name not in self._known]
        if unknown:
            names = ", ".join(sorted(self._known)) or "none"
            raise UsageError(f"there is no source {unknown[0]!r}", hint=f"known sources: {names}")
        return Resolved((), options.forget)

    def _plan(self, source: Source) -> SourcePlan:
        recipe = recipe_of(self._config, source)
        return plan_source(source, recipe.settings(source.type), scan(source), self._known_files(source.name))

    def _plan_stdin(self, given: StdinInput) -> SourcePlan:
        settings = SourceConfig.defaults(path=Path("-"))
        source = Source(_STDIN, Path("/"), "stdin", settings, selected=(given.name,), type=given.type)
        file = FoundFile(given.name, "", len(given.data), time.time_ns())
        before = self._known_files(_STDIN).get(given.name)
        plan = SourcePlan(source, recipe_of(self._config, source).settings(given.type), data={given.name: given.data})
        (plan.added if before is None else plan.changed).append(file)
        return plan

    def _known_files(self, name: str) -> dict[str, FileRow]:
        if name not in self._known:
            return {}
        if name not in self._files:
            self._files[name] = self._ledger.files(name)
        return self._files[name]

    def _gone(self, plans: list[SourcePlan], ended: Mapping[str, Mapping[str, FileRow]]) -> list[FileChange]:
        """Files whose documents the run retires."""
        rows = [(plan.source.name, row) for plan in plans for row in plan.removed]
        rows += [(name, row) for name, files in ended.items() for row in files.values()]
        return [
            FileChange(name, row.path)
            for name, row in rows
            if row.state == "read" or (row.state == "failed" and self._ledger.versions(name, row.path))
        ]

    def _guard(self, gone: list[FileChange], renamed: list[Renamed], names: list[str]) -> None:
        """Refuse to remove more than the allowed share of the documents of the run's sources."""
        moved = {(one.from_source, one.from_path) for one in renamed}
        lost = [one for one in gone if (one.source, one.path) not in moved]
        if not lost or self._options.accept_deletions or self._options.forget:
            return
        counts = {name: self._ledger.documents_per_file(name) for name in names}
        total = sum(sum(files.values()) for files in counts.values())
        removed = sum(counts[one.source].get(one.path, 0) for one in lost)
        allowed = self._config.ingest.max_delete_fraction
        if removed > allowed * total:
            raise DataError(
                f"this would remove {removed:,} of {total:,} documents, more than the allowed share of {allowed:g};"
                " nothing was changed",
                hint="--dry-run shows them; --yes or --max-delete-fraction 1 removes them",
            )

    def _read(self, plans: list[SourcePlan], writer: Writer) -> None:
        if not any(plan.to_read for plan in plans):
            return  # most runs end here, and what reads files takes longer to import than they take
        from ragcli.ingest.reading import read_files

        recipes = [recipe_of(self._config, plan.source) for plan in plans]
        for plan, outcome in read_files(plans, recipes, self._ledger, self._config.ingest.workers, self._listener):
            writer.write(plan, outcome)
        writer.flush()

    def _result(
        self,
        plans: list[SourcePlan],
        resolved: Resolved,
        renamed: list[Renamed],
        gone: list[FileChange],
        writer: Writer,
    ) -> IngestResult:
        dedupe = self._config.ingest.dedupe
        duplicates = find_duplicates(self._ledger.duplicates(), resolved.order)
        if not self._options.dry_run:
            writer.show_all_but(held_back(duplicates) if dedupe else ())
        counts = self._ledger.catalog.counts()
        to, frm = {(r.source, r.path) for r in renamed}, {(r.from_source, r.from_path) for r in renamed}
        added, changed = _pending(plans) if self._options.dry_run else (writer.added, writer.changed)
        failed, skipped = list(writer.failed), list(writer.skipped)
        for plan in plans:
            told = [(one.path, one.reason, one.state, True) for one in plan.problems]
            told += [(row.path, row.reason, row.state, False) for row in plan.standing]
            for path, reason, state, new in told:
                (failed if state == "failed" else skipped).append(FileProblem(plan.source.name, path, reason, new))
        return IngestResult(
            added=tuple(one for one in added if (one.source, one.path) not in to),
            changed=tuple(changed),
            renamed=tuple(renamed),
            removed=tuple(one for one in gone if (one.source, one.path) not in frm),
            unchanged=sum(plan.unchanged for plan in plans) + writer.unchanged,
            skipped=_sorted(skipped),
            failed=_sorted(failed),
            duplicates=tuple(pair.told() for pair in duplicates),
            documents=counts.documents,
            chunks=counts.chunks,
            documents_added=writer.documents_added,
            documents_removed=writer.documents_removed,
            dedupe=dedupe,
            dry_run=self._options.dry_run,
            seconds=time.monotonic() - self._started,
        )


def _pending(plans: list[SourcePlan]) -> tuple[list[FileChange], list[FileChange]]:
    added = [FileChange(plan.source.name, file.path) for plan in plans for file in sorted(plan.added)]
    changed = [FileChange(plan.source.name, file.path) for plan in plans for file in sorted(plan.changed)]
    return added, changed


def _sorted(problems: list[FileProblem]) -> tuple[FileProblem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.source, problem.path)))
