import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError
from ragcli.models import bert
from ragcli.models.card import ModelCard, read_card
from ragcli.models.export import LEAST_COSINE, ensure_export, find_export, measure_export
from ragcli.models.locate import locate

EXPORT = """
import sys
from pathlib import Path
from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.models.card import read_card
from ragcli.models.export import ensure_export
from ragcli.models.locate import locate
models = ModelsConfig(cache=Path(sys.argv[1]))
print(ensure_export(read_card(locate("all-MiniLM-L6-v2", "", models), SentenceTransformersConfig()), models).method)
"""

pytestmark = pytest.mark.model


@pytest.fixture
def models(tmp_path: Path) -> ModelsConfig:
    return ModelsConfig(cache=tmp_path / "cache")


def minilm(models: ModelsConfig, **settings: object) -> ModelCard:
    config = SentenceTransformersConfig.model_validate(settings)
    return read_card(locate(config.model, "", models), config)


def test_exports_once_exactly_and_without_torch(models: ModelsConfig) -> None:
    card = minilm(models)
    assert find_export(card, models) is None
    made = ensure_export(card, models)
    assert (made.method, made.original, made.reason) == ("bert", "record", "")
    assert made.cosine >= 0.999999
    assert made.graph is not None
    before = made.graph.stat().st_mtime_ns
    assert ensure_export(card, models) == made == find_export(card, models)
    assert made.graph.stat().st_mtime_ns == before
    assert sorted(path.name for path in made.folder.iterdir()) == ["export.json", "model.onnx", "model.onnx.data"]


def test_prefixes_and_limits_share_one_export(models: ModelsConfig) -> None:
    made = ensure_export(minilm(models), models)
    assert find_export(minilm(models, max_tokens=64, query_prefix="query: "), models) == made


def test_two_processes_at_once_leave_one_export(models: ModelsConfig) -> None:
    assert models.cache is not None
    words = [sys.executable, "-c", EXPORT, str(models.cache)]
    workers = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [worker.communicate(timeout=60)[0] for worker in workers] == ["bert\n"] * 2
    assert len(list((models.cache / "exports").iterdir())) == 1


def test_what_a_killed_process_left_is_swept_when_old(models: ModelsConfig) -> None:
    assert models.cache is not None
    exports = models.cache / "exports"
    for name, age in ((".new-old", 7200), (".new-young", 60)):
        (exports / name).mkdir(parents=True)
        (exports / name / "model.onnx").write_bytes(b"half")
        os.utime(exports / name, (time.time() - age,) * 2)
    assert find_export(minilm(models), models) is None, "a half-written export is never taken"
    made = ensure_export(minilm(models), models)
    assert sorted(path.name for path in exports.iterdir()) == [".new-young", made.folder.name]


def test_a_changed_weight_is_noticed(models: ModelsConfig, tmp_path: Path) -> None:
    card = minilm(models)
    graph = tmp_path / "model.onnx"
    bert.write_graph(card.files.folder, graph)
    exact, _ = measure_export(card, graph, models)
    assert exact > 0.999999
    weights = np.memmap(graph.with_name("model.onnx.data"), dtype="<f4", mode="r+")
    weights[-400_000:-200_000] *= 1.5
    weights.flush()
    changed, original = measure_export(card, graph, models)
    assert original == "record"
    assert changed < LEAST_COSINE


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    models = ModelsConfig(cache=tmp_path / "file")
    with pytest.raises(BackendError, match="could not be exported") as caught:
        ensure_export(minilm(models), models)
    assert "models.cache" in caught.value.hint


def test_a_model_no_export_fits_is_remembered_with_its_reason(
    models: ModelsConfig, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((tiny_model / "config.json").read_text())
    (tiny_model / "config.json").write_text(json.dumps(config | {"model_type": "no-such-architecture"}))
    settings = SentenceTransformersConfig(model=str(tiny_model))
    card = read_card(locate(settings.model, "", models), settings)
    made = ensure_export(card, models)
    assert made.graph is None
    assert made.reason.startswith("torch.onnx: BackendError: transformers cannot load")
    assert find_export(card, models) == made
