"""From words to values, and what is wrong with a command line, said as everything else is said.

Values are converted here and not by typer, which imports pydantic for it: that would double the time of a short
command.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer
from typer.core import TyperArgument, TyperOption

from ragcli.errors import UsageError


class Values:
    """Converts the words given to one parameter; takes the place of typer's own converter."""

    def coerce(self, value: Any, param: TyperOption | TyperArgument, ctx: typer.Context) -> Any:
        """The value that the command's function takes.

        Raises:
            UsageError: For a word that is no such value.
        """
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        annotation = param.type_descriptor.annotation
        try:
            if several:
                return [_convert(word, get_args(annotation)[0]) for word in value]
            return _convert(value, annotation)
        except ValueError as error:
            raise UsageError(f"{name_of(param)}: {error}", hint=f"{ctx.command_path} --help") from error


def _convert(value: Any, annotation: Any) -> Any:
    if get_origin(annotation) is Literal:
        return _chosen(value, get_args(annotation))
    if not isinstance(value, str) or annotation is str:
        return value
    if annotation is Path:
        return Path(value)
    if annotation in {int, float}:
        return _number(value, annotation)
    raise TypeError(f"no way to read {annotation} from the command line")


def _chosen(value: str, choices: Sequence[str]) -> str:
    if value in choices:
        return value
    raise ValueError(f"{value!r} is not one of {', '.join(choices)}{_meant(value, choices)}")


def _number(word: str, kind: type[int] | type[float]) -> int | float:
    try:
        return kind(word)
    except ValueError as error:
        raise ValueError(f"{word!r} is not a {'whole ' if kind is int else ''}number") from error


def usage_error(error: typer.TyperException, command: str) -> UsageError:
    """What typer found wrong with the command line, in the words of this program."""
    if command == "query" and "unexpected extra argument" in str(error.message):
        return UsageError(
            _message(error), hint='a question of several words stands in quotes: ragcli query "how do I ..."'
        )
    return UsageError(_message(error), hint=" ".join(f"ragcli {command} --help".split()))


def _message(error: typer.TyperException) -> str:
    option = getattr(error, "option_name", "")
    param = getattr(error, "param", None)
    match type(error).__name__:
        case "NoSuchOption":
            return f"there is no option {option}{_meant(option, getattr(error, 'possibilities', None) or (), '')}"
        case "BadOptionUsage":
            return f"{option} takes no value" if "not take" in error.message else f"{option} needs a value"
        case "MissingParameter" if param is not None:
            return f"{name_of(param)} is missing"
    extra = re.fullmatch(r"Got unexpected extra argument\(s\) \((.*)\)", error.message, re.DOTALL)
    return f"unexpected argument: {extra[1]}" if extra else error.format_message().rstrip(".")


def no_command(name: str, context: typer.Context, names: Sequence[str]) -> UsageError:
    """The error for a command that does not exist."""
    return UsageError(f"there is no command {name!r}{_meant(name, names)}", hint=f"{context.command_path} --help")


def _meant(name: str, valid: Sequence[str], quote: str = "'") -> str:
    from ragcli.config.keys import nearest

    near = nearest(name, valid)
    return f"; did you mean {quote}{near}{quote}?" if near else ""


def name_of(param: TyperOption | TyperArgument) -> str:
    """What messages and help pages call a parameter: ``--top-k``, ``FILE``."""
    return param.opts[0] if isinstance(param, TyperOption) else (param.metavar or param.name).upper()
