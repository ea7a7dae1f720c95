"""Maximal marginal relevance: each result must be relevant and unlike those above it.

Carbonell, Goldstein: The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing Summaries,
SIGIR 1998.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def diversify(relevance: Sequence[float], vectors: "NDArray[np.float32]", diversity: float) -> list[tuple[int, float]]:
    """Places of results in their new order, and the value by which each was chosen; values never rise.

    The value is ``(1 - diversity) * relevance - diversity * (greatest cosine to a result above)``; equal ones keep
    their order.

    Args:
        relevance: Of each result, on a scale from 0 to 1.
        vectors: Unit vectors of the results, [n, d].
        diversity: From 0 to 1.
    """
    import numpy as np

    weighted = (1 - diversity) * np.asarray(relevance, dtype=np.float64)
    cosines = (vectors @ vectors.T).astype(np.float64)
    # Cosines below 0 count as 0, as does the lack of a result above: so no value rises from one choice to the next.
    nearest = np.zeros(len(weighted))
    left = np.ones(len(weighted), dtype=bool)
    chosen: list[tuple[int, float]] = []
    for _ in range(len(weighted)):
        values = np.where(left, weighted - diversity * nearest, -np.inf)
        place = int(values.argmax())
        chosen.append((place, float(values[place])))
        left[place] = False
        nearest = np.maximum(nearest, cosines[place])
    return chosen
