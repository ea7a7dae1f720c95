"""How close an answer is to a reference in the space of an embedding model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragcli.models import Embedder


def similarity(answers: Sequence[str], references: Sequence[Sequence[str]], embedder: Embedder) -> NDArray[np.float64]:
    """Cosine of each answer with its closest reference, float64 [n]; an empty answer has 0.

    Args:
        answers: What was said.
        references: What should have been said: at least one for each answer.
        embedder: The project's own.
    """
    texts = [text for answer, own in zip(answers, references, strict=True) for text in (answer, *own)]
    rows = {text: row for row, text in enumerate(dict.fromkeys(text for text in texts if text.strip()))}
    if not rows:
        return np.zeros(len(answers))
    vectors = embedder.embed_documents(list(rows)).astype(np.float64)
    return np.array(
        [_closest(vectors, rows, answer, own) for answer, own in zip(answers, references, strict=True)],
        dtype=np.float64,
    )


def _closest(vectors: NDArray[np.float64], rows: dict[str, int], answer: str, references: Sequence[str]) -> float:
    own = [rows[text] for text in references if text in rows]
    if answer not in rows or not own:
        return 0.0
    return float(np.clip((vectors[own] @ vectors[rows[answer]]).max(), -1.0, 1.0))
