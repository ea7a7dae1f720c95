"""The fused graph against BERT written out in numpy."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragcli.models import bert
from ragcli.models.sessions import hidden_states, open_session, pool

Matrix = NDArray[np.float64]


def erf(x: Matrix) -> Matrix:
    from math import erf as scalar

    values: Matrix = np.vectorize(scalar, otypes=[np.float64])(x)
    return values


def norm(x: Matrix, weights: dict[str, Any], name: str) -> Matrix:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
    return np.asarray(scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"])


def linear(x: Matrix, weights: dict[str, Any], name: str) -> Matrix:
    return np.asarray(x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"])


def reference(folder: Path, ids: list[int]) -> Matrix:
    """Devlin et al. 2019, one text, no padding, float64."""
    config = json.loads((folder / "config.json").read_text())
    weights: dict[str, Any] = {
        name: values.astype(np.float64) for name, values in bert.read_safetensors(folder / "model.safetensors").items()
    }
    embeddings = "embeddings."
    x = weights[f"{embeddings}word_embeddings.weight"][ids]
    x = x + weights[f"{embeddings}position_embeddings.weight"][: len(ids)]
    x = norm(x + weights[f"{embeddings}token_type_embeddings.weight"][0], weights, "embeddings.LayerNorm")
    heads = config["num_attention_heads"]
    size = config["hidden_size"] // heads
    for layer in range(config["num_hidden_layers"]):
        prefix = f"encoder.layer.{layer}."
        query, key, value = (
            linear(x, weights, f"{prefix}attention.self.{part}").reshape(len(ids), heads, size).transpose(1, 0, 2)
            for part in ("query", "key", "value")
        )
        scores = np.exp(query @ key.transpose(0, 2, 1) / np.sqrt(size))
        attended = (scores / scores.sum(-1, keepdims=True)) @ value
        attended = attended.transpose(1, 0, 2).reshape(len(ids), -1)
        output = f"{prefix}attention.output."
        x = norm(x + linear(attended, weights, f"{output}dense"), weights, f"{output}LayerNorm")
        wide = linear(x, weights, f"{prefix}intermediate.dense")
        wide = wide * (1 + erf(wide / np.sqrt(2))) / 2
        x = norm(x + linear(wide, weights, f"{prefix}output.dense"), weights, f"{prefix}output.LayerNorm")
    return x


@pytest.mark.parametrize("bulk", [False, True])
def test_graph_equals_bert_written_out(tiny_model: Path, tmp_path: Path, bulk: bool) -> None:
    bert.write_graph(tiny_model, tmp_path / "model.onnx")
    session = open_session(tmp_path / "model.onnx", bulk=bulk)
    batch = [[2, 40, 41, 3], [2, 50, 9, 33, 12, 60, 61, 62, 3], [2, 3], [2, *range(5, 65), 3]]
    hidden, lengths = hidden_states(session, batch, padding=0)
    assert lengths.tolist() == [4, 9, 2, 62]
    for row, ids in zip(hidden, batch, strict=True):
        np.testing.assert_allclose(row[: len(ids)], reference(tiny_model, ids), atol=2e-5)


def test_padding_never_reaches_a_vector(tiny_model: Path, tmp_path: Path) -> None:
    bert.write_graph(tiny_model, tmp_path / "model.onnx")
    session = open_session(tmp_path / "model.onnx", bulk=False)
    short, long = [2, 40, 41, 3], [2, *range(5, 60), 3]
    together = pool(*hidden_states(session, [short, long], padding=0), "mean")
    other = pool(*hidden_states(session, [short, long], padding=17), "mean")
    alone = pool(*hidden_states(session, [short], padding=0), "mean")
    np.testing.assert_allclose(together[0], alone[0], atol=1e-6)
    np.testing.assert_array_equal(together, other)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", "roberta"),
        ("hidden_act", "relu"),
        ("position_embedding_type", "relative_key"),
        ("is_decoder", True),
        ("add_cross_attention", True),
    ],
)
def test_other_architectures_are_left_to_the_tracer(tiny_model: Path, key: str, value: object) -> None:
    assert bert.supports(tiny_model)
    config = json.loads((tiny_model / "config.json").read_text())
    (tiny_model / "config.json").write_text(json.dumps(config | {key: value}))
    assert not bert.supports(tiny_model)


def test_damaged_safetensors_are_refused(tiny_model: Path) -> None:
    path = tiny_model / "model.safetensors"
    path.write_bytes((2**40).to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(ValueError, match="header"):
        bert.read_safetensors(path)
    assert not bert.supports(tiny_model)
