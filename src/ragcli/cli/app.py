"""The command tree. Command modules import nothing heavy: what a command needs, it imports when it runs."""

from typing import Annotated

import typer

from ragcli.cli.chunks import chunks
from ragcli.cli.config import config_app
from ragcli.cli.doctor import doctor
from ragcli.cli.evaluate import evaluate
from ragcli.cli.index import index_app
from ragcli.cli.ingest import ingest
from ragcli.cli.init import init
from ragcli.cli.models import models_app
from ragcli.cli.query import query
from ragcli.cli.status import status
from ragcli.cli.sync import sync

app = typer.Typer(
    name="ragcli",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(init)
app.add_typer(config_app, name="config")
app.add_typer(models_app, name="models")
app.command()(ingest)
app.command()(chunks)
app.add_typer(index_app, name="index")
app.command()(sync)
app.command()(query)
app.command("eval")(evaluate)
app.command()(status)
app.command()(doctor)


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
