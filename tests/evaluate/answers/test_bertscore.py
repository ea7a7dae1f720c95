"""Against the bert-score package, with the weights of all-MiniLM-L6-v2."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ragcli.config.judge import BertScoreConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError, ConfigError, MissingModelError
from ragcli.evaluate.answers.bertscore import BertScore, BertScorer
from ragcli.evaluate.answers.cache import AnswerCache
from ragcli.models.locate import locate

pytestmark = pytest.mark.model

ANSWERS = ["The cat sat on the mat.", "", "Keys rotate every 90 days", "Paris", "  \n"]
REFERENCES = [
    ["A cat was sitting on the mat."],
    ["anything"],
    ["Rotate keys each quarter.", "Signing keys rotate every 90 days."],
    ["The capital of France is Paris."],
    ["x", "y"],
]


@pytest.fixture
def cache(tmp_path: Path) -> AnswerCache:
    return AnswerCache(tmp_path / "cache.db")


def scorer(cache: AnswerCache, tmp_path: Path, **settings: object) -> BertScorer:
    models = ModelsConfig(cache=tmp_path / "models", offline=True)
    return BertScorer(BertScoreConfig.model_validate(settings), models, cache)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("layer", [None, 4])
def test_equals_bert_score(cache: AnswerCache, tmp_path: Path, layer: int | None) -> None:
    from bert_score import score

    ours = scorer(cache, tmp_path, layer=layer)
    found = ours.score(ANSWERS, REFERENCES)
    kept = [0, 2, 3]
    folder = str(locate(ours.config.model, "", ours.models).folder)
    oracle = score(
        [ANSWERS[row] for row in kept], [REFERENCES[row] for row in kept], model_type=folder, num_layers=layer or 6
    )
    np.testing.assert_allclose([found[row] for row in kept], np.stack(oracle, axis=1), atol=1e-6)
    assert found[1] == found[4] == BertScore(0.0, 0.0, 0.0)
    assert f"sentence-transformers/all-MiniLM-L6-v2, layer {layer or 6}, " in ours.note


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_known_pairs_need_no_model(cache: AnswerCache, tmp_path: Path) -> None:
    first = scorer(cache, tmp_path).score(ANSWERS, REFERENCES)
    program = (
        "import sys, json; from pathlib import Path\n"
        "from ragcli.config.judge import BertScoreConfig; from ragcli.config.models import ModelsConfig\n"
        "from ragcli.evaluate.answers.bertscore import BertScorer\n"
        "from ragcli.evaluate.answers.cache import AnswerCache\n"
        "cache, models, answers, references = json.loads(sys.argv[1])\n"
        "models = ModelsConfig(cache=Path(models), offline=True)\n"
        "scorer = BertScorer(BertScoreConfig(), models, AnswerCache(Path(cache)))\n"
        "scores = scorer.score(answers, references)\n"
        "print(json.dumps([scores, scorer.note, sorted({'torch', 'transformers', 'bert_score'} & set(sys.modules))]))"
    )
    given = json.dumps([str(tmp_path / "cache.db"), str(tmp_path / "models"), ANSWERS, REFERENCES])
    done = subprocess.run([sys.executable, "-c", program, given], capture_output=True, text=True, check=True)
    again, note, imported = json.loads(done.stdout)
    assert [BertScore(*row) for row in again] == first
    assert imported == []
    assert "layer 6" in note


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_only_unknown_pairs_are_computed_and_layers_are_apart(cache: AnswerCache, tmp_path: Path) -> None:
    six = scorer(cache, tmp_path).score(["Paris"], [["The capital of France is Paris."]])
    three = scorer(cache, tmp_path, layer=3).score(["Paris"], [["The capital of France is Paris."]])
    assert six != three
    both = scorer(cache, tmp_path).score(["Paris", "Rome"], [["The capital of France is Paris."]] * 2)
    assert both[0] == six[0]
    assert both[1].f1 < both[0].f1


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_texts_beyond_the_models_limit_are_cut(cache: AnswerCache, tmp_path: Path) -> None:
    long = "word " * 2000
    found = scorer(cache, tmp_path).score([long], [[long]])
    assert found[0].f1 == pytest.approx(1.0, abs=1e-5)


def test_errors(cache: AnswerCache, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"layer is 7, .* has 6 layers"):
        scorer(cache, tmp_path, layer=7).score(["a"], [["b"]])
    with pytest.raises(MissingModelError):
        scorer(cache, tmp_path, model=str(tmp_path / "none")).score(["a"], [["b"]])
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"")
    with pytest.raises(BackendError, match="does not say how many layers"):
        scorer(cache, tmp_path, model=str(folder)).score(["a"], [["b"]])
