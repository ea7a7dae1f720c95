"""``ragcli index``: from the catalog to a searchable generation, and its history."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from ragcli.index.history import GcResult, PastGeneration, RollbackResult
    from ragcli.index.progress import Progress

index_app = typer.Typer(invoke_without_command=True)

FullOption = Annotated[
    bool, typer.Option("--full", help="Build everything anew; embeddings still come from the cache.")
]
CompactOption = Annotated[
    bool, typer.Option("--compact", help="Fold additions and deletions into the vector and lexical index.")
]


@index_app.callback()
def index(
    context: typer.Context,
    *,
    full: FullOption = False,
    compact: CompactOption = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Bring the index up to date with what was ingested, or look after its generations."""
    if context.invoked_subcommand is not None:
        return
    from ragcli.index.build import build_index
    from ragcli.workspace import Workspace

    settings = load(config, set_, workspace).config
    with progress() as listener:
        result = build_index(
            settings, Workspace(settings.workspace.path), full=full, compact=compact, progress=listener
        )
    Output("index", format).emit(result, lambda console: _line(console, result.summary))


@index_app.command()
def history(
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """List the kept generations, newest first."""
    from ragcli.index.history import history as list_history
    from ragcli.workspace import Workspace

    settings = load(config, set_, workspace).config
    result = list_history(Workspace(settings.workspace.path))
    Output("index history", format).emit(result, lambda console: _print_history(console, result))


@index_app.command()
def rollback(
    generation: Annotated[
        str | None, typer.Argument(help="Which one [default: the one before the live one].", show_default=False)
    ] = None,
    *,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Answer queries from an older generation again; the next index run brings it up to date."""
    from ragcli.index.history import rollback as roll_back
    from ragcli.workspace import Workspace

    settings = load(config, set_, workspace).config
    result = roll_back(settings, Workspace(settings.workspace.path), generation)
    Output("index rollback", format).emit(result, lambda console: _line(console, _rollback_line(result)))


@index_app.command()
def gc(
    *,
    embeddings: Annotated[
        bool, typer.Option("--embeddings", help="Also forget cached vectors that no kept generation uses.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and change nothing.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Remove generations beyond workspace.keep_generations, and what only they needed."""
    from ragcli.index.history import gc as collect
    from ragcli.workspace import Workspace

    settings = load(config, set_, workspace).config
    result = collect(settings, Workspace(settings.workspace.path), embeddings=embeddings, dry_run=dry_run)
    Output("index gc", format).emit(result, lambda console: _line(console, _gc_line(result)))


def _line(console: "Console", text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)


def _rollback_line(result: "RollbackResult") -> str:
    return f"index rollback: generation {result.generation} is live, {result.before or 'none'} was"


def _gc_line(result: "GcResult") -> str:
    gone = ", ".join(result.generations) or "none"
    if result.dry_run:
        return f"index gc: would remove generations: {gone}; leftovers: {', '.join(result.leftovers) or 'none'}"
    return (
        f"index gc: removed generations: {gone}; {len(result.leftovers)} leftovers, {result.documents:,} retired"
        f" documents with {result.chunks:,} chunks, {result.embeddings:,} cached embeddings"
    )


def _print_history(console: "Console", rows: "list[PastGeneration]") -> None:
    if not rows:
        _line(console, "no generation yet: run ragcli index")
        return
    from rich.table import Table

    table = Table("", "generation", "parent", "created", box=None, pad_edge=False)
    for name in ("chunks", "added", "removed", "MB"):
        table.add_column(name, justify="right")
    table.add_column("model")
    for row in rows:
        mark = "*" if row.live else ""
        if row.problem:
            table.add_row(mark, row.name, "", "", "", "", "", "", f"damaged: {row.problem}")
            continue
        counts = (f"{row.chunks:,}", f"{row.added:,}", f"{row.removed:,}", f"{row.bytes / 1e6:,.1f}")
        table.add_row(mark, row.name, row.parent or "-", row.created, *counts, row.model or "-")
    console.print(table)


@contextmanager
def progress() -> "Iterator[Progress | None]":
    """A progress bar on stderr while the index is built; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Bars(bar)


class _Bars:
    """One bar per stage, with its rate."""

    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._tasks: dict[str, tuple[TaskID, float]] = {}

    def update(self, stage: str, done: int, total: int) -> None:
        """See ``index.progress.Progress``."""
        if stage not in self._tasks:
            self._tasks[stage] = (self._bar.add_task(stage, total=total, rate=""), time.monotonic())
        task, started = self._tasks[stage]
        rate = done / max(time.monotonic() - started, 1e-3)
        self._bar.update(task, completed=done, rate=f"{rate:,.0f} chunks/s")
