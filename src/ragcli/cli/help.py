"""One description of every command, which ``--help`` prints and docs/cli.md shows."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal, TypeAlias, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from ragcli.cli.parsing import name_of

Rows: TypeAlias = tuple[tuple[str, str], ...]

_TERM_COLUMNS = 28
_MAX_COLUMNS = 100


@dataclass(frozen=True, slots=True)
class HelpPage:
    """What there is to know about a command.

    Attributes:
        path: The command as it is typed, such as ``ragcli index gc``.
        usage: The command with its arguments.
        text: What it does.
        arguments: Each with what it means; likewise ``options`` and ``commands``.
    """

    path: str
    usage: str
    text: str
    arguments: Rows
    options: Rows
    commands: Rows


def describe(context: typer.Context) -> HelpPage:
    """The page of the command that a context stands for."""
    command = context.command
    visible = [one for one in command.get_params(context) if not getattr(one, "hidden", False)]
    arguments = [one for one in visible if isinstance(one, TyperArgument)]
    options = [one for one in visible if isinstance(one, TyperOption)]
    usage = [context.command_path, "[OPTIONS]", *map(_placeholder, arguments)]
    commands: Rows = ()
    if isinstance(command, TyperGroup):
        usage.append("[COMMAND]" if command.invoke_without_command else "COMMAND")
        names = command.list_commands(context)
        commands = tuple((name, _summary(command.commands[name].help)) for name in names)
    return HelpPage(
        path=context.command_path,
        usage=" ".join(usage),
        text=" ".join((command.help or "").split()),
        arguments=tuple((name_of(one), one.help or "") for one in arguments),
        options=tuple((_term(one), _meaning(one)) for one in options),
        commands=commands,
    )


def _placeholder(argument: TyperArgument) -> str:
    name = name_of(argument) if argument.required else f"[{name_of(argument)}]"
    return f"{name}..." if argument.nargs == -1 else name


def _term(option: TyperOption) -> str:
    if option.secondary_opts:
        return f"{option.opts[0]}, {option.secondary_opts[0]}"
    names = ", ".join(sorted(option.opts, key=len))
    return names if option.is_flag else f"{names} {_value(option)}"


def _value(option: TyperOption) -> str:
    annotation: Any = option.type_descriptor.annotation
    if get_origin(annotation) is Literal:
        return "|".join(get_args(annotation))
    return option.metavar or option.name.upper()


def _meaning(option: TyperOption) -> str:
    text = option.help or ""
    if not option.show_default or option.default in {None, False, ""}:
        return text
    default = option.opts[0] if option.default is True else option.default
    return f"{text} [default: {default}]"


def _summary(text: str | None) -> str:
    """The first clause of a description, which is what fits beside a command's name."""
    return " ".join((text or "").split()).split(";")[0].rstrip(".")


def render(page: HelpPage) -> str:
    """A page for the terminal, wrapped to its width."""
    width = min(shutil.get_terminal_size().columns, _MAX_COLUMNS)
    lines = [f"Usage: {page.usage}", "", *wrap(page.text, width)]
    for title, rows in (("Arguments", page.arguments), ("Options", page.options), ("Commands", page.commands)):
        if rows:
            lines += ["", f"{title}:", *_columns(rows, width)]
    return "\n".join(lines)


def _columns(rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Terms left, meanings right; a long term has a line to itself."""
    column = min(max(len(term) for term, _ in rows), _TERM_COLUMNS) + 4
    for term, meaning in rows:
        first, *more = wrap(meaning, max(width - column, 20)) or [""]
        if len(term) + 4 > column:
            yield f"  {term}"
            term = ""  # noqa: PLW2901 - it is printed, the meaning starts below it
        yield f"  {term:<{column - 2}}{first}".rstrip()
        yield from (" " * column + line for line in more)
