"""Model files and their runtimes: find, load, embed, cross-encode, count tokens."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TokenCounter(Protocol):
    """Counts tokens of a named vocabulary, special tokens left out."""

    @property
    def name(self) -> str:
        """Identity of the vocabulary, part of fingerprints."""
        ...

    def count(self, text: str) -> int:
        """Number of tokens of a text."""
        ...

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character range of every token in order. Tokenise a document once, then count ranges by bisection."""
        ...


class Embedder(Protocol):
    """Turns texts into normalised vectors. One instance serves one thread at a time."""

    @property
    def fingerprint(self) -> str:
        """Identity of everything that shapes a vector: weights, tokenizer, pooling, prefixes, limits."""
        ...

    @property
    def name(self) -> str:
        """The model as people call it."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    @property
    def max_tokens(self) -> int:
        """Longest input in its own tokens, special tokens and document prefix already taken off."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Vectors of document texts in their order, shape [n, dimension], unit length.

        Sorts by length and batches by token count inside; a text beyond the limit is cut at the limit.
        """
        ...

    def embed_queries(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Vectors of questions in their order, shape [n, dimension], unit length."""
        ...


class CrossEncoder(Protocol):
    """Scores how well a text answers a question. One instance serves one thread at a time."""

    @property
    def fingerprint(self) -> str:
        """Identity of everything that shapes a score: weights, tokenizer, limits."""
        ...

    @property
    def name(self) -> str:
        """The model as people call it."""
        ...

    def score(self, pairs: "Sequence[tuple[str, str]]") -> "NDArray[np.float32]":
        """Scores of (question, text) pairs in their order, shape [n]; higher is better, the scale is the model's own.

        Sorts by length and batches by token count inside, over all questions; a pair beyond the limit is cut.
        """
        ...
