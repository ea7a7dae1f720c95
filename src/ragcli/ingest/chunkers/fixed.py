"""Token windows of a fixed size: the baseline."""

from ragcli.config.ingest import FixedChunkerConfig
from ragcli.ingest.chunkers.ruler import Ruler, cut
from ragcli.models import TokenCounter
from ragcli.records import Chunk, Document


class FixedChunker:
    """Cuts every ``size_tokens`` tokens, each window sharing ``overlap_tokens`` with the one before it.

    Args:
        config: Size and overlap.
        counter: What a token is.
        limit: Longest chunk the embedder takes; a larger size is lowered to it, and the overlap with it.
    """

    def __init__(self, config: FixedChunkerConfig, counter: TokenCounter, limit: int | None) -> None:
        self._counter = counter
        self._size = min(config.size_tokens, limit or config.size_tokens)
        self._step = self._size - min(config.overlap_tokens, self._size - 1)

    def chunk(self, document: Document) -> list[Chunk]:
        """Windows over the document; the last may be shorter, none lies wholly within another."""
        ruler = Ruler(document.text, self._counter)
        spans, ranges = ruler.spans, []
        for first in range(0, len(spans), self._step):
            last = min(first + self._size, len(spans))
            start, end = ruler.trim(spans[first][0], spans[last - 1][1])
            if start < end:
                ranges.append((start, end))
            if last == len(spans):
                break
        return cut(document, ranges, ruler)
