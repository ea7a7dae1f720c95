import json
from pathlib import Path

import pytest

from ragcli.config.index import SentenceTransformersConfig
from ragcli.errors import DataError
from ragcli.models.card import ModelCard, read_card
from ragcli.models.locate import ModelFiles


def card(folder: Path, name: str = "org/model", **settings: object) -> ModelCard:
    files = ModelFiles(name, folder, "path")
    return read_card(files, SentenceTransformersConfig.model_validate(settings))


def change(path: Path, **values: object) -> None:
    content = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({key: value for key, value in (content | values).items() if value is not None}))


def test_reads_the_models_own_files(tiny_model: Path) -> None:
    read = card(tiny_model)
    assert (read.pooling, read.max_tokens, read.dimension) == ("mean", 24, 32)
    assert (read.query_prefix, read.document_prefix, read.torch_reason) == ("", "", "")
    assert read.weights == tiny_model / "model.safetensors"


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False}, "max"),
        ({"pooling_mode_lasttoken": True, "pooling_mode_mean_tokens": False}, "lasttoken"),
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["max"]}, "max"),
    ],
)
def test_pooling_in_its_old_and_new_form(tiny_model: Path, pooling: dict[str, object], expected: str) -> None:
    change(tiny_model / "1_Pooling" / "config.json", **pooling)
    assert card(tiny_model).pooling == expected


@pytest.mark.parametrize(
    ("file", "values", "reason"),
    [
        ("1_Pooling/config.json", {"pooling_mode": ["mean", "max"]}, "pooling mean+max"),
        ("1_Pooling/config.json", {"pooling_mode": "weightedmean"}, "pooling weightedmean"),
        ("1_Pooling/config.json", {"include_prompt": False}, "the prompt is left out of pooling"),
        ("sentence_bert_config.json", {"do_lower_case": True}, "lower-casing before the tokenizer"),
        ("config.json", {"auto_map": {"AutoModel": "x.Y"}}, "code of its own"),
    ],
)
def test_what_only_sentence_transformers_can_do_needs_torch(
    tiny_model: Path, file: str, values: dict[str, object], reason: str
) -> None:
    change(tiny_model / file, **values)
    assert card(tiny_model).torch_reason == reason


def test_a_dense_module_needs_torch(tiny_model: Path) -> None:
    modules = json.loads((tiny_model / "modules.json").read_text())
    modules.insert(2, {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    (tiny_model / "modules.json").write_text(json.dumps(modules))
    assert card(tiny_model).torch_reason == "module Dense"


def test_limit_without_a_sentence_transformers_file(tiny_model: Path) -> None:
    (tiny_model / "sentence_bert_config.json").unlink()
    assert card(tiny_model).max_tokens == 64
    change(tiny_model / "tokenizer_config.json", model_max_length=1e30)
    change(tiny_model / "config.json", model_type="xlm-roberta", max_position_embeddings=514)
    assert card(tiny_model).max_tokens == 512
    change(tiny_model / "tokenizer_config.json", model_max_length=128)
    assert card(tiny_model).max_tokens == 128


def test_prompts_are_chosen_as_sentence_transformers_does(tiny_model: Path) -> None:
    path = tiny_model / "config_sentence_transformers.json"
    change(path, prompts={"query": "q: ", "passage": "p: ", "corpus": "c: "})
    assert (card(tiny_model).query_prefix, card(tiny_model).document_prefix) == ("q: ", "p: ")
    change(path, prompts={"query": "q: ", "document": "", "passage": ""})
    assert card(tiny_model).document_prefix == ""


def test_prompts_of_models_whose_files_have_none(tiny_model: Path) -> None:
    read = card(tiny_model, "BAAI/bge-small-en-v1.5")
    assert read.query_prefix == "Represent this sentence for searching relevant passages: "
    assert read.document_prefix == ""
    read = card(tiny_model, "intfloat/e5-base-v2")
    assert (read.query_prefix, read.document_prefix) == ("query: ", "passage: ")


def test_the_configuration_wins(tiny_model: Path) -> None:
    change(tiny_model / "config_sentence_transformers.json", prompts={"query": "q: ", "document": "d: "})
    read = card(tiny_model, max_tokens=10, query_prefix="", document_prefix="D ")
    assert (read.max_tokens, read.query_prefix, read.document_prefix) == (10, "", "D ")


@pytest.mark.parametrize("name", ["config.json", "modules.json", "1_Pooling/config.json"])
@pytest.mark.parametrize("content", ["{", '"text"', "\x00\xff"])
def test_damaged_files_are_named(tiny_model: Path, name: str, content: str) -> None:
    (tiny_model / name).write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=name.rsplit("/", maxsplit=1)[-1]):
        card(tiny_model)
