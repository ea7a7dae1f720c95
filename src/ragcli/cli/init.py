"""``ragcli init``: a first configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.options import FormatOption
from ragcli.cli.output import Output, line

if TYPE_CHECKING:
    from ragcli.config.starter import InitResult


def init(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Folder of documents [default: the working directory].", show_default=False
        ),
    ] = Path(),
    format: FormatOption = "table",
) -> None:
    """Write a commented starter ragcli.yaml into a folder; never overwrites one."""
    from ragcli.config.starter import write_starter

    result = write_starter(path)
    Output("init", format).emit(result, lambda: _print(result))


def _print(result: "InitResult") -> None:
    where = "" if result.file.parent == Path() else f"cd {result.file.parent} && "
    line(f"wrote {result.file}, which reads the documents in {result.source}")
    line(f'next: {where}ragcli sync && ragcli query "..."')
