"""How well the sentences of a chunk belong together, as a cost for the search of the best cuts.

A chunk costs the sum of its sentences' squared distances from its mean, every sentence weighted with its tokens: what
k-means minimises, over chunks that have to be contiguous. The vectors are the embedder's, or hashed words, which need
no model and are next to free. docs/adr/0005-chunking.md has what each of them gains.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias, assert_never

from ragcli.config.ingest import Breakpoints
from ragcli.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Meaning: TypeAlias = Callable[[Sequence[str]], "NDArray[np.float32]"]
"""Unit vectors of texts, shape [n, d]."""

_HASHED_DIMENSION = 256
# Vectors are asked for so many sentences at a time: a document of any length takes the memory of one block.
_BLOCK_TEXTS = 512
_KEPT_SUMS = 1024


def meaning_of(breakpoints: Breakpoints, embed: Meaning | None) -> Meaning | None:
    """What gives sentences their vectors, for one document; None where sizes and paragraphs alone decide.

    Args:
        breakpoints: The setting.
        embed: The embedder's vectors of document texts.

    Raises:
        ConfigError: ``semantic``, and there is no embedder.
    """
    match breakpoints:
        case "none":
            return None
        case "lexical":
            from ragcli.models.hashing import HashingEmbedder

            # It remembers every word it has seen, so it does not outlive the document.
            return HashingEmbedder(_HASHED_DIMENSION).embed_documents
        case "semantic":
            if embed is None:
                raise ConfigError("semantic breakpoints need an embedder", hint="set breakpoints to lexical or none")
            return embed
        case _:
            assert_never(breakpoints)


class Cohesion:
    """Spreads of all chunks that end with a sentence, sentence after sentence.

    Keeps weighted sums of the vectors up to each sentence, and no more of them than chunks reach back:
    ``spread = tokens - |sum|^2 / tokens`` for unit vectors, and a chunk's sum is the difference of two.

    Args:
        texts: The sentences in order.
        meaning: Gives their vectors.
    """

    def __init__(self, texts: Iterator[str], meaning: Meaning) -> None:
        import numpy as np

        self._vectors = _vectors(texts, meaning)
        self._sums = np.zeros((0, 0))
        self._squares = np.zeros(_KEPT_SUMS)
        self._tokens = np.zeros(_KEPT_SUMS)
        self._last = 0

    def spreads(self, tokens: int, sentences: int) -> list[float]:
        """Spreads, in tokens, of the chunks made of the next sentence and of 0, 1, 2, ... before it.

        Args:
            tokens: Length of the next sentence.
            sentences: How many chunks to tell of; never more than one more than in the call before.
        """
        import numpy as np

        weight = max(tokens, 1)
        vector = next(self._vectors).astype(np.float64)
        if not self._sums.size:
            self._sums = np.zeros((_KEPT_SUMS, len(vector)))
        if self._last + 1 == len(self._tokens):
            self._make_room(sentences)
        last = self._last = self._last + 1
        total = self._sums[last] = self._sums[last - 1] + weight * vector
        self._tokens[last] = self._tokens[last - 1] + weight
        self._squares[last] = total @ total
        before = slice(last - sentences, last)
        squares = self._squares[last] + self._squares[before] - 2 * (self._sums[before] @ total)
        lengths = self._tokens[last] - self._tokens[before]
        spread: list[float] = (lengths - squares / lengths)[::-1].tolist()
        return spread

    def _make_room(self, sentences: int) -> None:
        """Forget the sums that no chunk reaches back to, and count from the first that is left: they stay small."""
        import numpy as np

        kept = slice(self._last + 1 - sentences, self._last + 1)
        size = max(_KEPT_SUMS, 4 * sentences)
        sums, tokens = self._sums[kept], self._tokens[kept]
        self._sums, self._tokens, self._squares = np.zeros((size, sums.shape[1])), np.zeros(size), np.zeros(size)
        self._sums[:sentences] = sums - sums[0]
        self._tokens[:sentences] = tokens - tokens[0]
        self._squares[:sentences] = (self._sums[:sentences] ** 2).sum(axis=1)
        self._last = sentences - 1


def _vectors(texts: Iterator[str], meaning: Meaning) -> "Iterator[NDArray[np.float32]]":
    block: list[str] = []
    for text in texts:
        block.append(text)
        if len(block) == _BLOCK_TEXTS:
            yield from meaning(block)
            block = []
    if block:
        yield from meaning(block)
