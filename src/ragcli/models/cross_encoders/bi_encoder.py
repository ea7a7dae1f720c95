"""Score pairs with an embedder: a second model, larger than the one that retrieved."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragcli.models import Embedder
from ragcli.models.fingerprints import hash_parts


class BiEncoder:
    """The cosine of question and text; each of them is embedded once, however many pairs it is in."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

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
        questions = {text: place for place, text in enumerate(dict.fromkeys(question for question, _ in pairs))}
        texts = {text: place for place, text in enumerate(dict.fromkeys(text for _, text in pairs))}
        asked = self._embedder.embed_queries(list(questions))[[questions[question] for question, _ in pairs]]
        found = self._embedder.embed_documents(list(texts))[[texts[text] for _, text in pairs]]
        return np.asarray((asked * found).sum(axis=1), dtype=np.float32)
