"""Write a BERT encoder as an ONNX graph of fused operators, straight from its safetensors file.

It needs neither torch nor transformers, which together take eight seconds to import and trace the same graph. The
operators are those onnxruntime itself fuses BERT into, but for the layer normalisation: Devlin et al. 2019, section 3;
GELU in its exact erf form.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto

_DOMAIN = "com.microsoft"
_PAGE = 4096
_INLINE_BYTES = 1024


def supports(folder: Path) -> bool:
    """Whether a model folder holds a plain BERT encoder in float32."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        tensors = read_safetensors(folder / "model.safetensors")
    except (OSError, ValueError, KeyError):
        return False
    return is_plain(config) and "embeddings.word_embeddings.weight" in tensors


def is_plain(config: Mapping[str, Any]) -> bool:
    """Whether a model's settings describe the architecture that is written here."""
    return (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
        and not config.get("add_cross_attention")
    )


def read_safetensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """The float32 tensors of a safetensors file, memory-mapped.

    Raises:
        ValueError: The header does not fit the file.
    """
    data = np.memmap(path, dtype=np.uint8, mode="r")
    length = int(data[:8].view("<u8")[0])
    if length > data.size - 8:
        raise ValueError(f"{path}: the header is longer than the file")
    header = json.loads(bytes(data[8 : 8 + length]))
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        start, end = entry["data_offsets"]
        tensors[name] = data[8 + length + start : 8 + length + end].view("<f4").reshape(entry["shape"])
    return tensors


def write_graph(folder: Path, target: Path) -> None:
    """Write ``target`` and ``target.data``: inputs ``input_ids`` [b, s] and ``lengths`` [b], int32, right padding.

    Lengths all alike mean that there is no padding. The output is ``last_hidden_state`` [b, s, hidden], float32.
    Weights lie page-aligned in the data file, so that a session maps them instead of reading them.

    Raises:
        KeyError: The file lacks a tensor of the architecture.
    """
    config = json.loads((folder / "config.json").read_bytes())
    graph = _Graph(read_safetensors(folder / "model.safetensors"), config)
    graph.lengths()
    graph.embeddings()
    for layer in range(config["num_hidden_layers"]):
        graph.layer(layer)
    shape = ["batch", "length", config["hidden_size"]]
    target.write_bytes(graph.finish(target, "last_hidden_state", shape).SerializeToString())


def write_pair_graph(tensors: Mapping[str, NDArray[np.float32]], config: Mapping[str, Any], target: Path) -> None:
    """Write a BERT that scores pairs: inputs as of ``write_graph`` and ``token_type_ids`` [b, s], int32.

    The output is ``logits`` [b, 1, labels], float32. The score hangs on the first token alone, so the last layer
    computes nothing else for the others than keys and values: a tenth of its work.

    Args:
        tensors: Weights as transformers names those of BertForSequenceClassification, without ``bert.`` in front.
        config: Its settings.
        target: Where to.

    Raises:
        KeyError: A tensor is missing.
    """
    graph = _Graph(tensors, config, pairs=True)
    graph.lengths()
    graph.embeddings()
    layers = int(config["num_hidden_layers"])
    for layer in range(layers):
        graph.layer(layer, first_only=layer == layers - 1)
    graph.classifier()
    labels = len(tensors["classifier.bias"])
    target.write_bytes(graph.finish(target, "logits", ["batch", 1, labels]).SerializeToString())


