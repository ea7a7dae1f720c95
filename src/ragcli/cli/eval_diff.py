"""``ragcli eval diff``: two evaluations query by query, and where each lost document was lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragcli.cli.eval_options import MismatchOption
from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, line
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from ragcli.evaluate.diff import DiffResult, LostDocument, QueryChange

ResultArgument = Annotated[
    str,
    typer.Argument(metavar="RESULT", help="A file, @last, @branch:NAME, or an id of the store.", show_default=False),
]


def diff(
    before: ResultArgument,
    after: ResultArgument,
    *,
    metric: Annotated[
        str, typer.Option(metavar="NAME", help="What queries are compared by [default: the first].")
    ] = "",
    top: Annotated[int, typer.Option(metavar="N", min=1, help="How many queries are shown.")] = 20,
    allow_mismatch: MismatchOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: Annotated[Literal["table", "json", "md"], typer.Option("--format", help="How it is printed.")] = "table",
) -> None:
    """Show what changed between two evaluations, the greatest damage first, and at which stage documents were lost."""
    from ragcli.evaluate.diff import diff as compare
    from ragcli.evaluate.store import ResultStore
    from ragcli.workspace import Workspace

    settings = load(config, set_, workspace).config
    store = ResultStore(Workspace(settings.workspace.path).results, Path.cwd())
    found = compare(store.load(before)[1], store.load(after)[1], metric, frozenset(allow_mismatch or ()))
    write = _markdown if format == "md" else _lines

    def show() -> None:
        for text in write(found, top):
            line(text)

    Output("eval diff", format).emit(found, show)


def _lines(found: "DiffResult", top: int) -> Iterator[str]:
    yield _summary(found)
    yield from (f"changed: {name}: {old} -> {new}" for name, (old, new) in found.settings.items())
    for one in found.changes[:top]:
        yield f"{one.query}  {_change(one)}  {one.text}"
        yield from (f"    lost    {_lost(lost)}" for lost in one.lost)
        yield from (f"    gained  {name}, now at rank {rank}" for name, rank in one.gained.items())
    if len(found.changes) > top:
        yield f"... and {len(found.changes) - top} more; --top shows them"


def _markdown(found: "DiffResult", top: int) -> Iterator[str]:
    yield _summary(found)
    yield from ("", f"| query | {found.metric} | lost | gained |", "|---|---|---|---|")
    for one in found.changes[:top]:
        lost = "; ".join(_lost(lost) for lost in one.lost)
        gained = "; ".join(f"{name} (rank {rank})" for name, rank in one.gained.items())
        cells = (f"{one.query}: {one.text}", _change(one), lost, gained)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _summary(found: "DiffResult") -> str:
    where = "; lost: " + ", ".join(f"{count} {stage}" for stage, count in found.stages.items()) if found.stages else ""
    changed = counted(len(found.changes), "query", "queries")
    return (
        f"{found.metric} {found.before:.4f} -> {found.after:.4f}; {changed} changed, {found.unchanged} did not{where}"
    )


def _change(one: "QueryChange") -> str:
    return f"{one.before:.4f} -> {one.after:.4f}"


def _lost(lost: "LostDocument") -> str:
    arms = ", ".join(f"{arm} rank {rank}" for arm, rank in sorted(lost.after.arms.items()))
    now = f" to rank {lost.after.rank}" if lost.after.rank else ""
    return f"{lost.document}, was at rank {lost.rank}: {lost.stage}{now}{f' ({arms})' if arms else ''}"
