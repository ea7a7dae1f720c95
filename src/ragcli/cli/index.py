"""``ragcli index``: from the catalog to a searchable generation, and its history."""

from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load_workspace
from ragcli.cli.output import Output, columns, line
from ragcli.cli.progress import indexing
from ragcli.cli.tree import Command, Group
from ragcli.errors import IndexMissingError

if TYPE_CHECKING:
    from ragcli.index.history import GcResult, PastGeneration, RollbackResult

index_app = typer.Typer(cls=Group, invoke_without_command=True)

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

    settings, space = load_workspace(config, set_, workspace)
    with indexing() as listener:
        result = build_index(settings, space, full=full, compact=compact, progress=listener)
    Output("index", format).emit(result, lambda: line(result.summary))


@index_app.command(cls=Command)
def history(
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """List the kept generations, newest first."""
    from ragcli.index.history import history as list_history

    _, space = load_workspace(config, set_, workspace)
    if not space.catalog.exists():
        raise IndexMissingError(f"there is no workspace at {space.root}", hint="ragcli ingest PATH")
    result = list_history(space)
    Output("index history", format).emit({"generations": result}, lambda: _print_history(result))


@index_app.command(cls=Command)
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

    result = roll_back(*load_workspace(config, set_, workspace), generation)
    Output("index rollback", format).emit(result, lambda: line(_rollback_line(result)))


@index_app.command(cls=Command)
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

    result = collect(*load_workspace(config, set_, workspace), embeddings=embeddings, dry_run=dry_run)
    Output("index gc", format).emit(result, lambda: line(_gc_line(result)))


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


def _print_history(rows: "list[PastGeneration]") -> None:
    if not rows:
        line("no generation yet: run ragcli index")
        return
    cells = [("generation", "made (UTC)", "chunks", "added", "removed", "MB", "model")]
    for row in rows:
        counts = (f"{row.chunks:,}", f"{row.added:,}", f"{row.removed:,}", f"{row.bytes / 1e6:,.1f}")
        facts = ("damaged", "", "", "", "", row.problem)
        if not row.problem:
            facts = (row.created[:16].replace("T", " "), *counts, row.model.rpartition("/")[2] or "-")
        cells.append((f"{row.name} *" if row.live else row.name, *facts))
    for text in columns(cells, right=(2, 3, 4, 5)):
        line(text)
