"""The one renderer: the result to stdout, everything else to stderr.

JSON results travel in an envelope with the same keys on success and on failure (docs/formats.md)::

    {"schema": "ragcli/v1", "command": "query", "ok": true, "result": {...}, "warnings": [], "error": null}
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ragcli.errors import RagcliError

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA = "ragcli/v1"


class Output:
    """What one command prints.

    Args:
        command: The command's name, for the envelope.
        format: ``table`` for people; ``json`` for the envelope; other names only select what the command writes.
    """

    def __init__(self, command: str, format: str = "table") -> None:
        self.command = command
        self.format = format
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        """Tell of something that did not stop the command: on stderr, and in the envelope."""
        self.warnings.append(message)
        note(f"warning: {message}")

    def emit(self, result: object, human: Callable[[], None], *, error: RagcliError | None = None) -> None:
        """Print the result, then fail with ``error`` if there is one.

        Args:
            result: Goes into the envelope: dataclasses, mappings, sequences, paths and scalars.
            human: Prints the result for people, by ``line`` or on a ``console``.
            error: Why the command fails although it has a result, such as a file that could not be read.
        """
        import typer

        if self.format == "json":
            print(envelope(self.command, result, self.warnings, error))
        else:
            human()
        if error is not None:
            _print_error(error)
            raise typer.Exit(error.exit_status)


def line(text: str, indent: int = 2) -> None:
    """Print one line of the result, however long; on a terminal it goes on below, indented, where it does not fit."""
    print(fitted(printable(text), sys.stdout, indent))


def note(text: str, indent: int = 2) -> None:
    """Like ``line``, but on stderr: what is told besides the result."""
    print(fitted(printable(text), sys.stderr, indent), file=sys.stderr)


def fitted(text: str, stream: TextIO, indent: int) -> str:
    """A line in as many as a terminal needs, broken between words; as it is anywhere else, for ``grep`` and cron mails.

    A word that is longer than the terminal is wide, such as a path, stays whole, to be copied as one.
    """
    if not stream.isatty() or len(text) <= (width := terminal_width(stream)):
        return text
    import textwrap

    indent = min(indent, width // 2)
    lines = textwrap.wrap(text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def terminal_width(stream: TextIO) -> int:
    """Columns of the terminal behind a stream, or as COLUMNS says."""
    try:
        found = int(os.environ.get("COLUMNS") or os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):
        found = 0
    return found if found > 0 else 80


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Iterator[str]:
    """Rows as lines of aligned cells, without white space at their ends.

    Args:
        rows: As many cells each.
        right: Which columns are aligned to the right.
    """
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        padded = (
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()


def printable(text: str) -> str:
    """Text without control characters, so that a file's name cannot break a line or drive a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def console() -> "Console":
    """A console on stdout: colour only on a terminal without NO_COLOR; 120 columns wide where there is none."""
    from rich.console import Console

    class _Console(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return _Console(width=None if has_width() else 120, highlight=False)


def has_width() -> bool:
    """Whether stdout is a terminal, or COLUMNS says how wide it is."""
    return sys.stdout.isatty() or bool(os.environ.get("COLUMNS"))


def envelope(command: str, result: object, warnings: Sequence[str], error: RagcliError | None) -> str:
    """The JSON envelope as text."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "command": command,
            "ok": error is None,
            "result": plain(result),
            "warnings": list(warnings),
            "error": None
            if error is None
            else {
                "code": error.code,
                "exit_status": error.exit_status,
                "message": error.message,
                "hint": error.hint,
            },
        },
        ensure_ascii=False,
        indent=2,
    )


def plain(value: object) -> Any:
    """A value as JSON knows it."""
    if value is None or isinstance(value, str | int | float):  # most values of a large result
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def report_error(error: RagcliError, arguments: Sequence[str]) -> None:
    """Print a failure that left no result: as an envelope when JSON was asked for, and for people always."""
    if _wants_json(arguments):
        from ragcli.cli.app import command_of

        print(envelope(command_of(arguments), None, (), error))
    _print_error(error)


def _print_error(error: RagcliError) -> None:
    stopped = error.code in {"interrupted", "terminated"}
    if stopped and sys.stderr.isatty():
        print("\r", end="", file=sys.stderr)  # over the ^C that the terminal has shown
    _tell(error.message if stopped else f"error: {error.message}", 2)
    if error.hint:
        _tell(f"  try: {error.hint}", 7)


def _tell(text: str, indent: int) -> None:
    """On stderr, the lines of a message as they are."""
    for line in text.split("\n"):
        print(fitted(line, sys.stderr, indent), file=sys.stderr)


def _wants_json(arguments: Sequence[str]) -> bool:
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(word == "--format=json" or (word == "--format" and value == "json") for word, value in pairs)
