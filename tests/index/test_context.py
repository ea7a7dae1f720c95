"""Neighbours in a chunk's vector, against the formula written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.index import context
from ragcli.index.context import with_neighbours


def written_out(vectors: list[list[float]], documents: list[int], weights: list[float]) -> list[list[float]]:
    result = []
    for place, own in enumerate(vectors):
        total = np.array(own)
        for distance, weight in enumerate(weights, 1):
            for other in (place - distance, place + distance):
                if 0 <= other < len(vectors) and documents[other] == documents[place]:
                    total = total + weight * np.array(vectors[other])
        norm = np.linalg.norm(total)
        result.append((total / norm if norm > 1e-12 else total).tolist())
    return result


@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=8),
    weights=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=4),
    block=st.integers(1, 9),
    seed=st.integers(0, 2**16),
)
def test_it_is_the_formula(sizes: list[int], weights: list[float], block: int, seed: int) -> None:
    documents = [document for document, size in enumerate(sizes) for _ in range(size)]
    vectors = np.random.default_rng(seed).standard_normal((len(documents), 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "_BLOCK_ROWS", block)
        mixed = with_neighbours(vectors, documents, weights)
    np.testing.assert_allclose(mixed, written_out(vectors.tolist(), documents, weights), atol=2e-4)
    assert mixed.dtype == np.float32


def test_without_weights_nothing_is_touched() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert with_neighbours(vectors, [0, 0, 0], ()) is vectors


def test_a_chunk_alone_stays_as_it_is() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert with_neighbours(vectors, [4, 7, 9], (0.5, 0.5)).tolist() == vectors.tolist()


def test_opposite_neighbours_do_not_divide_by_zero() -> None:
    vectors = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert np.isfinite(with_neighbours(vectors, [0, 0], (1.0,))).all()
