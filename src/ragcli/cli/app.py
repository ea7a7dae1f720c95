"""The command tree. Command modules import nothing heavy: what a command needs, it imports when it runs."""

from collections.abc import Sequence
from typing import Annotated

import typer

from ragcli.cli.chunks import chunks
from ragcli.cli.config import config_app
from ragcli.cli.doctor import doctor
from ragcli.cli.eval_data import eval_app
from ragcli.cli.index import index_app
from ragcli.cli.ingest import ingest
from ragcli.cli.init import init
from ragcli.cli.models import models_app
from ragcli.cli.query import query
from ragcli.cli.status import status
from ragcli.cli.sync import sync
from ragcli.cli.tree import Command, Group

app = typer.Typer(
    name="ragcli",
    cls=Group,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb in (init, ingest, chunks, sync, query, status, doctor):
    app.command(cls=Command)(verb)
app.add_typer(index_app, name="index")
app.add_typer(eval_app, name="eval")
app.add_typer(models_app, name="models")
app.add_typer(config_app, name="config")


def _version(wanted: bool) -> None:
    if wanted:
        from ragcli import __version__

        print(f"ragcli {__version__}")
        raise typer.Exit


@app.callback()
def ragcli(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a folder of documents into an index, ask it questions, and prove with numbers how well it answers."""


def command_of(arguments: Sequence[str]) -> str:
    """The command that words call, such as ``index gc``; empty when they call none."""
    called: list[str] = []
    command: object = typer.main.get_command(app)
    for word in arguments:
        command = command.commands.get(word) if isinstance(command, Group) else None
        if command is None:
            break
        called.append(word)
    return " ".join(called)
