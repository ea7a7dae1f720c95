"""Neighbours in a chunk's vector, against the formula written out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.index.conftest import make_document

from ragcli.config.index import ContextConfig
from ragcli.index import context
from ragcli.index.context import chunk_vectors, with_neighbours
from ragcli.index.progress import NoProgress
from ragcli.models.hashing import HashingEmbedder
from ragcli.workspace.catalog import Catalog


def written_out(
    vectors: list[list[float]], documents: list[int], lengths: list[int], weights: list[float]
) -> list[list[float]]:
    result = []
    for place, own in enumerate(vectors):
        total = np.array(own)
        for distance, weight in enumerate(weights, 1):
            for other in (place - distance, place + distance):
                if 0 <= other < len(vectors) and documents[other] == documents[place]:
                    ratio = min(lengths[other] / lengths[place], 2)
                    total = total + weight * ratio * np.array(vectors[other])
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
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((len(documents), 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lengths = random.integers(1, 50, len(documents)).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "_BLOCK_ROWS", block)
        mixed = with_neighbours(vectors, documents, lengths, weights)
    np.testing.assert_allclose(mixed, written_out(vectors.tolist(), documents, lengths, weights), atol=2e-4)
    assert mixed.dtype == np.float32


def test_a_short_chunk_leans_on_its_long_neighbour_but_twice_its_weight_at_most() -> None:
    vectors = np.eye(3, dtype=np.float32)
    mixed = with_neighbours(vectors, [1, 1, 1], [10, 1000, 500], (0.25,))
    np.testing.assert_allclose(mixed[0] / mixed[0, 0], [1, 0.5, 0])
    np.testing.assert_allclose(mixed[1] / mixed[1, 1], [0.0025, 1, 0.125])
    np.testing.assert_allclose(mixed[2] / mixed[2, 2], [0, 0.5, 1])


def test_without_weights_nothing_is_touched() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert with_neighbours(vectors, [0, 0, 0], [1, 2, 3], ()) is vectors


def test_a_chunk_alone_stays_as_it_is() -> None:
    vectors = np.eye(3, dtype=np.float32)
    assert with_neighbours(vectors, [4, 7, 9], [5, 5, 5], (0.5, 0.5)).tolist() == vectors.tolist()


def test_opposite_neighbours_do_not_divide_by_zero() -> None:
    vectors = np.array([[1, 0], [-1, 0]], dtype=np.float32)
    assert np.isfinite(with_neighbours(vectors, [0, 0], [3, 3], (1.0,))).all()


def test_the_chunks_of_a_catalog_are_mixed_by_the_length_of_what_is_embedded(tmp_path: Path) -> None:
    embedder = HashingEmbedder(64)
    texts = [["amber", "basin cedar delta ember fjord grove"], ["amber heath"]]
    with Catalog(tmp_path / "catalog.db") as catalog:
        with catalog.transaction():
            for name, parts in enumerate(texts):
                catalog.add_document(*make_document(str(name), parts))
        rows = np.array([1, 2, 3])
        found = chunk_vectors(catalog, embedder, ContextConfig(neighbours=(0.25,)), rows, NoProgress())
    own = embedder.embed_documents([text for parts in texts for text in parts])
    lengths = [len(text) for parts in texts for text in parts]
    np.testing.assert_allclose(found.vectors, written_out(own.tolist(), [1, 1, 2], lengths, [0.25]), atol=1e-6)
    assert found.computed == 3
