"""Whole functions, classes and methods as chunks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ragcli.config.ingest import CodeChunkerConfig
from ragcli.ingest.chunkers.definitions import Piece, divide
from ragcli.ingest.chunkers.packing import Sizes
from ragcli.ingest.chunkers.ruler import Ruler, cut
from ragcli.models import TokenCounter
from ragcli.records import Chunk, Document, JsonValue

# A definition may be this much longer than wanted before it is taken apart.
_STRETCH = 1.5
# A prefix may take this share of the embedder's limit; a longer one is shortened.
_PREFIX_SHARE = 3
_SYMBOL_TOKENS = 16
# By how many tokens the parts of a text can differ from the whole where they meet at white space.
_SEAM_TOKENS = 8


class CodeChunker:
    """Cuts source code where its syntax allows it, other text where lines are blank.

    A definition that fits is one chunk, with the comments, decorators and attributes above it. One that does not is
    taken apart into its header and its members or statements. Small neighbours are packed together. The path of the
    file and of the symbol are put in front of the embedded text.

    Args:
        config: Sizes.
        counter: What a token is.
        limit: Longest chunk the embedder takes, prefix included.
    """

    def __init__(self, config: CodeChunkerConfig, counter: TokenCounter, limit: int | None) -> None:
        self._config = config
        self._counter = counter
        self._limit = limit

    def chunk(self, document: Document) -> list[Chunk]:
        """The chunks of a document of any type; without a known language it is cut by lines."""
        ruler = Ruler(document.text, self._counter)
        pieces = divide(ruler, document.language, self._sizes(document))
        pieces = [part for piece in pieces for part in self._within_limit(piece, ruler)]
        return cut(
            document,
            [(piece.start, piece.end) for piece in pieces],
            ruler,
            headings=[piece.symbol for piece in pieces],
            prefixes=[self._prefix(document, piece, ruler) for piece in pieces],
            metadata=list(_facts(document, pieces)),
        )

    def _sizes(self, document: Document) -> Sizes:
        target, most = self._config.size_tokens, int(self._config.size_tokens * _STRETCH)
        if self._limit is not None:
            prefix = min(self._counter.count(document.path) + _SYMBOL_TOKENS, self._limit // _PREFIX_SHARE)
            most = max(1, min(most, self._limit - prefix))
        target = min(target, most)
        return Sizes(target, most, None, min(self._config.min_tokens, max(1, target // 2)))

    def _prefix(self, document: Document, piece: Piece, ruler: Ruler) -> str:
        """Path and symbol, or as much of them as the embedder's limit has room for."""
        symbol = ".".join(piece.symbol)
        name = document.path.rsplit("/", 1)[-1]
        prefixes = (f"{document.path} {symbol}".strip(), f"{name} {symbol}".strip(), symbol)
        return next((prefix for prefix in prefixes if self._fits(piece, ruler, prefix)), "")

    def _fits(self, piece: Piece, ruler: Ruler, prefix: str = "") -> bool:
        if self._limit is None:
            return True
        text = ruler.text[piece.start : piece.end]
        embedded = f"{prefix}\n{text}" if prefix else text
        tokens = ruler.tokens(piece.start, piece.end) + (self._counter.count(prefix) if prefix else 0)
        if tokens + _SEAM_TOKENS <= self._limit and not _inside_word(ruler.text, piece.start, piece.end):
            return True
        return self._counter.count(embedded) <= self._limit

    def _within_limit(self, piece: Piece, ruler: Ruler) -> Iterator[Piece]:
        """The piece, or its halves where cuts inside words made more tokens than the whole text had there."""
        if piece.end - piece.start < 2 or self._fits(piece, ruler):
            yield piece
            return
        middle = (piece.start + piece.end) // 2
        for start, end in (ruler.trim(piece.start, middle), ruler.trim(middle, piece.end)):
            if start < end:
                yield from self._within_limit(replace(piece, start=start, end=end, defines=()), ruler)


def _inside_word(text: str, start: int, end: int) -> bool:
    return any(0 < at < len(text) and not text[at - 1].isspace() and not text[at].isspace() for at in (start, end))


def _facts(document: Document, pieces: Sequence[Piece]) -> Iterator[dict[str, JsonValue]]:
    at, line = 0, 1
    for piece in pieces:
        line += document.text.count("\n", at, piece.start)
        at = piece.start
        last = line + document.text.count("\n", piece.start, piece.end)
        facts: dict[str, JsonValue] = {"start_line": line, "end_line": last}
        if document.language:
            facts["language"] = document.language
        if piece.symbol:
            facts["symbol"] = ".".join(piece.symbol)
        if len(piece.defines) > 1:
            facts["symbols"] = [".".join(symbol) for symbol in piece.defines]
        yield facts
