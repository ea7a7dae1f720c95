"""What stands around a hit: its section, or the chunks before and after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from ragcli.config.narrow import NeighboursConfig, NoSurroundingsConfig, SectionConfig, SurroundingsConfig
from ragcli.records import Passage
from ragcli.workspace.filter_sql import document_rows

if TYPE_CHECKING:
    from ragcli.workspace.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A chunk of a document, as far as this is about: its row, its range, its length and the headings above it."""

    row: int
    start: int
    end: int
    tokens: int
    headings: str


def surroundings(catalog: "Catalog", config: SurroundingsConfig, rows: Sequence[int]) -> dict[int, Passage]:
    """The passage around each chunk row; empty where none are wanted.

    Raises:
        IndexCorruptError: The catalog lacks a text.
    """
    if isinstance(config, NoSurroundingsConfig):
        return {}
    found: dict[int, Passage] = {}
    by_document: dict[int, list[int]] = {}
    for row, document in document_rows(catalog, rows).items():
        by_document.setdefault(document, []).append(row)
    for document, own in by_document.items():
        chunks, text = _chunks(catalog, document), catalog.document_text(document)
        places = {chunk.row: place for place, chunk in enumerate(chunks)}
        for row in own:
            start, end = stretch(chunks, places[row], config)
            found[row] = Passage(text[start:end], start, end)
    return found


def stretch(chunks: Sequence[Neighbour], place: int, config: SectionConfig | NeighboursConfig) -> tuple[int, int]:
    """The range of the text that is shown with a chunk.

    It grows from the chunk to both sides in turn, by whole chunks, as long as they belong to it and ``max_tokens`` are
    not exceeded; a side that has come to its end does not stop the other.

    Args:
        chunks: All chunks of the document, in order.
        place: The hit's among them.
        config: What belongs to it.
    """
    tokens, kept = chunks[place].tokens, [place]
    growing = [-1, 1]
    distance = 0
    while growing:
        distance += 1
        for side in tuple(growing):
            other = place + side * distance
            within = 0 <= other < len(chunks) and _belongs(chunks[place], chunks[other], distance, config)
            if within and tokens + chunks[other].tokens <= config.max_tokens:
                tokens += chunks[other].tokens
                kept.append(other)
            else:
                growing.remove(side)
    return min(chunks[own].start for own in kept), max(chunks[own].end for own in kept)


def _belongs(hit: Neighbour, other: Neighbour, distance: int, config: SectionConfig | NeighboursConfig) -> bool:
    match config:
        case SectionConfig():
            return other.headings == hit.headings
        case NeighboursConfig():
            return distance <= config.chunks
        case _:
            assert_never(config)


def _chunks(catalog: "Catalog", document: int) -> list[Neighbour]:
    found = catalog.database.all(
        "SELECT row, start, end, tokens, headings FROM chunks WHERE document = ? ORDER BY position", (document,)
    )
    return [Neighbour(*row) for row in found]
