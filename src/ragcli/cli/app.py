"""The command tree. Command modules import nothing heavy: what a command needs, it imports when it runs."""

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from ragcli.cli.tree import ORDER, Command, Group


def app_for(words: Sequence[str] = ()) -> typer.Typer:
    """The tree, or the one branch of it that a command line calls: to describe all commands takes longer than many run.

    The module of a command has its name, and in it either the command or, as ``<name>_app``, a group of commands.

    Args:
        words: The command line; when its first word is no command, the tree is whole.
    """
    app = typer.Typer(
        name="ragcli",
        cls=Group,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(ragcli)
    for name in words[:1] if words and words[0] in ORDER else ORDER:
        module = import_module(f"ragcli.cli.{name}")
        group = getattr(module, f"{name}_app", None)
        if group is None:
            app.command(name, cls=Command)(getattr(module, name))
        else:
            app.add_typer(group, name=name)
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from ragcli import __version__

        print(f"ragcli {__version__}")
        raise typer.Exit


def ragcli(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a folder of documents into an index, ask it questions, and prove with numbers how well it answers."""


def command_of(arguments: Sequence[str]) -> str:
    """The command that words call, such as ``index gc``; empty when they call none."""
    called: list[str] = []
    command: object = typer.main.get_command(app_for(arguments))
    for word in arguments:
        command = command.commands.get(word) if isinstance(command, Group) else None
        if command is None:
            break
        called.append(word)
    return " ".join(called)
