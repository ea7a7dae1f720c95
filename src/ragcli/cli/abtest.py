"""``ragcli abtest`` and the commands below it."""

import typer

from ragcli.cli.abtest_compare import aa, compare
from ragcli.cli.tree import Command, Group

abtest_app = typer.Typer(
    cls=Group, help="Compare configurations: offline on the same questions, online on split traffic."
)
for verb in (compare, aa):
    abtest_app.command(cls=Command)(verb)
