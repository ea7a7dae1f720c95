"""``ragcli eval sweep``: a grid of settings, and the best of them on questions it was not chosen by."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, columns, line
from ragcli.errors import UsageError
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from ragcli.evaluate.sweep.result import Standing, SweepResult

GridOption: TypeAlias = Annotated[
    Path, typer.Option(metavar="FILE", help="YAML: dotted settings, each with a list of values.", show_default=False)
]
DatasetOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="BEIR folder, TREC topics, JSONL or CSV [default: evaluate.dataset]."),
]
SplitOption: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which qrels/NAME.tsv of a BEIR folder [default: evaluate.split].")
]
TopKOption: TypeAlias = Annotated[
    int | None,
    typer.Option("--top-k", "-k", metavar="N", help="How many documents are retrieved [default: evaluate.top_k]."),
]
WriteOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the winning configuration here.", show_default=False)
]


def sweep(
    grid: GridOption,
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    metric: Annotated[str, typer.Option(metavar="NAME", help="What the winner is chosen by.")] = "nDCG@10",
    top_k: TopKOption = None,
    holdout: Annotated[float, typer.Option(metavar="SHARE", help="Share of questions held out of the choice.")] = 0.3,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides which questions are held out.")] = 0,
    max_points: Annotated[int, typer.Option(metavar="N", help="Refuse larger grids.")] = 200,
    write: WriteOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Score again what an earlier run has scored.")] = False,
    format: Annotated[Literal["table", "json", "csv"], typer.Option("--format", help="How to print it.")] = "table",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Try a grid of settings on judged questions, choose by some and report on the others; goes on where it stopped."""
    from ragcli.evaluate.datasets import load_dataset
    from ragcli.evaluate.evaluation import required_dataset
    from ragcli.evaluate.sweep.best import write_best
    from ragcli.evaluate.sweep.grid import Loader, points, read_grid
    from ragcli.evaluate.sweep.run import SweepOptions, unseen_candidates
    from ragcli.evaluate.sweep.run import sweep as run_sweep

    output = Output("eval sweep", format)
    flags = {
        "workspace.path": workspace,
        "evaluate.dataset": dataset,
        "evaluate.split": split,
        "evaluate.top_k": top_k,
    }
    base = load(config, set_, workspace, flags)
    if write is not None and base.file is not None and write.absolute() == base.file:
        raise UsageError("--write would overwrite the base configuration", hint="--write best.yaml")
    choices = read_grid(grid, max_points)
    tried = points(choices, base, Loader(config, set_ or (), flags))
    if unseen_candidates(tried):
        output.warn(
            "query.candidates below evaluate.top_k changes nothing: as many are considered; --top-k 10 shows it"
        )
    settings = base.config.evaluate
    questions = load_dataset(required_dataset(settings), settings.split)
    result = run_sweep(tried, choices, questions, SweepOptions(metric, holdout, seed, fresh), _Ticker())
    if write is not None:
        best = next(point for point in tried if point.number == result.winner.number)
        write_best(write, best.loaded, result)
    if format == "csv":
        _print_csv(result)
    else:
        output.emit(result, lambda: _print(result, write))


class _Ticker:
    """Counts points on stderr while it is a terminal."""

    def update(self, stage: str, done: int, total: int) -> None:
        """See ``Progress``."""
        if sys.stderr.isatty():
            print(f"\r{stage}: {done} of {total} points", end="" if done < total else "\n", file=sys.stderr, flush=True)


def _print_csv(result: "SweepResult") -> None:
    import csv

    keys = list(result.base.settings)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["point", *keys, f"tune {result.metric}", "chosen"])
    for point in result.points:
        cells = [_shown(point.settings.get(key)) for key in keys]
        writer.writerow([point.number, *cells, repr(point.tune), str(point.chosen).lower()])


def _print(result: "SweepResult", write: Path | None) -> None:
    for text in _lines(result, write):
        line(text)


def _lines(result: "SweepResult", write: Path | None) -> Iterator[str]:
    from ragcli.evaluate.gates import p_text

    keys = list(result.base.settings)
    rows = [("point", *keys, result.metric, "")]
    for point in sorted(result.points, key=lambda point: (-point.tune, not point.chosen, point.number)):
        mark = "chosen" if point.chosen else "" if point.number else "base"
        cells = [_shown(point.settings.get(key)) for key in keys]
        rows.append((str(point.number), *cells, f"{point.tune:.4f}", mark))
    yield f"{result.dataset}: {result.metric} on the {counted(result.tune_queries, 'question')} to tune on"
    yield from columns(rows, right=[len(keys) + 1])
    yield ""
    yield f"{result.metric} on the {counted(result.held_out_queries, 'question')} held out, with 95 % intervals"
    yield f"  base    {_held_out(result.base)}"
    yield f"  chosen  {_held_out(result.winner)}"
    item = result.comparison
    if item is None:
        yield "  no point is better than the base"
    else:
        shown = f"{item.interval.low:+.4f} to {item.interval.high:+.4f}"
        counts = f"{item.counts.wins} better, {item.counts.losses} worse, {item.counts.ties} equal"
        yield f"  change  {item.difference:+.4f} ({shown}), p {p_text(item.p)}; {counts}"
    yield from (f"{name}: {note}" for name, note in result.notes.items())
    work = result.work
    yield (
        f"eval sweep: {counted(len(result.points), 'point')} ({work.resumed} from earlier runs),"
        f" {counted(work.workspaces, 'way', 'ways')} to cut, {counted(work.indexes, 'index', 'indexes')},"
        f" {counted(work.searches, 'search', 'searches')} run and {work.spared:,} shared; {result.seconds:.1f} s"
    )
    if write is not None:
        yield f"wrote {write}"


def _held_out(standing: "Standing") -> str:
    return f"{standing.held_out:.4f} ({standing.interval.low:.4f} to {standing.interval.high:.4f})"


def _shown(value: object) -> str:
    import json

    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value)
