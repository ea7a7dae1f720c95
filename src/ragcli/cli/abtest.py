"""``ragcli abtest`` and the commands below it."""

import typer

from ragcli.cli.abtest_analysis import analyze
from ragcli.cli.abtest_compare import aa, compare
from ragcli.cli.abtest_events import query, record
from ragcli.cli.abtest_experiments import assign, create, delete, list_, show, start, stop
from ragcli.cli.tree import Command, Group

abtest_app = typer.Typer(cls=Group, help="Compare configurations, offline on the same questions or online on users.")
for verb in (compare, aa, create):
    abtest_app.command(cls=Command)(verb)
abtest_app.command("list", cls=Command)(list_)
for verb in (show, start, stop, delete, assign, query, record, analyze):
    abtest_app.command(cls=Command)(verb)
