"""The passages that questions are made from, with the whole text around them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragcli.errors import DataError
from ragcli.evaluate.judgements import Span
from ragcli.evaluate.spans import occurrences
from ragcli.ingest.chunkers.sentences import sentences as split
from ragcli.query.where import filter_rows
from ragcli.workspace.catalog import Catalog, StoredChunk
from ragcli.workspace.document_sql import document_versions

_MARKS = re.compile(r"^\s*(?:(?:[-*+>]|\d{1,3}[.)])\s+)*")


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk, and the text of its document."""

    chunk: StoredChunk
    text: str

    def span(self, quote: str) -> Span | None:
        """Where the document says this; None unless it does so exactly once, within the passage, word for word."""
        places = occurrences(quote, self.text) if quote.strip() else []
        if len(places) != 1:
            return None
        start, end = places[0]
        inside = start >= self.chunk.start and end <= self.chunk.end
        if not inside or self.text[start:end] != quote:
            return None
        return Span(self.chunk.document, start, end, quote)


def passages(catalog: Catalog, where: Sequence[str] = ()) -> list[Passage]:
    """All live chunks whose documents can be named without doubt, in catalog order.

    Args:
        catalog: Open for reading.
        where: Metadata filters as in ``ragcli query --where``.

    Raises:
        DataError: There are none.
        UsageError: A filter cannot be read.
    """
    rows = catalog.live_chunk_rows()
    if where:
        rows = filter_rows(catalog, where, rows).rows
    chunks = catalog.chunks(rows.tolist())
    texts = _texts(catalog, {chunk.document for chunk in chunks.values()})
    found = [
        Passage(chunks[row], texts[chunks[row].document]) for row in sorted(chunks) if chunks[row].document in texts
    ]
    if not found:
        raise DataError(
            "there is nothing to make questions from", hint="another --where" if where else "ragcli ingest PATH"
        )
    return found


def _texts(catalog: Catalog, names: set[str]) -> dict[str, str]:
    """Texts of the live documents whose name no other live document has."""
    versions = [version for version in document_versions(catalog, sorted(names)) if version.live]
    counts = Counter(version.name for version in versions)
    return {version.name: catalog.document_text(version.row) for version in versions if counts[version.name] == 1}


def sentences(passage: Passage) -> Iterator[str]:
    """Sentences of a passage as they stand there, without list marks; headings, tables and code are left out."""
    text = passage.chunk.text
    fenced = False
    for sentence in split(text):
        own = _MARKS.sub("", text[sentence.start : sentence.end])
        fenced ^= own.count("```") % 2 == 1
        if not fenced and own and own[0].isalpha() and own[-1] in ".!?" and "|" not in own and "```" not in own:
            yield own
