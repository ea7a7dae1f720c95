"""Every embedder: shape, type, unit length, order, independence of the batch, and a fingerprint that tells apart."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ragcli.config.index import EmbedderConfig, HashingEmbedderConfig, OpenAIEmbedderConfig, SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.index.embed import embedding_key
from ragcli.models import Embedder
from ragcli.models.build import build_embedder

BGE = "BAAI/bge-small-en-v1.5"
EMBEDDERS: dict[str, EmbedderConfig] = {
    "hashing": HashingEmbedderConfig(dimension=64),
    "openai": OpenAIEmbedderConfig(model="fake", batch_size=3),
    "onnx, exported": SentenceTransformersConfig(runtime="onnx"),
    "onnx, as published": SentenceTransformersConfig(model=BGE),
    "torch": SentenceTransformersConfig(runtime="torch"),
}
# Another setting of each that shapes vectors, and one that does not.
SHAPING: dict[str, dict[str, Any]] = {
    "hashing": {"dimension": 65},
    "openai": {"model": "another"},
    "onnx, exported": {"max_tokens": 32},
    "onnx, as published": {"query_prefix": "ask: "},
    "torch": {"document_prefix": "passage: "},
}
HARMLESS: dict[str, dict[str, Any]] = {
    "openai": {"timeout_s": 5.0, "max_retries": 1, "batch_size": 2},
    "onnx, exported": {"runtime": "torch"},
    "torch": {"runtime": "onnx"},
}
DIMENSIONS = {"hashing": 64, "openai": 8, "onnx, exported": 384, "onnx, as published": 384, "torch": 384}
TEXTS = [
    "How do I rotate the signing keys?",
    "Snapshots are taken every night and kept for thirty days. " * 12,
    "a",
    "Ein Satz mit Umlauten: Größe, Straße \u2013 und ein Zeichen \U0001f511.",
    "How do I rotate the signing keys?",
    "def rotate(key: Key) -> Key:\n    return key.next()\n",
]


def fake_vector(text: str) -> list[float]:
    """How often letters of each of eight groups occur, and never all zero."""
    counts = [1.0] * 8
    for letter in text:
        counts[ord(letter) % 8] += 1
    return counts


def embeddings(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """The answer of an OpenAI-compatible service, out of order, as the format allows."""
    data = [{"index": place, "embedding": fake_vector(text)} for place, text in enumerate(body["input"])]
    return 200, {}, json.dumps({"data": data[::-1]}).encode()


@pytest.fixture(scope="module")
def url(serve: Callable[[], Any]) -> Iterator[str]:
    with serve() as running:
        running.always = embeddings
        yield running.url


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import os

    return Path(os.environ["RAGCLI_MODELS__CACHE"])


class Build:
    """Builds an embedder of the suite, with other settings where they are given."""

    def __init__(self, name: str, url: str, cache: Path) -> None:
        self.name = name
        self._url = url
        self._models = ModelsConfig(cache=cache, offline=True)

    def __call__(self, **settings: Any) -> Embedder:
        config = EMBEDDERS[self.name]
        if config.kind == "openai":
            settings = {"base_url": self._url, **settings}
        return build_embedder(config.model_copy(update=settings), self._models)


NAMES = [
    pytest.param(name, marks=[pytest.mark.model] if config.kind == "sentence-transformers" else [])
    for name, config in EMBEDDERS.items()
]


@pytest.fixture(scope="module", params=NAMES)
def build(request: pytest.FixtureRequest, url: str, cache: Path) -> Build:
    return Build(request.param, url, cache)


@pytest.fixture(scope="module")
def embedder(build: Build) -> Embedder:
    return build()


def test_vectors_are_unit_rows_of_float32(embedder: Embedder, build: Build) -> None:
    for vectors in (embedder.embed_documents(TEXTS), embedder.embed_queries(TEXTS)):
        assert vectors.shape == (len(TEXTS), DIMENSIONS[build.name])
        assert vectors.dtype == np.float32
        assert vectors.flags.c_contiguous
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert embedder.dimension == DIMENSIONS[build.name]


def test_nothing_gives_no_rows(embedder: Embedder) -> None:
    for vectors in (embedder.embed_documents([]), embedder.embed_queries([])):
        assert vectors.shape == (0, embedder.dimension)
        assert vectors.dtype == np.float32


def test_each_text_has_its_own_row_whatever_shares_the_batch(embedder: Embedder) -> None:
    together = embedder.embed_documents(TEXTS)
    alone = np.concatenate([embedder.embed_documents([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    order = [3, 0, 5, 2, 4, 1]
    np.testing.assert_allclose(embedder.embed_documents([TEXTS[place] for place in order]), together[order], atol=2e-6)
    np.testing.assert_array_equal(together[0], together[4])  # the same text
    assert [TEXTS[place] for place in np.argmax(together @ alone.T, axis=1)] == TEXTS


def test_many_texts_keep_their_order(embedder: Embedder) -> None:
    texts = [f"page {number} " + "word " * (number * 7 % 23) for number in range(30)]
    vectors = embedder.embed_documents(texts)
    for place in (0, 13, 29):
        np.testing.assert_allclose(vectors[place], embedder.embed_documents([texts[place]])[0], atol=2e-6)


def test_the_same_again(build: Build, embedder: Embedder) -> None:
    other = build()
    assert other.fingerprint == embedder.fingerprint
    np.testing.assert_allclose(other.embed_documents(TEXTS[:2]), embedder.embed_documents(TEXTS[:2]), atol=2e-6)


@pytest.mark.parametrize("text", ["", " \n\t", "\x00", "\u200b", "x" * 50_000])
def test_every_text_has_a_direction(embedder: Embedder, build: Build, text: str) -> None:
    if build.name == "openai" and len(text) > 8191:
        pytest.skip("cutting needs the tokenizer: tests/models/test_openai.py")
    (vector,) = embedder.embed_documents([text])
    assert np.isfinite(vector).all()
    np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-5)


def test_questions_and_documents_differ_by_their_prefixes_alone(build: Build, embedder: Embedder) -> None:
    as_query, as_document = embedder.embed_queries(TEXTS[:1]), embedder.embed_documents(TEXTS[:1])
    if build.name == "onnx, as published":
        prompt = "Represent this sentence for searching relevant passages: "
        np.testing.assert_allclose(as_query, embedder.embed_documents([prompt + TEXTS[0]]), atol=2e-6)
        assert float((as_query @ as_document.T)[0, 0]) < 0.999
    else:
        np.testing.assert_array_equal(as_query, as_document)
    if EMBEDDERS[build.name].kind == "sentence-transformers":
        prefixed = build(query_prefix="query: ", document_prefix="passage: ")
        np.testing.assert_allclose(
            prefixed.embed_queries(TEXTS[:1]), embedder.embed_documents(["query: " + TEXTS[0]]), atol=2e-6
        )
        np.testing.assert_allclose(
            prefixed.embed_documents(TEXTS[:1]), embedder.embed_documents(["passage: " + TEXTS[0]]), atol=2e-6
        )


def test_a_text_beyond_the_limit_is_cut_at_the_limit(build: Build) -> None:
    if EMBEDDERS[build.name].kind != "sentence-transformers":
        pytest.skip("has no limit of its own, or another test: tests/models/test_openai.py")
    short = build(max_tokens=16)
    assert short.max_tokens == 14  # the two special tokens taken off
    words = "key " * 14
    np.testing.assert_allclose(
        short.embed_documents([words + "and much more of it"]), short.embed_documents([words]), atol=2e-6
    )


def test_the_fingerprint_tells_what_shapes_vectors(build: Build) -> None:
    assert build(**SHAPING[build.name]).fingerprint != build().fingerprint
    if build.name in HARMLESS:
        assert build(**HARMLESS[build.name]).fingerprint == build().fingerprint


def test_no_two_embedders_share_a_cached_vector(url: str, cache: Path) -> None:
    names = ["hashing", "openai"]
    prints = [Build(name, url, cache)().fingerprint for name in names]
    keys = {embedding_key(fingerprint, "text") for fingerprint in prints}
    assert len(set(prints)) == len(keys) == len(names)


@pytest.mark.model
def test_runtimes_of_a_model_agree(url: str, cache: Path) -> None:
    exported, torch = Build("onnx, exported", url, cache)(), Build("torch", url, cache)()
    published = Build("onnx, as published", url, cache)()
    cosines = (exported.embed_documents(TEXTS) * torch.embed_documents(TEXTS)).sum(axis=1)
    assert cosines.min() >= 0.9999
    assert exported.fingerprint == torch.fingerprint != published.fingerprint


def test_names_are_what_people_call_them(embedder: Embedder, build: Build) -> None:
    name = embedder.name
    expected = {"hashing": "hashing-64", "openai": "fake", "onnx, as published": BGE}
    assert expected.get(build.name, "sentence-transformers/all-MiniLM-L6-v2") in name
