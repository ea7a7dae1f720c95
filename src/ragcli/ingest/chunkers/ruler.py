"""Measuring and cutting a document's text: what every chunker needs."""

from bisect import bisect_left
from collections.abc import Sequence

from ragcli.models import TokenCounter
from ragcli.records import Chunk, Document, Metadata, chunk_id


class Ruler:
    """Counts the tokens of any range of a text after tokenising it once.

    A token belongs to the range in which it starts.
    """

    def __init__(self, text: str, counter: TokenCounter) -> None:
        self.text = text
        self.spans: Sequence[tuple[int, int]] = counter.offsets(text)
        self._starts = [start for start, _ in self.spans]

    def tokens(self, start: int, end: int) -> int:
        """Number of tokens that start in ``text[start:end]``."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def trim(self, start: int, end: int) -> tuple[int, int]:
        """The range without white space at its ends; empty at ``end`` when there is nothing else."""
        while start < end and self.text[start].isspace():
            start += 1
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return start, end


def page_of(document: Document, start: int) -> int:
    """Page number from 1 of an offset; 0 for a document without pages."""
    return bisect_left(document.pages, start + 1) if document.pages else 0


def cut(
    document: Document,
    ranges: Sequence[tuple[int, int]],
    ruler: Ruler,
    *,
    headings: Sequence[tuple[str, ...]] = (),
    prefixes: Sequence[str] = (),
    metadata: Sequence[Metadata] = (),
) -> list[Chunk]:
    """The chunks of a document at given ranges, in their order.

    Args:
        document: What is cut.
        ranges: Character ranges that are neither empty nor only white space.
        ruler: Of the document's text.
        headings: Breadcrumb per range; none unless given.
        prefixes: Prefix per range; none unless given.
        metadata: Facts per range; the page is added for documents that have pages.
    """
    chunks = []
    for position, (start, end) in enumerate(ranges):
        text = document.text[start:end]
        facts = dict(metadata[position]) if metadata else {}
        if document.pages:
            facts["page"] = page_of(document, start)
        chunks.append(
            Chunk(
                id=chunk_id(document.id, start, text),
                document_id=document.id,
                position=position,
                text=text,
                start=start,
                end=end,
                tokens=ruler.tokens(start, end),
                headings=headings[position] if headings else (),
                prefix=prefixes[position] if prefixes else "",
                metadata=facts,
            )
        )
    return chunks
