"""Read the weights of a BERT cross-encoder out of its ONNX graph, quantised or not.

A graph with dynamic quantisation gives a pair another score in other company. With its weights as plain numbers it
gives always the same one, and the fused graph runs it faster.
"""

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto

_QUANTISED = "_quantized"
_SELF = "/bert/encoder/layer.0/attention/self/"
_EPSILON = "/bert/embeddings/LayerNorm/Constant_1"

Tensors = dict[str, NDArray[np.float32]]


def read_onnx_weights(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Weights under transformers' names without ``bert.``, and the settings that a fused graph needs.

    Raises:
        ValueError: It is no graph of BertForSequenceClassification as torch exports it.
    """
    import onnx

    model = onnx.load(str(path))
    operators = {node.op_type for node in model.graph.node}
    if "Erf" not in operators:
        raise ValueError("its activation is not GELU in erf form")
    named = _named(model)
    layers = 1 + max((int(name.split(".")[2]) for name in named if name.startswith("encoder.layer.")), default=-1)
    if not layers or "classifier.weight" not in named:
        raise ValueError("it is no BertForSequenceClassification")
    hidden = named["embeddings.word_embeddings.weight"].shape[1]
    settings = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": hidden,
        "intermediate_size": len(named["encoder.layer.0.intermediate.dense.bias"]),
        "num_hidden_layers": layers,
        "max_position_embeddings": len(named["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(named["embeddings.token_type_embeddings.weight"]),
        "vocab_size": len(named["embeddings.word_embeddings.weight"]),
        **_constants(model, hidden),
    }
    return named, settings


def _named(model: "ModelProto") -> Tensors:
    values = _values(model)
    named = {name: value for name, value in values.items() if name.startswith(("bert.", "classifier."))}
    for node in model.graph.node:
        if node.op_type in {"MatMul", "MatMulInteger"} and node.input[1].removesuffix(_QUANTISED) in values:
            # Linear layers were exported as products with the transposed weight, called by a number.
            module = node.name.strip("/").rpartition("/")[0].replace("/", ".")
            named[f"{module}.weight"] = values[node.input[1].removesuffix(_QUANTISED)].T
    return {name.removeprefix("bert."): value for name, value in named.items()}


def _values(model: "ModelProto") -> Tensors:
    """Constant tensors of a graph, quantised ones multiplied out."""
    from onnx import numpy_helper

    raw = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    values = {name: value for name, value in raw.items() if value.dtype == np.float32 and not name.endswith("_scale")}
    for name, value in raw.items():
        if name.endswith(_QUANTISED):
            base = name.removesuffix(_QUANTISED)
            zero = raw[f"{base}_zero_point"].astype(np.float32)
            values[base] = (value.astype(np.float32) - zero) * raw[f"{base}_scale"]
    return values


def _constants(model: "ModelProto", hidden: int) -> dict[str, Any]:
    """Number of heads and the epsilon, which only constants of the graph tell."""
    from onnx import numpy_helper

    found = {
        node.name: numpy_helper.to_array(node.attribute[0].t)
        for node in model.graph.node
        if node.op_type == "Constant" and node.name.startswith((_SELF, _EPSILON))
    }
    shape = [int(value[0]) for name, value in found.items() if name.startswith(_SELF) and value.shape == (1,)]
    heads = next((one for one, size in pairwise(shape) if one > 0 and one * size == hidden), 0)
    if not heads or _EPSILON not in found:
        raise ValueError("it does not tell its number of heads")
    return {"num_attention_heads": heads, "layer_norm_eps": float(found[_EPSILON])}
