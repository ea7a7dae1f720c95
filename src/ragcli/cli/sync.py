"""``ragcli sync``: ingest, then index, as one command for cron and for people."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.ingest import FractionOption, StrictOption, YesOption, tell
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, line
from ragcli.cli.progress import indexing, reading
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.index.build import IndexResult
    from ragcli.ingest.result import IngestResult


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What both steps did."""

    ingest: "IngestResult"
    index: "IndexResult"
    seconds: float

    @property
    def summary(self) -> str:
        """One line, fit for a cron mail."""
        read = self.ingest
        parts = [
            f"{len(read.added):,} added",
            f"{len(read.changed) + len(read.renamed):,} changed",
            f"{len(read.removed):,} removed",
            f"{read.unchanged:,} unchanged",
            *([f"{len(read.skipped):,} skipped"] if read.skipped else []),
            *([f"{len(read.failed):,} failed"] if read.failed else []),
        ]
        return f"sync: {', '.join(parts)}; generation {self.index.generation}; {self.seconds:.1f} s"


FilesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH", help="Files and folders [default: ingest.sources].", show_default=False),
]


def sync(
    paths: FilesArgument = None,
    *,
    strict: StrictOption = False,
    max_delete_fraction: FractionOption = None,
    yes: YesOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Ingest, then index: bring everything up to date at the cost of what changed."""
    from ragcli.index.build import build_index
    from ragcli.ingest.sources import Selection
    from ragcli.ingest.sync import SyncOptions
    from ragcli.ingest.sync import sync as ingest
    from ragcli.workspace import Workspace

    if paths and "-" in paths:
        raise UsageError("sync reads files and folders only", hint="ragcli ingest - && ragcli index")
    started = time.perf_counter()
    loaded = load(config, set_, workspace, {"ingest.max_delete_fraction": max_delete_fraction})
    with reading() as listener:
        options = SyncOptions(Selection(tuple(paths or ())), accept_deletions=yes)
        read = ingest(loaded.config, loaded.base, options, listener)
    output = Output("sync", format)
    error = tell(output, read, strict=strict)
    with indexing() as bar:
        built = build_index(loaded.config, Workspace(loaded.config.workspace.path), progress=bar)
    result = SyncResult(read, built, time.perf_counter() - started)
    output.emit(result, lambda: line(result.summary), error=error)
