"""The command tree. Command modules import nothing heavy: what a command needs, it imports when it runs."""

from typing import Annotated

import typer

app = typer.Typer(
    name="ragcli",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
