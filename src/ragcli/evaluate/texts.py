"""Texts of judged documents in the catalog, and what judgements on them stand for."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragcli.evaluate.judgements import Span
from ragcli.evaluate.spans import Found, Range, locate
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.document_sql import DocumentVersion, chunk_rows_by_id, document_versions

_CHUNK_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Text:
    """A document's text; ``document`` is its id."""

    document: str
    text: str


class Texts:
    """Texts of documents by name, read once each.

    Args:
        catalog: Where they are.
        wanted: Which versions of a document count.
    """

    def __init__(self, catalog: Catalog, wanted: Callable[[DocumentVersion], bool]) -> None:
        self._catalog = catalog
        self._wanted = wanted
        self._found: dict[str, list[Text]] = {}

    def of(self, name: str) -> list[Text]:
        """The texts of all documents of a name, of several sources; empty when there is none."""
        if name not in self._found:
            versions = filter(self._wanted, document_versions(self._catalog, [name]))
            self._found[name] = [Text(own.id, self._catalog.document_text(own.row)) for own in versions]
        return self._found[name]

    def has_chunk(self, chunk: str) -> bool:
        """Whether it is the id of a chunk."""
        return _CHUNK_ID.fullmatch(chunk) is not None and bool(chunk_rows_by_id(self._catalog, [chunk]))

    def locate(self, span: Span) -> tuple[Text, Found] | None:
        """Where a span is: in the first document of its name that holds it; None when there is no such document."""
        tries = [(text, locate(span, text.text)) for text in self.of(span.document)]
        held = [(text, found) for text, found in tries if found.start >= 0]
        return next(iter(held or tries), None)


def references(spans: Mapping[str, Sequence[Span]], texts: Texts) -> tuple[dict[str, list[Range]], tuple[str, ...]]:
    """Judged spans as ranges of the documents as they are now.

    Returns:
        Query id -> ranges, and a sentence on each span that is nowhere: it stays in the references, with the length
        that it had when it was judged, so that it counts as missed.
    """
    ranges: dict[str, list[Range]] = {}
    lost: list[str] = []
    for query, own in spans.items():
        for number, span in enumerate(own):
            place = texts.locate(span)
            if place is None or place[1].start < 0:
                why = "no such document" if place is None else str(place[1].problem)
                lost.append(f"{query}: {span.document}: {why}")
                size = span.end - span.start if span.end >= 0 else len(span.quote)
                ranges.setdefault(query, []).append(Range(f"lost span {number}", 0, size))
            else:
                text, found = place
                ranges.setdefault(query, []).append(Range(text.document, found.start, found.end))
    return ranges, tuple(lost)
