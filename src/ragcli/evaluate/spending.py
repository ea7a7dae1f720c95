"""Tokens that retrieval has the embedder read, and what they cost."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import MissingModelError

if TYPE_CHECKING:
    from ragcli.models import TokenCounter
    from ragcli.query.engine import Engine


class Spending:
    """What an engine spent on questions so far, in tokens of the embedder's own vocabulary.

    Tokens are counted here, so they are an estimate of what an endpoint bills. They are NaN where the vocabulary is not
    on this machine.
    """

    def __init__(self, engine: "Engine") -> None:
        self._config = engine.config
        self._embedded = engine.embedded
        counter = _counter(engine) if engine.embedded else None
        self._tokens = {text: math.nan if counter is None else counter.count(text) for text in engine.embedded}

    def of(self, questions: Sequence[str]) -> NDArray[np.float64]:
        """Tokens of each question, as often as it was embedded; float64 [q]."""
        alike = Counter(questions)
        return np.array([self._tokens.get(q, 0) * self._embedded[q] / alike[q] for q in questions], dtype=np.float64)

    def columns(self, questions: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """``query_tokens``, and ``query_cost`` where tokens have a price; float64 [q]."""
        tokens, price = self.of(questions), self._price
        return {"query_tokens": tokens} | ({"query_cost": tokens * price / 1e6} if price else {})

    def totals(self) -> dict[str, float]:
        """``tokens``, and ``cost`` in the currency of the price; NaN where it is not known."""
        tokens, price = float(sum(count * self._tokens[text] for text, count in self._embedded.items())), self._price
        cost = math.nan if price is None else tokens * price / 1e6 if price else 0.0
        return {"tokens": tokens, "cost": cost}

    @property
    def _price(self) -> float | None:
        """Of a million tokens; a model on this machine has none."""
        if self._config.index.embedder.kind != "openai" or not self._embedded:
            return 0.0
        return self._config.evaluate.embedder_price


def _counter(engine: "Engine") -> "TokenCounter | None":
    from ragcli.models.tokens import build_token_counter

    config = engine.config
    try:
        return build_token_counter("embedder", config.index.embedder, config.models)
    except MissingModelError:
        return None
