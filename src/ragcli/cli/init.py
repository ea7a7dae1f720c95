"""``ragcli init``: a first configuration."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.options import FormatOption
from ragcli.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.config.starter import InitResult


def init(
    path: Annotated[Path, typer.Argument(help="Folder of documents.", show_default=False)] = Path(),
    format: FormatOption = "table",
) -> None:
    """Write a commented starter ragcli.yaml into a folder; never overwrites one."""
    from ragcli.config.starter import write_starter

    result = write_starter(path)
    Output("init", format).emit(result, lambda console: _print(console, result))


def _print(console: "Console", result: "InitResult") -> None:
    where = "" if result.file.parent == Path() else f"cd {result.file.parent} && "
    console.print(f"wrote {result.file}, which reads the documents in {result.source}", soft_wrap=True, markup=False)
    console.print(f'next: {where}ragcli ingest && ragcli index && ragcli query "..."', soft_wrap=True, markup=False)
