"""``ragcli sync``: ingest, then index, as one command for cron and for people."""

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.ingest import DryRunOption, FractionOption, StrictOption, YesOption, show, tell
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, line
from ragcli.cli.progress import indexing, reading
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.config.settings import Config
    from ragcli.index.build import IndexResult
    from ragcli.ingest.result import IngestResult
    from ragcli.workspace import Workspace
    from ragcli.workspace.lock import WriterLock


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What both steps did; under ``--dry-run`` what the first would do, and no second."""

    ingest: "IngestResult"
    index: "IndexResult | None"
    seconds: float

    @property
    def summary(self) -> str:
        """One line, fit for a cron mail."""
        if self.index is None:
            return self.ingest.summary
        return f"sync: {self.ingest.counts}; generation {self.index.generation}; {self.seconds:.1f} s"


FilesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Files and folders [default: ingest.sources].", show_default=False),
]


def sync(
    paths: FilesArgument = None,
    *,
    dry_run: DryRunOption = False,
    strict: StrictOption = False,
    max_delete_fraction: FractionOption = None,
    yes: YesOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Ingest, then index: bring everything up to date at the cost of what changed."""
    from ragcli.ingest.sources import Selection
    from ragcli.ingest.sync import SyncOptions
    from ragcli.ingest.sync import sync as ingest
    from ragcli.workspace import Workspace
    from ragcli.workspace.lock import WriterLock

    if paths and "-" in paths:
        raise UsageError("sync reads files and folders only", hint="ragcli ingest - && ragcli index")
    started = time.perf_counter()
    loaded = load(config, set_, workspace, {"ingest.max_delete_fraction": max_delete_fraction})
    workspace_ = Workspace(loaded.config.workspace.path)
    lock = WriterLock(workspace_, loaded.config.workspace.lock_timeout_s, "ragcli sync")
    output = Output("sync", format)
    with nullcontext() if dry_run else lock:  # one lock over both steps: nobody sees what is ingested but not indexed
        chosen = Selection(tuple(paths or ()))
        options = SyncOptions(chosen, dry_run=dry_run, accept_deletions=yes, file=loaded.file, lock=lock)
        with reading() as listener:
            read = ingest(loaded.config, loaded.base, options, listener)
        error = tell(output, read, strict=strict)
        built = None if dry_run else _index(loaded.config, workspace_, lock)
    result = SyncResult(read, built, time.perf_counter() - started)
    output.emit(result, lambda: show(read) if dry_run else line(result.summary), error=error)


def _index(config: "Config", workspace: "Workspace", lock: "WriterLock") -> "IndexResult":
    from ragcli.index.build import build_index

    with indexing() as bar:
        return build_index(config, workspace, progress=bar, lock=lock)
