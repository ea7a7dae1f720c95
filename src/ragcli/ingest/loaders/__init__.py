"""From the bytes of a file to text with its structure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ragcli.records import Block, DocumentType, Metadata


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as it is read: its path relative to the source, its bytes and its detected type."""

    path: str
    data: bytes
    type: DocumentType


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a loader makes of a file, or of one record of it.

    Attributes:
        record: The record's id within the file; empty when the file is one document.
        name: What judgements call the record, when it has an id of its own; otherwise empty.
        language: Programming language of code, in lower case; otherwise empty.
    """

    text: str
    title: str = ""
    blocks: tuple[Block, ...] = ()
    pages: tuple[int, ...] = ()
    record: str = ""
    name: str = ""
    language: str = ""
    metadata: Metadata = field(default_factory=dict)


class Loader(Protocol):
    """Reads one format. Raises ``DataError`` with the reason when a file cannot be read; never another exception."""

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """The documents of a file, in file order; a record without text is left out."""
        ...
