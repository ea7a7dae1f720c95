"""Against a real HTTP server on loopback, with a script of what it answers."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragcli.config.index import OpenAIEmbedderConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError, ConfigError
from ragcli.models.openai import OpenAIEmbedder

Answer = tuple[int, dict[str, str], bytes]


def vector(text: str) -> list[float]:
    """Readable: length, spaces, 1."""
    return [float(len(text)), float(text.count(" ")), 1.0]


def embeddings(body: dict[str, Any]) -> Answer:
    data = [{"object": "embedding", "index": n, "embedding": vector(text)} for n, text in enumerate(body["input"])]
    return 200, {}, json.dumps({"object": "list", "data": data[::-1]}).encode()  # order must come from "index"


@pytest.fixture
def service(service: Any) -> Any:
    service.always = embeddings
    return service


@pytest.fixture
def embedder(service: Any, tmp_path: Path) -> Iterator[Callable[..., OpenAIEmbedder]]:
    made = []

    def make(**settings: Any) -> OpenAIEmbedder:
        values = {"base_url": service.url, "model": "test-model", "timeout_s": 5.0, **settings}
        made.append(OpenAIEmbedder(OpenAIEmbedderConfig(**values), ModelsConfig(cache=tmp_path, offline=True)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def unit(text: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.array(vector(text)) / np.linalg.norm(vector(text))
    return values


def test_batches_and_keeps_the_order(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    texts = ["a long text of many words", "b", "two words", "b b b"]
    vectors = embedder(batch_size=3).embed_documents(texts)
    np.testing.assert_allclose(vectors, [unit(text) for text in texts], rtol=1e-6)
    assert vectors.dtype == np.float32
    assert [len(body["input"]) for body in service.bodies] == [3, 1]
    assert service.paths == ["/v1/embeddings"] * 2
    assert service.bodies[0]["model"] == "test-model"
    assert "dimensions" not in service.bodies[0]


def test_dimension_is_asked_for_or_learnt(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    assert embedder().dimension == 3
    assert embedder().embed_documents([]).shape == (0, 3)
    asked = embedder(dimension=3)
    assert asked.dimension == 3
    asked.embed_queries(["a"])
    assert service.bodies[-1]["dimensions"] == 3


def test_a_wrong_dimension_is_refused(embedder: Callable[..., OpenAIEmbedder]) -> None:
    with pytest.raises(BackendError, match="3 numbers instead of 5") as caught:
        embedder(dimension=5).embed_documents(["a"])
    assert "index.embedder.dimension" in caught.value.hint


def test_failures_name_the_settings(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    hints = {401: "RAGCLI_EMBEDDER_API_KEY", 404: "index.embedder.base_url and index.embedder.model", 413: "batch_size"}
    for status, hint in hints.items():
        service.script = [(status, {}, b'{"error": {"message": "no such thing"}}')]
        with pytest.raises(BackendError, match=f"the embedder at .* answered {status}: no such thing") as caught:
            embedder().embed_queries(["a"])
        assert hint in caught.value.hint


def test_settings_decide_how_long_it_is_tried(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    service.script = [(429, {"Retry-After": "0.01"}, b"")] * 9
    with pytest.raises(BackendError, match="answered 429 after 3 attempts") as caught:
        embedder(max_retries=2).embed_queries(["a"])
    assert "index.embedder.batch_size" in caught.value.hint
    assert len(service.bodies) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>", "did not answer with JSON"),
        (b"\xff\xfe\x00", "did not answer with JSON"),
        (b"{}", "not a list of embeddings"),
        (b"[]", "not a list of embeddings"),
        (b'{"data": []}', "0 vectors for 1 texts"),
        (b'{"data": [{"index": 1, "embedding": [1]}]}', "1 vectors for 1 texts"),
        (b'{"data": [{"index": 0, "embedding": []}]}', "no one length"),
        (b'{"data": [{"index": 0, "embedding": "AAAA"}]}', "not a list of embeddings"),
        (b'{"data": [{"index": 0, "embedding": [[1], [2]]}]}', "no one length"),
        (b'{"data": [{"index": 0, "embedding": [0, 0]}]}', "zero or not a number"),
        (b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}', "zero or not a number"),
        (b'{"data": [{"index": 0, "embedding": [1e999, 1]}]}', "zero or not a number"),
    ],
)
def test_senseless_answers_are_refused(
    service: Any, embedder: Callable[..., OpenAIEmbedder], content: bytes, words: str
) -> None:
    service.script = [(200, {}, content)]
    with pytest.raises(BackendError, match=words):
        embedder().embed_queries(["a"])
    assert len(service.bodies) == 1


def test_one_services_key_never_goes_to_another(
    service: Any, embedder: Callable[..., OpenAIEmbedder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-of-openai")
    embedder().embed_queries(["a"])
    monkeypatch.setenv("RAGCLI_EMBEDDER_API_KEY", "mine")
    embedder().embed_queries(["a"])
    assert service.keys == [None, "Bearer mine"]


def test_openai_itself_needs_a_key() -> None:
    with pytest.raises(BackendError, match="needs a key") as caught:
        OpenAIEmbedder(OpenAIEmbedderConfig(), ModelsConfig()).embed_queries(["a"])
    assert "OPENAI_API_KEY" in caught.value.hint


@pytest.mark.parametrize("url", ["file:///etc/passwd", "api.openai.com", "http://user:key@host/v1", "http:///v1"])
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        OpenAIEmbedder(OpenAIEmbedderConfig(base_url=url), ModelsConfig())


def test_half_a_surrogate_pair_is_replaced(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    embedder().embed_documents(["a\udc80b"])
    assert service.bodies[0]["input"] == ["a\ufffdb"]


def test_tokens_that_the_service_counted_are_waited_for(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    def counted(body: dict[str, Any]) -> Answer:
        status, headers, content = embeddings(body)
        return status, headers, content[:-1] + b', "usage": {"prompt_tokens": 300}}'

    service.always = counted
    start = time.monotonic()
    embedder(batch_size=1, tokens_per_minute=60_000).embed_documents(["a", "b", "c"])
    assert time.monotonic() - start >= 2 * 0.3


def test_blank_texts_are_not_sent(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    embedder().embed_documents(["", " \n"])
    assert service.bodies[0]["input"] == [".", "."]


@pytest.mark.model
def test_texts_are_cut_at_the_limit(service: Any, embedder: Callable[..., OpenAIEmbedder]) -> None:
    embedder(max_tokens=3).embed_documents(["hello world hello world hello", "hello world hello"])
    assert sorted(service.bodies[0]["input"]) == ["hello world hello"] * 2


def test_fingerprint_holds_service_model_and_dimension(embedder: Callable[..., OpenAIEmbedder], service: Any) -> None:
    prints = [
        embedder(**settings).fingerprint
        for settings in ({}, {"model": "other"}, {"dimension": 3}, {"base_url": f"{service.url}/x"}, {"max_tokens": 9})
    ]
    assert len(set(prints)) == 5
    assert embedder(batch_size=7).fingerprint == prints[0]
    assert service.bodies == []
