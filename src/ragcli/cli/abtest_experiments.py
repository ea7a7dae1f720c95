"""``ragcli abtest list, show, start, stop, delete, assign``: experiments and who sees what."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragcli.cli.abtest_options import (
    NameArgument,
    SplitOption,
)
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load_workspace
from ragcli.cli.output import Output, columns, line, printable
from ragcli.errors import UsageError
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from ragcli.abtest.experiment import Experiment
    from ragcli.abtest.metrics import MetricSpec
    from ragcli.abtest.store import ExperimentStore

_BATCH = 10_000  # users
_TOLD = ("name", "state", "mode", "rule", "salt", "horizon", "alpha", "correction", "min_users")


@contextmanager
def opened(
    config: Path | None, overrides: list[str] | None, workspace: Path | None, *, readonly: bool = False
) -> "Iterator[ExperimentStore]":
    """The experiments of the workspace."""
    from ragcli.abtest.store import ExperimentStore

    _, place = load_workspace(config, overrides, workspace)
    if readonly and not place.catalog.exists():
        raise UsageError(f"there are no experiments in {place.root}", hint="ragcli abtest create NAME ...")
    with ExperimentStore(place.catalog, readonly=readonly) as store:
        yield store


def list_(
    *,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """List the experiments."""
    with opened(config, set_, workspace, readonly=True) as store:
        found = [(store.load(name), *store.count(name)) for name in store.names()]
    rows = []
    for one, users, events in found:
        shares = " ".join(f"{name} {share:.4g}" for name, share in one.shares.items())
        rows.append((one.name, one.state, shares, f"{sum(users.values()):,}", f"{events:,}", _moment(one.created)))

    def show() -> None:
        for text in columns([("experiment", "state", "shares", "users", "events", "created"), *rows], right=(3, 4)):
            line(text)

    fields = [_facts(one) | {"users": users, "events": events} for one, users, events in found]
    Output("abtest list", format).emit({"experiments": fields}, show)


def show(
    name: NameArgument,
    *,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Show what an experiment is made of, and how many users and events it has."""
    with opened(config, set_, workspace, readonly=True) as store:
        experiment, (users, events) = store.load(name), store.count(name)
    seen = [name for name in (*experiment.names, *users) if name in users]
    told = ", ".join(f"{name} {users[name]:,}" for name in dict.fromkeys(seen)) or "none"
    headline = f"{experiment.state}: {name}; users: {told}; {counted(events, 'event')}"
    emit(Output("abtest show", format), experiment, headline, users=users, events=events)


