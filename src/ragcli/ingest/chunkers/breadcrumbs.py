"""What stands above a chunk: the document's title and the headings around it, as a line of embedded text."""

from collections.abc import Sequence

from ragcli.models import TokenCounter
from ragcli.records import Document

_SEPARATOR = " > "
# A breadcrumb takes at most so many tokens and such a share of the embedder's limit; what is outermost goes first.
_MOST_TOKENS = 64
_SHARE = 4
_OPENING_CHARS = 200


class Breadcrumbs:
    """Prefixes of a document's chunks and their lengths, each counted once."""

    def __init__(self, document: Document, counter: TokenCounter, limit: int | None) -> None:
        self._title = title_of(document)
        self._opening = document.text[: len(self._title) + _OPENING_CHARS].casefold()
        self._first = len(document.text) - len(document.text.lstrip())
        self._counter = counter
        self._most = _MOST_TOKENS if limit is None else min(_MOST_TOKENS, limit // _SHARE)
        self._known: dict[tuple[str, ...], tuple[str, int]] = {(): ("", 0)}

    def above(self, start: int, headings: Sequence[str]) -> tuple[str, int]:
        """The prefix of a chunk and its tokens, line break included.

        Args:
            start: Where the chunk starts.
            headings: Those above the chunk, not one that it starts with.
        """
        titles = tuple(headings)
        if self._title and self._title not in titles and not self._shows_title(start):
            titles = (self._title, *titles)
        if titles not in self._known:
            self._known[titles] = self._shortened(titles)
        return self._known[titles]

    def _shows_title(self, start: int) -> bool:
        return start <= self._first and self._title.casefold() in self._opening

    def _shortened(self, titles: Sequence[str]) -> tuple[str, int]:
        for first in range(len(titles)):
            text = _SEPARATOR.join(titles[first:])
            tokens = self._counter.count(text) + 1
            if tokens <= self._most:
                return text, tokens
        return "", 0


def title_of(document: Document) -> str:
    """A document's title on one line; empty where it is only the name of the file."""
    title = " ".join(document.title.split())
    file = document.path.rpartition("/")[2]
    stem = file.rpartition(".")[0]
    return "" if title in {file, stem, document.name} else title
