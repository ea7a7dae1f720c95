"""``ragcli chunks``: how a document is cut."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.ingest import document_type
from ragcli.cli.options import ConfigOption, FormatOption, SetOption, load
from ragcli.cli.output import Output, console, has_width, line, printable
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
    screen = console() if has_width() else None
    for document in documents:
        count = len(document.chunks)
        line(
            f"{document.name}: {document.type}, {document.characters:,} characters,"
            f" {count:,} {'chunk' if count == 1 else 'chunks'}, {document.tokens:,} tokens"
        )
        for chunk in document.chunks:
            if screen is None:
                _print_plain(chunk)
            else:
                _print_panel(screen, chunk)


def _print_plain(chunk: "Chunk") -> None:
    """For pipes: a line about the chunk, then its lines as they are."""
    crumbs = f"  {' > '.join(chunk.headings)}" if chunk.headings else ""
    print()
    line(f"--- {chunk.position + 1}{crumbs}  ({_facts(chunk)})")
    for text in _texts(chunk):
        print(text)


def _print_panel(console: "Console", chunk: "Chunk") -> None:
    from rich.panel import Panel
    from rich.text import Text

    title = Text(f"{chunk.position + 1}", "bold")
    if chunk.headings:
        title.append(f"  {printable(' > '.join(chunk.headings))}", "cyan")
    prefix, text = _texts(chunk)[:-1], _texts(chunk)[-1]
    body = Text("".join(f"{line}\n" for line in prefix), "dim") + Text(text)
    subtitle = Text(printable(_facts(chunk)), "dim")
    console.print(Panel(body, title=title, title_align="left", subtitle=subtitle, subtitle_align="right"))


def _facts(chunk: "Chunk") -> str:
    about = [f"{key} {value}" for key, value in sorted(chunk.metadata.items())]
    return " · ".join([f"{chunk.tokens:,} tokens", f"{chunk.start:,}-{chunk.end:,}", *about])


def _texts(chunk: "Chunk") -> list[str]:
    """What is embedded: in front of the text its prefix, where that says more than the headings."""
    parts = [chunk.prefix] if chunk.prefix and chunk.prefix != " > ".join(chunk.headings) else []
    return [_visible(part) for part in (*parts, chunk.text)]


def _visible(text: str) -> str:
    """Text with its lines and tabs, but nothing else that drives a terminal."""
    return "\n".join(printable(line.expandtabs(4)) for line in text.split("\n"))
