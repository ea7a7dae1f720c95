"""How a file is cut, without a workspace: ``ragcli chunks``."""

from dataclasses import dataclass
from pathlib import Path

from ragcli.config.settings import Config
from ragcli.errors import DataError
from ragcli.ingest.parse import FileTask, Parser
from ragcli.ingest.recipe import recipe_of
from ragcli.ingest.sources import Selection, resolve
from ragcli.records import Chunk, DocumentType


@dataclass(frozen=True, slots=True)
class CutDocument:
    """A document and its chunks. ``characters`` and ``tokens`` count the text and its chunks."""

    name: str
    title: str
    type: DocumentType
    characters: int
    tokens: int
    chunks: tuple[Chunk, ...]


def cut_file(config: Config, base: Path, path: str, type: DocumentType | None = None) -> list[CutDocument]:
    """Cut one file with the settings it would be ingested with.

    Args:
        config: Its paths are absolute.
        base: The folder that names of sources given by path are relative to.
        path: The file.
        type: What it is read as, instead of detecting it.

    Raises:
        DataError: it cannot be read.
    """
    if Path(path).is_dir():
        raise DataError(f"{path} is a folder", hint="name one file of it")
    selection = Selection((path,), type=type)
    source = resolve(config.ingest, base, selection, {}, config.workspace.path).sources[0]
    location = source.root / source.selected[0]
    task = FileTask(source.selected[0], str(location.resolve()), 0, type)
    parser = Parser(recipe_of(config, source))
    result: list[CutDocument] = []
    for document in parser.documents(task):
        chunks = tuple(parser.cut(document))
        tokens = sum(chunk.tokens for chunk in chunks)
        result.append(CutDocument(document.name, document.title, document.type, len(document.text), tokens, chunks))
    return result
