"""Token windows of a fixed size: the baseline."""

from collections.abc import Iterator

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
        self._limit = limit
        self._size = config.size_tokens if limit is None else min(config.size_tokens, limit)
        self._overlap = min(config.overlap_tokens, self._size - 1)

    def chunk(self, document: Document) -> list[Chunk]:
        """Windows over the document; the last may be shorter, none lies wholly within another."""
        ruler = Ruler(document.text, self._counter)
        ranges = (ruler.trim(start, end) for start, end in self._windows(ruler))
        return cut(document, [(start, end) for start, end in ranges if start < end], ruler)

    def _windows(self, ruler: Ruler) -> Iterator[tuple[int, int]]:
        """Ranges from the start of one token to the start of another, so that no character falls between two."""
        starts = [0, *(start for start, _ in ruler.spans[1:]), len(ruler.text)]
        first, tokens = 0, max(len(ruler.spans), 1)
        while True:
            last = self._fitting(ruler, starts, first, min(first + self._size, tokens))
            yield starts[first], starts[last]
            if last == tokens:
                return
            first = max(last - self._overlap, first + 1)

    def _fitting(self, ruler: Ruler, starts: list[int], first: int, last: int) -> int:
        """``last``, or less where a cut inside a word makes more tokens than the whole text had there."""
        if self._limit is None:
            return last
        while last > first + 1 and self._counter.count(ruler.text[starts[first] : starts[last]]) > self._limit:
            last -= 1
        return last
