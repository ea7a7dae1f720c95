"""``ragcli chunks``: how a document is cut."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.ingest import document_type
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, load
from ragcli.cli.output import Output, console, line, printable
from ragcli.errors import DataError

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.ingest.cut import CutDocument
    from ragcli.records import Chunk


def chunks(
    file: Annotated[str, typer.Argument(help="File to cut.", show_default=False)],
    *,
    type: Annotated[
        str, typer.Option("--type", help="Read the file as this type, whatever its name.", show_default=False)
    ] = "",
    config: ConfigOption = None,
    set_: SetOption = None,
    format: FormatOption = "table",
) -> None:
    """Show how a file is cut into chunks; the workspace is left alone."""
    from ragcli.ingest.cut import cut_file

    path = Path(file)
    if not (path.is_file() or path.is_dir()):  # a folder is told apart below
        raise DataError(f"{file} is not a file" if path.exists() else f"{file} does not exist")
    loaded = load(config, set_)
    documents = cut_file(loaded.config, loaded.base, file, document_type(type))
    Output("chunks", format).emit({"documents": documents}, lambda: _print(documents))


def _print(documents: Sequence["CutDocument"]) -> None:
    screen = console()
    for document in documents:
        count = len(document.chunks)
        line(
            f"{document.name}: {document.type}, {document.characters:,} characters,"
            f" {count:,} {'chunk' if count == 1 else 'chunks'}, {document.tokens:,} tokens"
        )
        for chunk in document.chunks:
            _print_chunk(screen, chunk)


def _print_chunk(console: "Console", chunk: "Chunk") -> None:
    from rich.panel import Panel
    from rich.text import Text

    about = " · ".join(f"{key} {value}" for key, value in sorted(chunk.metadata.items()))
    title = Text(f"{chunk.position + 1}", "bold")
    if chunk.headings:
        title.append(f"  {printable(' > '.join(chunk.headings))}", "cyan")
    facts = f"{chunk.tokens:,} tokens · {chunk.start:,}-{chunk.end:,}"
    body = Text()
    if chunk.prefix and chunk.prefix != " > ".join(chunk.headings):
        body.append(f"{_visible(chunk.prefix)}\n", "dim")
    body.append(_visible(chunk.text))
    subtitle = Text(printable(f"{facts} · {about}" if about else facts), "dim")
    console.print(Panel(body, title=title, title_align="left", subtitle=subtitle, subtitle_align="right"))


def _visible(text: str) -> str:
    """Text with its lines and tabs, but nothing else that drives a terminal."""
    return "\n".join(printable(line.expandtabs(4)) for line in text.split("\n"))
