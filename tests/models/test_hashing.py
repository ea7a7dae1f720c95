import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.models.hashing import HashingEmbedder


def cosine(first: str, second: str, dimension: int = 4096) -> float:
    one, two = HashingEmbedder(dimension).embed_documents([first, second])
    return float(one @ two)


def test_values_follow_from_the_words() -> None:
    # Two words each, one shared, no shared pair: (1 word in common) / (2 words and half a pair, squared: 2.25).
    assert cosine("red apple", "red stone") == pytest.approx(1 / 2.25, rel=1e-6)
    assert cosine("red apple", "stone wall") == 0
    assert cosine("red apple", "RED, Apple!") == pytest.approx(1)


def test_order_matters_through_pairs() -> None:
    # Two words in common, the pairs differ: 2 / 2.25.
    np.testing.assert_allclose(cosine("red apple", "apple red"), 2 / 2.25, rtol=1e-6)


def test_pairs_do_not_reach_into_the_next_text() -> None:
    embedder = HashingEmbedder(512)
    together = embedder.embed_documents(["red apple", "stone wall"])
    np.testing.assert_array_equal(together[0], embedder.embed_documents(["red apple"])[0])
    np.testing.assert_array_equal(together[1], embedder.embed_documents(["stone wall"])[0])


@given(st.lists(st.text(max_size=60), max_size=20), st.integers(8, 300))
def test_every_text_has_a_direction(texts: list[str], dimension: int) -> None:
    vectors = HashingEmbedder(dimension).embed_documents(texts)
    assert vectors.shape == (len(texts), dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_the_same_in_another_process() -> None:
    program = "from ragcli.models.hashing import *; print(HashingEmbedder(16).embed_queries(['red apple']).tolist())"
    words = [sys.executable, "-c", program]
    runs = {
        subprocess.run(words, capture_output=True, check=True, env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }
    assert runs == {f"{HashingEmbedder(16).embed_queries(['red apple']).tolist()}\n".encode()}


def test_says_that_it_is_a_toy() -> None:
    assert "toy" in HashingEmbedder(64).name


def test_fingerprint_holds_the_dimension() -> None:
    assert HashingEmbedder(64).fingerprint == HashingEmbedder(64).fingerprint != HashingEmbedder(65).fingerprint
