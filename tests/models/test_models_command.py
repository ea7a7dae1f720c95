"""``ragcli models`` as a user types it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ragcli.cli.models import models_app
from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import DataError, MissingModelError
from ragcli.models.inventory import list_models, pull_model, verify_models


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
    entries = {entry.name: entry for entry in list_models(SentenceTransformersConfig(), models).models}
    assert entries["org/tiny"].origin == "hub cache"
    assert entries["org/tiny"].revision == "d" * 40
    assert entries["org/tiny"].runtime == "onnx, exported on first use"
    assert entries["org/tiny"].size_bytes == (tiny_model / "model.safetensors").stat().st_size


def test_verify_notices_a_changed_file(models: ModelsConfig, tiny_model: Path) -> None:
    pulled = pull_model(str(tiny_model), "", models)
    assert {file.path for file in pulled.pin.files} == {"tokenizer.json", "model.safetensors"}
    config = SentenceTransformersConfig(model=str(tiny_model))
    path = tiny_model / "tokenizer.json"
    path.write_bytes(path.read_bytes() + b" ")
    (tiny_model / "config.json").write_text(
        json.dumps(json.loads((tiny_model / "config.json").read_text()) | {"auto_map": {}})  # export not compared
    )
    result = verify_models((), config, models)
    assert [check.outcome for check in result.checks] == ["failed", "skipped"]
    assert result.checks[0].message == "tokenizer.json is not as recorded by models pull"
    assert isinstance(result.error, DataError)
    path.unlink()
    with pytest.raises(MissingModelError):
        verify_models((str(tiny_model),), config, models)


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


@pytest.mark.model
def test_pull_and_verify_a_packaged_model_offline(models: ModelsConfig) -> None:
    pulled = run("pull", "bge-small-en-v1.5")["result"]
    assert (pulled["name"], pulled["origin"]) == ("BAAI/bge-small-en-v1.5", "package")
    checks = run("verify", "bge-small-en-v1.5")["result"]["checks"]
    assert [(check["check"], check["outcome"]) for check in checks] == [("files", "ok"), ("export", "skipped")]
    entry = next(entry for entry in run("list")["result"]["models"] if entry["name"] == "BAAI/bge-small-en-v1.5")
    assert entry["pinned"]
    assert entry["runtime"] == "onnx, as published"