class _Graph:
    """Nodes and weights under construction; ``hidden`` names the latest hidden state."""

    def __init__(
        self, tensors: Mapping[str, NDArray[np.float32]], config: Mapping[str, Any], *, pairs: bool = False
    ) -> None:
        self._pairs = pairs
        self._tensors = tensors
        self._config = config
        self._epsilon = float(config["layer_norm_eps"])
        self._weights: dict[str, NDArray[np.float32]] = {}
        self._nodes: list[NodeProto] = []
        self.hidden = ""

    def lengths(self) -> None:
        """Whether the batch holds no padding: attention without a mask is a thirtieth faster over the whole graph."""
        self._node("ReduceMin", ["lengths"], "shortest", axes=[0], keepdims=0)
        self._node("ReduceMax", ["lengths"], "longest", axes=[0], keepdims=0)
        self._node("Equal", ["shortest", "longest"], "full")

    def embeddings(self) -> None:
        """Sum of word, position and type embedding, normalised; without pairs the type is always the first."""
        prefix = "embeddings."
        types = self._tensors[f"{prefix}token_type_embeddings.weight"]
        positions = self._tensors[f"{prefix}position_embeddings.weight"]
        inputs = [
            "input_ids",
            "token_type_ids" if self._pairs else "",
            self._weight("words", self._tensors[f"{prefix}word_embeddings.weight"]),
            self._weight("positions", positions if self._pairs else positions + types[0]),
            self._weight("types", types) if self._pairs else "",
            *self._norm(f"{prefix}LayerNorm"),
        ]
        self._fused("EmbedLayerNormalization", inputs, ["embedded", "unused"], epsilon=self._epsilon)
        self.hidden = "embedded"

    def layer(self, index: int, *, first_only: bool = False) -> None:
        """Attention, then the feed-forward part, each with its residual and normalisation.

        Args:
            index: Which.
            first_only: Compute the new state of the first token alone, from those of all.
        """
        prefix = f"encoder.layer.{index}."
        everything = self.hidden
        if first_only:
            first = self._node("Constant", [], f"place{index}", value_ints=[0])
            self.hidden = self._node("Gather", [everything, first], f"first{index}", axis=1)
        attended = self._attention(f"{prefix}attention.self.", everything, f"attended{index}")
        mixed = self._dense(f"{prefix}attention.output", attended, f"mixed{index}")
        wide = self._matmul(f"{prefix}intermediate.dense", mixed, f"wide{index}")
        bias = self._raw(f"{prefix}intermediate.dense.bias")
        self._fused("BiasGelu", [wide, bias], [f"active{index}"])
        self.hidden = self._dense(f"{prefix}output", f"active{index}", f"hidden{index}", residual=mixed)

    def classifier(self) -> None:
        """The pooler's tanh of the first token, and a linear layer."""
        pooled = self._matmul("pooler.dense", self.hidden, "pooled.product")
        pooled = self._node("Add", [pooled, self._raw("pooler.dense.bias")], "pooled.biased")
        pooled = self._node("Tanh", [pooled], "pooled")
        product = self._matmul("classifier", pooled, "classified.product")
        self.hidden = self._node("Add", [product, self._raw("classifier.bias")], "classified")

    def finish(self, target: Path, output: str, shape: "list[str | int]") -> "ModelProto":
        """Name the output, write the weights beside ``target`` and return the model."""
        from onnx import TensorProto, helper

        self._node("Identity", [self.hidden], output)
        inputs = [
            helper.make_tensor_value_info("input_ids", TensorProto.INT32, ["batch", "length"]),
            helper.make_tensor_value_info("lengths", TensorProto.INT32, ["batch"]),
        ]
        if self._pairs:
            inputs.append(helper.make_tensor_value_info("token_type_ids", TensorProto.INT32, ["batch", "length"]))
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
        graph = helper.make_graph(self._nodes, "encoder", inputs, outputs, self._initializers(target))
        opsets = [helper.make_opsetid("", 17), helper.make_opsetid(_DOMAIN, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="ragcli")

    def _attention(self, prefix: str, everything: str, output: str) -> str:
        """What ``hidden``, whose residual is added later, attends to in the state of all tokens."""
        sources = {"query": self.hidden, "key": everything, "value": everything}
        projections = [self._matmul(f"{prefix}{part}", source, f"{output}.{part}") for part, source in sources.items()]
        biases = [self._tensors[f"{prefix}{part}.bias"] for part in ("query", "key", "value")]
        inputs = [*projections, self._weight(f"{prefix}bias", np.concatenate(biases))]
        unpadded = self._branch(inputs, f"{output}.unpadded")
        padded = self._branch([*inputs, "lengths"], f"{output}.padded")
        return self._node("If", ["full"], output, then_branch=unpadded, else_branch=padded)

    def _branch(self, inputs: list[str], output: str) -> "GraphProto":
        from onnx import TensorProto, helper

        heads = int(self._config["num_attention_heads"])
        node = helper.make_node("MultiHeadAttention", inputs, [output], domain=_DOMAIN, num_heads=heads)
        return helper.make_graph([node], output, [], [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)])

    def _dense(self, prefix: str, source: str, output: str, residual: str = "") -> str:
        """Linear layer, its residual, and the normalisation that follows."""
        product = self._matmul(f"{prefix}.dense", source, f"{output}.product")
        biased = self._node("Add", [product, self._raw(f"{prefix}.dense.bias")], f"{output}.biased")
        total = self._node("Add", [biased, residual or self.hidden], f"{output}.sum")
        return self._layer_norm(f"{prefix}.LayerNorm", total, output)

    def _layer_norm(self, prefix: str, source: str, output: str) -> str:
        """Layer normalisation in elementary steps.

        Each of them runs on vectors; onnxruntime's operators LayerNormalization and SkipLayerNormalization add up one
        number after the other, and with them a whole text takes a ninth longer (measured, 100 to 240 tokens).
        """
        epsilon = self._weight("epsilon", np.array([self._epsilon], dtype=np.float32))
        weight, bias = self._norm(prefix)
        mean = self._node("ReduceMean", [source], f"{output}.mean", axes=[-1])
        centred = self._node("Sub", [source, mean], f"{output}.centred")
        squared = self._node("Mul", [centred, centred], f"{output}.squared")
        variance = self._node("ReduceMean", [squared], f"{output}.variance", axes=[-1])
        deviation = self._node(
            "Sqrt", [self._node("Add", [variance, epsilon], f"{output}.safe")], f"{output}.deviation"
        )
        scale = self._node("Reciprocal", [deviation], f"{output}.scale")
        normal = self._node("Mul", [centred, scale], f"{output}.normal")
        return self._node("Add", [self._node("Mul", [normal, weight], f"{output}.weighted"), bias], output)

    def _node(self, operator: str, inputs: list[str], output: str, **attributes: "list[int] | int | GraphProto") -> str:
        from onnx import helper

        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def _matmul(self, prefix: str, source: str, output: str) -> str:
        weight = self._weight(f"{prefix}.weight", self._tensors[f"{prefix}.weight"].T)
        return self._node("MatMul", [source, weight], output)

    def _norm(self, prefix: str) -> list[str]:
        return [self._raw(f"{prefix}.weight"), self._raw(f"{prefix}.bias")]

    def _raw(self, name: str) -> str:
        return self._weight(name, self._tensors[name])

    def _weight(self, name: str, values: NDArray[np.float32]) -> str:
        self._weights[name] = values
        return name

    def _fused(self, operator: str, inputs: list[str], outputs: list[str], **attributes: float) -> None:
        from onnx import helper

        self._nodes.append(helper.make_node(operator, inputs, outputs, domain=_DOMAIN, **attributes))

    def _initializers(self, target: Path) -> "list[TensorProto]":
        data = target.with_name(f"{target.name}.data")
        tensors = []
        with data.open("wb") as file:
            for name, values in self._weights.items():
                content = np.ascontiguousarray(values, dtype="<f4").tobytes()
                if len(content) > _INLINE_BYTES:
                    file.write(bytes(-file.tell() % _PAGE))
                    tensors.append(_external(name, values.shape, data.name, (file.tell(), len(content))))
                    file.write(content)
                else:
                    tensors.append(_inline(name, values.shape, content))
        return tensors


def _inline(name: str, shape: tuple[int, ...], content: bytes) -> "TensorProto":
    from onnx import TensorProto

    return TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, raw_data=content)


def _external(name: str, shape: tuple[int, ...], file: str, extent: tuple[int, int]) -> "TensorProto":
    from onnx import TensorProto

    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", file), ("offset", extent[0]), ("length", extent[1])):
        tensor.external_data.add(key=key, value=str(value))
    return tensor
