"""Write outcomes into the catalog: a file's documents are replaced as one, files are committed in batches."""

from collections.abc import Iterable, Mapping, Sequence

from ragcli.ingest.parse import FileOutcome
from ragcli.ingest.plan import SourcePlan
from ragcli.ingest.result import FileChange, FileProblem
from ragcli.workspace.ledger import FileRow, Ledger, SourceRow, VersionRow

_BATCH_FILES = 64
_BATCH_CHARS = 4 * 2**20


class Writer:
    """Takes outcomes in order; counts what came of them. Killed at any moment, whole batches are stored or nothing."""

    def __init__(self, ledger: Ledger) -> None:
        self.added: list[FileChange] = []
        self.changed: list[FileChange] = []
        self.skipped: list[FileProblem] = []
        self.failed: list[FileProblem] = []
        self.unchanged = 0
        self.documents_added = 0
        self.documents_removed = 0
        self._ledger = ledger
        self._sources = ledger.sources()
        self._waiting: list[tuple[SourcePlan, FileOutcome]] = []
        self._chars = 0

    def write(self, plan: SourcePlan, outcome: FileOutcome) -> None:
        """Take what became of a file."""
        self._waiting.append((plan, outcome))
        self._chars += sum(len(record.text) for record in outcome.records)
        if len(self._waiting) >= _BATCH_FILES or self._chars >= _BATCH_CHARS:
            self.flush()

    def flush(self) -> None:
        """Commit what waits."""
        if not self._waiting:
            return
        waiting, self._waiting, self._chars = self._waiting, [], 0
        with self._ledger.catalog.transaction():
            for plan, outcome in waiting:
                self._remember_source(plan)
                self._put(plan, outcome)

    def finish(self, plans: Sequence[SourcePlan], ended: Iterable[str]) -> None:
        """Commit the rest: files that are gone or cannot be taken, new times of others, sources begun and ended."""
        todo = [plan for plan in plans if plan.removed or plan.noted or plan.touched or self._is_news(plan)]
        if not todo and not ended:
            return
        with self._ledger.catalog.transaction():
            for plan in todo:
                self._remember_source(plan)
                for row in plan.removed:
                    self.documents_removed += self._ledger.forget_file(plan.source.name, row.path)
                for row in plan.noted:
                    self._ledger.put_file(plan.source.name, row)
                for row in plan.touched:
                    self._ledger.put_file(plan.source.name, row)
                    self._ledger.touch_documents(plan.source.name, row.path, row.mtime_ns)
            for name in ended:
                self.documents_removed += self._ledger.forget_source(name)

    def show_all_but(self, rows: Sequence[int]) -> None:
        """Hold the given duplicates back, and show all other documents."""
        wanted = set(rows)
        held = self._ledger.held_back()
        if wanted == held:
            return
        with self._ledger.catalog.transaction():
            self._ledger.show(sorted(held - wanted))
            self._ledger.hold_back(sorted(wanted - held))
        self.documents_added += len(held - wanted)
        self.documents_removed += len(wanted - held)

    def _put(self, plan: SourcePlan, outcome: FileOutcome) -> None:
        source, path = plan.source.name, outcome.path
        row = FileRow(
            path,
            outcome.size,
            outcome.mtime_ns,
            outcome.read_ns,
            outcome.digest,
            plan.settings_for(outcome.state),
            outcome.state,
            outcome.reason,
        )
        self._ledger.put_file(source, row)
        if outcome.state == "failed":
            self.failed.append(FileProblem(source, path, outcome.reason))
            return  # what was there before stays
        stored = self._ledger.versions(source, path)
        kept = frozenset(outcome.kept)
        gone = [version.row for id_, version in stored.items() if id_ not in kept]
        self._ledger.retire(gone)
        for record in outcome.records:
            self._ledger.catalog.add_record(record)
        self._ledger.touch_documents(source, path, outcome.mtime_ns)
        self.documents_added += len(outcome.records)
        self.documents_removed += len(gone)
        self._count(plan, outcome, stored)

    def _count(self, plan: SourcePlan, outcome: FileOutcome, stored: Mapping[str, VersionRow]) -> None:
        source, path = plan.source.name, outcome.path
        if outcome.state == "skipped":
            self.skipped.append(FileProblem(source, path, outcome.reason))
        elif not stored:
            self.added.append(FileChange(source, path))
        elif len(outcome.kept) == len(stored) and not outcome.records:
            self.unchanged += 1
        else:
            self.changed.append(FileChange(source, path))

    def _remember_source(self, plan: SourcePlan) -> None:
        if self._is_news(plan):
            row = self._row(plan)
            self._ledger.put_source(row)
            self._sources[row.name] = row

    def _is_news(self, plan: SourcePlan) -> bool:
        return self._sources.get(plan.source.name) != self._row(plan)

    def _row(self, plan: SourcePlan) -> SourceRow:
        source = plan.source
        before = self._sources.get(source.name)
        whole = source.whole or (before is not None and before.whole)
        return SourceRow(source.name, str(source.root), source.origin, whole)