def start(
    name: NameArgument,
    *,
    split: SplitOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Start a draft, or give a running experiment other shares: nobody falls out of a treatment that grows."""
    from ragcli.abtest.experiment import treatment_shares

    with opened(config, set_, workspace) as store:
        before = store.load(name)
        if before.state == "stopped":
            raise UsageError(f"{name} has been stopped, and its users know it", hint="ragcli abtest create a new one")
        if before.state == "running" and split is None:
            raise UsageError(f"{name} is running already", hint="--split SHARE gives it other shares")
        now = time.time()
        after = replace(before, state="running", started=before.started or now)
        if split is not None:
            after = after.with_shares(treatment_shares(split, before.names[1:]), now)
        store.change(after)
    output = Output("abtest start", format)
    if before.state == "running":
        output.warn("users whose variant changes are left out of the analysis, lest one be in two")
    emit(output, after, f"running: {name}")


def stop(
    name: NameArgument,
    *,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Stop an experiment: what happens from now on is late, and not analysed."""
    with opened(config, set_, workspace) as store:
        before = store.load(name)
        if before.state != "running":
            raise UsageError(f"{name} is not running: {before.state}")
        after = replace(before, state="stopped", stopped=time.time())
        store.change(after)
    emit(Output("abtest stop", format), after, f"stopped: {name}")


def delete(
    name: NameArgument,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Really; without it only what would go is said.")] = False,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Delete an experiment with everything that was recorded in it."""
    with opened(config, set_, workspace) as store:
        store.load(name)
        users, events = store.count(name)
        if yes:
            store.delete(name)
    about = f"{name}, {counted(sum(users.values()), 'user')}, {counted(events, 'event')}"
    told = f"deleted: {about}" if yes else f"would delete: {about}; --yes does"
    output = Output("abtest delete", format)
    output.emit({"name": name, "deleted": yes, "users": users, "events": events}, lambda: line(told))


def assign(
    name: NameArgument,
    users: Annotated[
        list[str],
        typer.Argument(metavar="USER...", help="The user, or several; - reads one a line from standard input."),
    ],
    *,
    log: Annotated[
        bool, typer.Option("--log/--no-log", help="Record that they see it now, in a running experiment.")
    ] = True,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Print the variant of a user: always the same one, on every machine that has the experiment."""
    output = Output("abtest assign", format)
    with opened(config, set_, workspace, readonly=not log) as store:
        experiment = store.load(name)
        if experiment.mode == "interleave":
            raise UsageError(f"{name} mixes the rankings for everybody", hint=f"ragcli abtest query {name} QUESTION")
        pairs = ((user, experiment.assigner(user)) for user in _users(users))
        logged = log and experiment.state == "running"
        shown: list[dict[str, str]] = []
        while batch := list(islice(pairs, _BATCH)):
            if logged:
                store.expose(name, batch, time.time())
            if format == "json":
                shown += [{"user": user, "variant": variant} for user, variant in batch]
            elif len(users) == 1 and users != ["-"]:
                line(batch[0][1])
            else:
                print("".join(f"{printable(user)}\t{variant}\n" for user, variant in batch), end="")
    output.emit({"experiment": name, "logged": logged, "users": shown}, lambda: None)


def check_users(users: Iterable[str]) -> None:
    """Refuse users whose names cannot be stored."""
    from ragcli.abtest.events import check_user

    for user in users:
        try:
            check_user(user)
        except ValueError as error:
            raise UsageError(str(error), hint="--user NAME, any text in UTF-8") from error


def _users(given: Sequence[str]) -> Iterator[str]:
    if list(given) != ["-"]:
        check_users(given)
        yield from given
        return
    for text in sys.stdin.buffer:
        if user := text.decode("utf-8", "replace").rstrip("\r\n"):
            yield user


def _facts(experiment: "Experiment") -> dict[str, Any]:
    return {
        **{key: getattr(experiment, key) for key in _TOLD},
        **{key: _moment(getattr(experiment, key)) for key in ("created", "started", "stopped")},
        "shares": experiment.shares,
        "variants": [
            {"name": one.name, "source": one.source, "fingerprint": one.fingerprint} for one in experiment.variants
        ],
        "metrics": experiment.metrics,
        "overrides": experiment.overrides,
    }


def emit(output: Output, experiment: "Experiment", headline: str, **more: object) -> None:
    """Print what an experiment is made of."""

    def show() -> None:
        line(headline)
        shares = experiment.shares
        mixed = experiment.mode == "interleave"
        rows = [
            (one.name, "mixed" if mixed else f"{shares[one.name]:.4g}", one.fingerprint, one.source)
            for one in experiment.variants
        ]
        for text in columns([("variant", "share", "settings", "file"), *rows], right=(1,)):
            line(text)
        if mixed:
            line("both rankings are mixed for everybody, and clicks decide: ragcli abtest record --impression --click")
        for metric in () if mixed else experiment.metrics:
            line(_declared(metric))
        many = "Holm" if experiment.correction == "holm" else "Benjamini and Hochberg"
        line(f"alpha {experiment.alpha:g}, {many}; at least {experiment.min_users:,} users a variant")
        if experiment.horizon:
            line(f"decides at {experiment.horizon:,} users")
        for user, variant in experiment.overrides.items():
            line(f"tester: {user} sees {variant}")

    output.emit(_facts(experiment) | more, show)


def _declared(metric: "MetricSpec") -> str:
    better = "higher" if metric.better > 0 else "lower"
    kind = "conversion or mean, as is recorded" if metric.kind == "auto" else metric.kind
    allowed = (
        f"{metric.margin.value:.4g}" if not metric.margin.relative else f"{100 * metric.margin.value:.4g}% of control"
    )
    rest = f"; at most {allowed} worse" if metric.role == "guardrail" else ""
    return f"{metric.role}: {metric.name}, {better} is better; {kind}{rest}"


def _moment(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
