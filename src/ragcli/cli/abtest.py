"""``ragcli abtest`` and the commands below it."""

from collections.abc import Callable

import typer

from ragcli.cli.abtest_analysis import analyze, power, simulate
from ragcli.cli.abtest_compare import aa, compare
from ragcli.cli.abtest_create import create
from ragcli.cli.abtest_events import query, record
from ragcli.cli.abtest_experiments import assign, delete, list_, show, start, stop
from ragcli.cli.tree import Command, Group

abtest_app = typer.Typer(cls=Group, help="Compare configurations, offline on the same questions or online on users.")
_VERBS: tuple[Callable[..., None], ...] = (
    *(compare, aa, create, list_, show, start, stop, delete),
    *(assign, query, record, analyze, power, simulate),
)
for verb in _VERBS:
    abtest_app.command(verb.__name__.rstrip("_"), cls=Command)(verb)
