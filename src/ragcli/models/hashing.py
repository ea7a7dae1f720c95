"""An embedder without a model: deterministic, for tests and toys. It knows words, not meaning."""

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ragcli.models.fingerprints import hash_parts

_VERSION = 1
_WORD = re.compile(r"\w+")
_TEXTS_AT_ONCE = 512
# Bigrams say less than words and are as many.
_BIGRAM_WEIGHT = 0.5
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


class HashingEmbedder:
    """Signed feature hashing of lower-cased words and word pairs (Weinberger et al. 2009)."""

    def __init__(self, dimension: int) -> None:
        self._dimension = dimension
        self._known: dict[str, int] = {}

    @property
    def fingerprint(self) -> str:
        """Identity of the hash and the dimension."""
        return hash_parts("hashing", _VERSION, self._dimension)

    @property
    def name(self) -> str:
        """Says what it is, wherever a model is named."""
        return f"hashing-{self._dimension} (toy: knows words, not meaning)"

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """No text is too long."""
        return 2**31 - 1

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of texts in their order, shape [n, dimension]."""
        groups = (texts[start : start + _TEXTS_AT_ONCE] for start in range(0, len(texts), _TEXTS_AT_ONCE))
        parts = [np.empty((0, self._dimension), dtype=np.float32), *map(self._embed, groups)]
        return np.concatenate(parts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same as for documents."""
        return self.embed_documents(texts)

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        # A text without a word is one feature as a whole, so that it has a direction too.
        words = [_WORD.findall(text.lower()) or [f"\x00{text}"] for text in texts]
        counts = np.array([len(row) for row in words])
        rows = np.repeat(np.arange(len(texts)), counts)
        features = np.fromiter(self._features(chain.from_iterable(words)), dtype=np.uint64, count=int(counts.sum()))
        # A pair is two neighbours in the same text.
        inner = np.flatnonzero(rows[1:] == rows[:-1])
        pairs = _mix(features[inner] * _MIX[0] + features[inner + 1])
        out = self._sums(rows, features, len(texts)) + _BIGRAM_WEIGHT * self._sums(rows[inner], pairs, len(texts))
        return self._normalised(out, features[np.cumsum(counts) - counts])

    def _features(self, words: Iterator[str]) -> Iterator[int]:
        known = self._known
        for word in words:
            feature = known.get(word)
            if feature is None:
                digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                feature = known[word] = int.from_bytes(digest, "little")
            yield feature

    def _sums(self, rows: NDArray[np.intp], features: NDArray[np.uint64], texts: int) -> NDArray[np.float64]:
        """Add the sign of every feature to its bucket in its text's row."""
        buckets = (features % np.uint64(self._dimension)).astype(np.intp)
        signs = 1.0 - 2.0 * (features >> np.uint64(63)).astype(np.float64)
        size = texts * self._dimension
        sums: NDArray[np.float64] = np.bincount(rows * self._dimension + buckets, signs, size).astype(np.float64)
        return sums.reshape(texts, self._dimension)

    def _normalised(self, sums: NDArray[np.float64], first: NDArray[np.uint64]) -> NDArray[np.float32]:
        # Signs can cancel each other out completely: then the first feature alone gives the direction.
        for row in np.flatnonzero(~sums.any(axis=1)):
            sums[row, int(first[row]) % self._dimension] = 1.0
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), dtype=np.float32)


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finaliser of splitmix64 (Steele et al. 2014): every input bit reaches every output bit."""
    values = (values ^ (values >> np.uint64(30))) * _MIX[1]
    values = (values ^ (values >> np.uint64(27))) * _MIX[2]
    return values ^ (values >> np.uint64(31))
