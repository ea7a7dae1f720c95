"""Spreads against the definition, and what tells where the subject changes."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragcli.errors import ConfigError
from ragcli.ingest.chunkers import cohesion
from ragcli.ingest.chunkers.cohesion import Cohesion, meaning_of


def _spread(vectors: NDArray[np.float32], tokens: NDArray[np.int64]) -> float:
    """Sum of the squared distances from the mean, written out."""
    mean = (tokens[:, None] * vectors).sum(axis=0) / tokens.sum()
    return float((tokens * ((vectors - mean) ** 2).sum(axis=1)).sum())


@given(
    tokens=st.lists(st.integers(1, 60), min_size=1, max_size=40),
    most=st.integers(1, 12),
    kept=st.sampled_from([2, 3, 7, 64]),
    block=st.sampled_from([1, 5, 512]),
    seed=st.integers(0, 2**16),
)
def test_spreads_are_squared_distances_from_the_mean(
    tokens: list[int], most: int, kept: int, block: int, seed: int
) -> None:
    vectors = np.random.default_rng(seed).standard_normal((len(tokens), 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    weights = np.array(tokens)

    def meaning(texts: Sequence[str]) -> NDArray[np.float32]:
        assert len(texts) <= block
        return vectors[[int(text) for text in texts]]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohesion, "_KEPT_SUMS", kept + most)
        patch.setattr(cohesion, "_BLOCK_TEXTS", block)
        found = Cohesion(map(str, range(len(tokens))), meaning)
        for last in range(len(tokens)):
            sentences = min(last + 1, most)
            wanted = [_spread(vectors[last - back : last + 1], weights[last - back : last + 1])
                      for back in range(sentences)]  # fmt: skip
            np.testing.assert_allclose(found.spreads(tokens[last], sentences), wanted, atol=1e-3)


def test_a_sentence_without_tokens_counts_as_one() -> None:
    found = Cohesion(iter("ab"), lambda texts: np.eye(2, dtype=np.float32)[: len(texts)])
    assert found.spreads(0, 1) == [0.0]
    assert found.spreads(1, 2) == pytest.approx([0.0, 1.0])


def test_lexical_meaning_is_shared_words() -> None:
    meaning = meaning_of("lexical", None)
    assert meaning is not None
    pump, again, tax = meaning(["The pump stops.", "the pump starts", "Taxes rise yearly."])
    assert float(pump @ again) > 0.5 > float(pump @ tax)


def test_none_asks_nobody_and_semantic_asks_the_embedder() -> None:
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.ones((len(texts), 1), dtype=np.float32)

    assert meaning_of("none", embed) is None
    assert meaning_of("semantic", embed) is embed
    with pytest.raises(ConfigError, match="semantic breakpoints need an embedder"):
        meaning_of("semantic", None)
