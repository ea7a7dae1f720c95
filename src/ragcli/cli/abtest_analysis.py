"""``ragcli abtest analyze, power, simulate``: from events to a decision, and how many events that takes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragcli.cli.abtest_experiments import opened
from ragcli.cli.abtest_options import NameArgument
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption
from ragcli.cli.output import Output, columns, envelope, line, plain
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ragcli.abtest.analysis import Analysis
    from ragcli.abtest.planning import Plan, Simulated
    from ragcli.abtest.preference import Preference
    from ragcli.evaluate.margin import Margin

FilesOption = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help="Also write a .html, .md or .json file. Repeatable."),
]
ReportFormat = Annotated[
    Literal["table", "json", "md", "html"], typer.Option("--format", help="How the analysis is printed.")
]


EffectOption = Annotated[
    str | None,
    typer.Option("--effect", metavar="AMOUNT", help="The change to find: 0.02, or 5% of control.", show_default=False),
]
UsersOption = Annotated[
    int | None,
    typer.Option("--users", metavar="N", min=4, help="Users of all variants [default: the horizon, or who has come]."),
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric", "-m", metavar="METRIC", help="Of the experiment. Repeatable [default: all but quantiles]."
    ),
]


def analyze(
    name: NameArgument,
    *,
    files: FilesOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: ReportFormat = "table",
) -> None:
    """Decide: first whether the experiment is sound, then every metric, then what to do (status 0, 10, 11 or 12)."""
    from ragcli.abtest.reports import SUFFIXES
    from ragcli.evaluate.reports.files import check_files

    output = Output("abtest analyze", format)
    check_files(files or (), SUFFIXES)
    with opened(config, set_, workspace, readonly=True) as store:
        experiment = store.load(name)
        if experiment.mode == "interleave":
            from ragcli.abtest.preference import prefer

            preferred = prefer(store, experiment)
            _emit(output, preferred, files or (), lambda: _show_preference(preferred))
        else:
            from ragcli.abtest.analysis import analyze as analyse

            found = analyse(store, experiment)
            _emit(output, found, files or (), lambda: _show(found))


def _emit(output: Output, found: "Analysis | Preference", files: "Sequence[Path]", human: "Callable[[], None]") -> None:
    from ragcli.abtest.reports import document, render
    from ragcli.evaluate.reports.files import write_files

    content = document(found)
    whole = envelope(output.command, content, output.warnings, found.failure) + "\n"
    write_files(files, lambda suffix: whole if suffix == ".json" else render(suffix, found))
    if output.format in {"md", "html"}:
        text = render(f".{output.format}", found)
        output.emit(None, lambda: print(text, end=""), error=found.failure)
    else:
        output.emit(content, human, error=found.failure)


def _show(found: "Analysis") -> None:
    from ragcli.abtest.reports import table

    line(table.headline(found))
    for check in found.health:
        line(f"{check.level}: {check.message}", indent=4)
    print()
    several = len(found.decisions) > 1
    for text in columns([row[not several :] for row in (table.HEADS, *table.rows(found.findings))]):
        line(text)
    print()
    for one in found.findings:
        line(f"{table.title(one)}:")
        for text in table.remarks(one):
            line(f"  {text}", indent=4)
    print()
    line(table.method(found))
    line(found.sentence)


def _show_preference(found: "Preference") -> None:
    from ragcli.abtest.reports import table

    for text in table.preference(found):
        line(text)
    line(found.sentence)


def power(
    name: NameArgument,
    *,
    effect: EffectOption = None,
    users: UsersOption = None,
    wanted: Annotated[float, typer.Option("--power", metavar="P", help="Probability of finding it.")] = 0.8,
    metric: MetricOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Tell how many users find a change, and which change so many users find, by how control's users differ."""
    from ragcli.abtest.planning import Question, plan

    if not 0.0 < wanted < 1.0:
        raise UsageError(f"--power {wanted:g} is no probability", hint="between 0 and 1, such as 0.8")
    with opened(config, set_, workspace, readonly=True) as store:
        plans = plan(store, name, Question(_change(effect), users, metric or ()), wanted)

    def show() -> None:
        for one in plans:
            line(_planned(one, wanted))
        line(f"users of all variants, alpha {_alphas(plans)}, at a fixed horizon")
        line("the always-valid analysis needs more: ragcli abtest simulate tells how many")

    Output("abtest power", format).emit({"power": wanted, "metrics": plain(plans)}, show)


def _planned(one: "Plan", wanted: float) -> str:
    from ragcli.abtest.reports.table import amount, signed

    known = f"{one.metric.name}: control {amount(one.control)}, deviation {amount(one.deviation)}"
    least = f"{one.now:,} users find a change of {amount(one.detectable)} with {wanted:.0%} probability"
    if one.users is None or one.effect is None:
        return f"{known}; {least}"
    days = "" if one.days is None else f", {max(one.days, 0.1):,.1f} days at the pace so far"
    return f"{known}; {one.users:,} users find {signed(one.effect)} with {wanted:.0%} probability{days}; {least}"


def simulate(
    name: NameArgument,
    *,
    effect: EffectOption = None,
    users: UsersOption = None,
    every: Annotated[int, typer.Option("--every", metavar="USERS", min=1, help="Users between two looks.")] = 100,
    repeats: Annotated[int, typer.Option("--repeats", metavar="N", min=100, help="Experiments.")] = 2_000,
    metric: MetricOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Repeat the experiment on control's own users: how often it cries wolf, and how often it finds an effect."""
    from ragcli.abtest.planning import Question
    from ragcli.abtest.planning import simulate as repeat

    with opened(config, set_, workspace, readonly=True) as store:
        found = repeat(store, name, Question(_change(effect), users, metric or ()), every, repeats)

    def show() -> None:
        rows = [row for one in found for row in _simulated(one)]
        heads = ("metric", "effect", "users", "looks", "once, at the end", "peeking", "always valid", "stops at")
        for text in columns([heads, *rows], right=range(1, len(heads))):
            line(text)
        line(f"share of experiments that call a difference at alpha {_alphas(found)}: without an effect false alarms")
        line("peeking: the t-test looked at again and again, which is what the always-valid analysis is for")

    Output("abtest simulate", format).emit({"repeats": repeats, "metrics": plain(found)}, show)


def _alphas(found: "Sequence[Plan | Simulated]") -> str:
    """Levels of the tests, each once."""
    return ", ".join(dict.fromkeys(f"{one.alpha:.3g}" for one in found))


def _simulated(one: "Simulated") -> "Iterator[tuple[str, ...]]":
    from ragcli.abtest.reports.table import signed

    for effect, own in ((0.0, one.nothing), (one.effect, one.something)):
        if own is not None:
            stops = "-" if own.stopped != own.stopped else f"{own.stopped:,.0f}"
            shares = (own.fixed, own.peeking, own.sequential)
            told = f"{one.users:,}", f"{own.looks:,}", *(f"{share:.1%}" for share in shares), stops
            yield one.metric.name, signed(effect) if effect else "none", *told


def _change(text: str | None) -> "Margin | None":
    from ragcli.evaluate.margin import Margin

    if text is None:
        return None
    found = Margin.parse(text)
    if not found.value:
        raise UsageError("--effect 0 is no change", hint="--effect 0.02 or --effect 5%")
    return found
