"""``ragcli abtest query, record``: serve users their variants, and tell what they did."""

import sys
import time as clock
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragcli.cli.abtest_experiments import check_users, opened
from ragcli.cli.abtest_options import NameArgument
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption
from ragcli.cli.output import Output, console, line, note, plain
from ragcli.errors import DataError, UsageError
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from ragcli.abtest.ask import Served
    from ragcli.abtest.experiment import Experiment
    from ragcli.abtest.store import Event, Recorded

UserOption = Annotated[
    str | None, typer.Option("--user", "-u", metavar="USER", help="Who asks or acts.", show_default=False)
]


def query(
    name: NameArgument,
    question: Annotated[str, typer.Argument(help="The question.", show_default=False)],
    *,
    user: UserOption = None,
    answer: Annotated[bool, typer.Option("--answer", "-a", help="Answer the question too.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Ask as a user: the assigned configuration answers; variant, times, tokens, cost and hits are recorded."""
    from ragcli.abtest.ask import ask

    if not user or not question.strip():
        raise UsageError(
            "the question is empty" if user else "whose question is it? --user is missing",
            hint=f'ragcli abtest query {name} "how do I ..." --user USER',
        )
    check_users([user])
    output = Output("abtest query", format)
    with opened(config, set_, workspace) as store:
        served = ask(store, store.load(name), question, user, answer=answer)
    for warning in served.warnings:
        output.warn(warning)
    _show(output, served, name)


def _show(output: Output, served: "Served", name: str) -> None:
    from ragcli.cli.hits import Rendering, as_json, highlighter, print_table

    look = Rendering(False, name, highlighter(served.config))

    def human() -> None:
        if served.answered is not None:
            from ragcli.cli.answers import print_answer

            print_answer(served.answered)
        screen = console()
        print_table(screen, served.result, look, heading=False)
        screen.file.flush()
        note(f"variant {served.variant}, {served.metrics['latency_ms']:.1f} ms, impression {served.impression}")

    told: dict[str, Any] = {"experiment": name, "variant": served.variant, "impression": served.impression}
    told |= {"metrics": served.metrics, "teams": served.teams, **as_json(served.result, look)}
    if served.answered is not None:
        told["answer"] = plain(served.answered.answer)
    output.emit(told, human)


def record(
    name: NameArgument,
    *,
    user: UserOption = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", "-m", metavar="NAME=NUMBER", help="What is told of the user. Repeatable."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="FILE", help="Events as JSON lines, see docs/formats.md; - reads standard input."
        ),
    ] = None,
    id_: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="The event's id: recorded again, it counts once.")
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", metavar="TIME", help="When it happened, ISO 8601 [default: now].")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="VARIANT", help="What the user saw, where ragcli did not serve it."),
    ] = None,
    impression: Annotated[
        str | None, typer.Option("--impression", metavar="ID", help="The impression that was clicked on.")
    ] = None,
    click: Annotated[
        int | None, typer.Option("--click", metavar="RANK", min=1, help="The rank of the hit that was clicked.")
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Record what users did: one event by flags, or many from a file. Each counts once, however often it is sent."""
    single = (user, metric, id_, time, variant, impression, click)
    if (file is None) == (user is None) or (file is not None and any(value is not None for value in single)):
        raise UsageError(
            "give --user with what happened, or --file alone",
            hint=f"ragcli abtest record {name} --user USER --metric clicked=1",
        )
    output = Output("abtest record", format)
    with opened(config, set_, workspace) as store:
        experiment = store.load(name)
        if file is None:
            one = _event(experiment, str(user), (metric or [], id_, time, variant), (impression, click))
            found = store.record(experiment, [one])
        else:
            from ragcli.abtest.events import parse_events

            label = "standard input" if file == Path("-") else str(file)
            found = store.record(experiment, parse_events(_lines(file), label, experiment.names))
    _tell(output, experiment, found)


def _event(
    experiment: "Experiment",
    user: str,
    told: tuple[list[str], str | None, str | None, str | None],
    clicked: tuple[str | None, int | None],
) -> "Event":
    """The one event that flags tell."""
    from ragcli.abtest import events
    from ragcli.abtest.store import Event

    check_users([user])
    metrics, event, time, variant = told
    try:
        when = clock.time() if time is None else events.parse_time(time)
        detail = {} if clicked == (None, None) else events.click(*clicked)
    except ValueError as error:
        raise UsageError(str(error), hint="--time 2026-01-31T12:00:00Z, --impression ID --click RANK") from error
    if variant is not None:
        experiment.variant(variant)
    if not (metrics or variant or detail):
        raise UsageError("what happened? --metric, --variant or --click is missing")
    values = events.parse_values(metrics)
    return Event(event or events.new_id(), user, when, variant or "", values, detail)


def _lines(file: Path) -> Iterator[bytes]:
    if file == Path("-"):
        yield from sys.stdin.buffer
        return
    try:
        with file.open("rb") as stream:
            yield from stream
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error


def _tell(output: Output, experiment: "Experiment", found: "Recorded") -> None:
    from ragcli.abtest.metrics import undeclared

    others = undeclared(found.metrics, experiment.metrics)
    for metric, nearest in others.items():
        if nearest:
            output.warn(f"the metric {metric!r} is not declared in {experiment.name}; did you mean {nearest!r}?")
    if rest := [metric for metric, nearest in others.items() if not nearest]:
        output.warn(f"not declared in {experiment.name}, so nothing is decided by: {', '.join(rest)}")
    if not found.events + found.duplicates:
        output.warn("there was no event to record")
    if found.unknown_users:
        events = counted(found.unknown_users, "event")
        output.warn(f"{events} of users who have not seen a variant: kept, and counted once they have")
    if found.stray_clicks:
        clicks = counted(found.stray_clicks, "click")
        output.warn(f"{clicks} on an impression or a rank that this user was not shown: kept, not counted")
    if found.late:
        output.warn(f"{counted(found.late, 'event')} after the experiment was stopped: kept, not analysed")
    if found.taken_ids:
        output.warn(
            f"{counted(found.taken_ids, 'event')} with the id of another user's event: not recorded;"
            " an id is of one event in the whole experiment"
        )
    duplicates = f", {counted(found.duplicates, 'duplicate')}" if found.duplicates else ""
    text = f"recorded: {counted(found.events, 'event')}{duplicates}"
    output.emit({"experiment": experiment.name, **plain(found)}, lambda: line(text))
