"""Score pairs with an embedder: a second model, larger than the one that retrieved."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ragcli.models import Embedder
from ragcli.models.fingerprints import hash_parts

_REMEMBERED = 20_000
"""Vectors of questions, and of texts, that are kept: 60 MB of 768 numbers each."""


class BiEncoder:
    """The cosine of question and text; each of them is embedded once, however many pairs and calls it is in."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._questions: dict[str, NDArray[np.float32]] = {}
        self._texts: dict[str, NDArray[np.float32]] = {}

    @property
    def fingerprint(self) -> str:
        """Identity of the embedder, as one that scores."""
        return hash_parts("bi-encoder", self._embedder.fingerprint)

    @property
    def name(self) -> str:
        """Name of the embedder."""
        return self._embedder.name

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Cosines of (question, text) pairs in their order, shape [n]."""
        if not pairs:
            return np.empty(0, dtype=np.float32)
        questions, texts = zip(*pairs, strict=True)
        asked = _vectors(questions, self._questions, self._embedder.embed_queries)
        found = _vectors(texts, self._texts, self._embedder.embed_documents)
        return np.asarray((asked * found).sum(axis=1), dtype=np.float32)


def _vectors(
    texts: Sequence[str], known: dict[str, NDArray[np.float32]], embed: Callable[[Sequence[str]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """A row for each text; what is not known is embedded, and known from then on."""
    if len(known) > _REMEMBERED:
        known.clear()
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    if missing:
        known.update(zip(missing, embed(missing), strict=True))
    return np.stack([known[text] for text in texts])
