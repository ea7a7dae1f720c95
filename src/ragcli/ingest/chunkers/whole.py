"""One chunk a document."""

from ragcli.config.ingest import WholeChunkerConfig
from ragcli.ingest.chunkers.ruler import Ruler, cut
from ragcli.models import TokenCounter
from ragcli.records import Chunk, Document


class WholeChunker:
    """Keeps a document in one piece, however long: an embedder sees as much of its beginning as it can take.

    The one chunker that goes beyond the embedder's limit, for short records and for benchmarks whose published
    figures were measured so.
    """

    def __init__(self, config: WholeChunkerConfig, counter: TokenCounter, limit: int | None) -> None:
        del config, limit  # nothing to choose, and the limit is the embedder's own business here
        self._counter = counter

    def chunk(self, document: Document) -> list[Chunk]:
        """One chunk, without the white space around the text; none for a blank document."""
        ruler = Ruler(document.text, self._counter)
        start, end = ruler.trim(0, len(document.text))
        return cut(document, [(start, end)], ruler) if start < end else []
