"""Every cross-encoder: shape, type, order, independence of the batch, and a fingerprint that tells apart."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.models.tiny_bert import write_tiny_cross_encoder

from ragcli.config.index import HashingEmbedderConfig
from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import CrossEncoderConfig, RankingModelConfig, RerankEndpointConfig, ScorerConfig
from ragcli.models import CrossEncoder
from ragcli.models.cross_encoders.build import build_cross_encoder

CROSS_ENCODERS: dict[str, ScorerConfig] = {
    "onnx, exported": CrossEncoderConfig(runtime="onnx"),
    "torch": CrossEncoderConfig(runtime="torch"),
    "embedder": RankingModelConfig(embedder=HashingEmbedderConfig(dimension=64)),
    "endpoint": RerankEndpointConfig(model="fake", batch_size=3),
}
# Another setting of each that shapes scores, and one that does not.
SHAPING: dict[str, dict[str, Any]] = {
    "onnx, exported": {"max_tokens": 32},
    "torch": {"max_tokens": 32},
    "embedder": {"embedder": HashingEmbedderConfig(dimension=65)},
    "endpoint": {"model": "another"},
}
HARMLESS: dict[str, dict[str, Any]] = {
    "onnx, exported": {"runtime": "torch", "candidates": 7},
    "torch": {"runtime": "onnx", "first_stage_weight": 0.5},
    "embedder": {"time_limit_ms": 5.0},
    "endpoint": {"timeout_s": 5.0, "max_retries": 1, "batch_size": 2},
}
PAIRS = [
    ("how to rotate the keys", "rotate the signing keys of the bank"),
    ("what is the size of a cache", "the river bank and the money"),
    ("how to rotate the keys", "a"),
    ("error code", "Ein Satz mit Umlauten: Größe, Straße \u2013 und \U0001f511"),
    ("how to rotate the keys", "rotate the signing keys of the bank"),
    ("how to rotate the keys", "what is the error code? " * 9),
]


def overlap(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """The answer of a service that counts shared words, in its own order, as the format allows."""
    asked = set(body["query"].split())
    scores = [(place, len(asked & set(text.split())) / 8) for place, text in enumerate(body["documents"])]
    ranked = sorted(scores, key=lambda one: -one[1])
    results = [{"index": place, "relevance_score": score} for place, score in ranked[: body["top_n"]]]
    return 200, {}, json.dumps({"results": results}).encode()


@pytest.fixture(scope="module")
def url(serve: Callable[[], Any]) -> Iterator[str]:
    with serve() as running:
        running.always = overlap
        yield running.url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_cross_encoder(tmp_path_factory.mktemp("tiny") / "cross")


class Build:
    """Builds a cross-encoder of the suite, with other settings where they are given."""

    def __init__(self, name: str, url: str, folder: Path) -> None:
        self.name = name
        self._own = {"endpoint": {"base_url": url}, "embedder": {}}.get(name, {"model": str(folder)})
        self._models = ModelsConfig(cache=Path(os.environ["RAGCLI_MODELS__CACHE"]), offline=True)

    def __call__(self, **settings: Any) -> CrossEncoder:
        config = CROSS_ENCODERS[self.name].model_copy(update={**self._own, **settings})
        return build_cross_encoder(config, self._models)


@pytest.fixture(scope="module", params=CROSS_ENCODERS)
def build(request: pytest.FixtureRequest, url: str, folder: Path) -> Build:
    return Build(request.param, url, folder)


@pytest.fixture(scope="module")
def model(build: Build) -> CrossEncoder:
    return build()


def test_one_score_a_pair_in_their_order_whatever_shares_the_batch(model: CrossEncoder) -> None:
    together = model.score(PAIRS)
    assert together.shape == (len(PAIRS),)
    assert together.dtype == np.float32
    alone = np.concatenate([model.score([pair]) for pair in PAIRS])
    np.testing.assert_allclose(together, alone, atol=2e-6)
    order = [3, 0, 5, 2, 4, 1]
    np.testing.assert_allclose(model.score([PAIRS[place] for place in order]), together[order], atol=2e-6)
    assert together[0] == pytest.approx(together[4], abs=2e-6)  # the same pair
    assert len(set(np.round(together, 5).tolist())) >= 3


def test_nothing_gives_nothing(model: CrossEncoder) -> None:
    found = model.score([])
    assert found.shape == (0,)
    assert found.dtype == np.float32


@pytest.mark.parametrize("text", [" \n\t", "\x00", "\u200b", "x" * 50_000, "half \ud800 a pair"])
def test_every_text_has_a_score(model: CrossEncoder, text: str) -> None:
    assert np.isfinite(model.score([("how", text), (text, "how")])).all()


def test_the_fingerprint_tells_what_shapes_scores(build: Build, model: CrossEncoder) -> None:
    assert build().fingerprint == model.fingerprint
    assert build(**HARMLESS[build.name]).fingerprint == model.fingerprint
    assert build(**SHAPING[build.name]).fingerprint != model.fingerprint


def test_names_are_what_people_call_them(build: Build, model: CrossEncoder, folder: Path) -> None:
    expected = {"endpoint": "fake", "embedder": "hashing-64"}
    assert expected.get(build.name, str(folder.resolve())) in model.name
