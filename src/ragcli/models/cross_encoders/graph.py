"""Make the graph that runs a cross-encoder, once, and compare it with the original."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragcli.config.models import ModelsConfig
from ragcli.models import bert
from ragcli.models.cross_encoders.card import PairCard
from ragcli.models.cross_encoders.weights import read_onnx_weights
from ragcli.models.files import cache_folder
from ragcli.models.fingerprints import hash_parts
from ragcli.models.once import make_once, read_record
from ragcli.models.sessions import depends_on_batch, load_onnxruntime, open_session, run_batch
from ragcli.models.vocabulary import load_tokenizer, padding_id

EXACT = 1e-4
"""How far a graph's scores may be from the original's."""
# What rounding of activations to eight bits does to scores between -11 and 10.
_QUANTISED = 1.5
# Counted up when the graphs written here change.
_VERSION = 1
_GRAPH = "model.onnx"
_CLASSIFIER = "AutoModelForSequenceClassification"

VERIFICATION_PAIRS = (
    ("how many people live in Berlin?", "Berlin had a population of 3,520,031 registered inhabitants in 2016."),
    ("how many people live in Berlin?", "New York City is famous for the Metropolitan Museum of Art."),
    ("E_1042", "def area(r: float) -> float:\n    return 3.14159 * r ** 2  # E_1042 0xDEADBEEF\n"),
    ("Größe des Zwischenspeichers 缓存", "A"),
    ("what is long?", " ".join(f"Sentence number {n} of a text that is longer than models read." for n in range(60))),
)


@dataclass(frozen=True, slots=True)
class PairGraph:
    """What runs a cross-encoder on onnxruntime.

    Attributes:
        path: The graph; None when torch must run the model.
        single: Whether a score moves with what shares its batch, so that each pair is scored alone.
        own: Whether the graph was written here, and need not be rewritten for few pairs.
        reason: Why there is no exact graph.
    """

    path: Path | None
    single: bool = False
    own: bool = True
    reason: str = ""


def ensure_graph(card: PairCard, models: ModelsConfig) -> PairGraph:
    """The graph made earlier, or one made now.

    Raises:
        BackendError: The cache folder cannot be written.
    """
    if card.torch_reason:
        return PairGraph(None, reason=card.torch_reason)
    folder = _folder(card, models)
    return _graph(card, folder, make_once(folder, lambda temporary: _make(card, temporary)))


def find_graph(card: PairCard, models: ModelsConfig) -> PairGraph | None:
    """The graph made earlier, if any."""
    folder = _folder(card, models)
    record = read_record(folder)
    return None if record is None else _graph(card, folder, record)


def compare_with_original(card: PairCard, graph: Path) -> tuple[float, float]:
    """How far a graph's scores are from the original's, computed now, and how far they may be."""
    return float(np.abs(_scores(card, graph) - _original(card)).max()), _allowed(card)


def _folder(card: PairCard, models: ModelsConfig) -> Path:
    key = hash_parts("pairs", _VERSION, load_onnxruntime().__version__, card.fingerprint(models))
    return cache_folder(models) / "exports" / key


def _graph(card: PairCard, folder: Path, record: Mapping[str, Any]) -> PairGraph:
    if record["method"] != "none":
        return PairGraph(folder / _GRAPH)
    if card.ready_onnx:
        return PairGraph(card.weights, single=depends_on_batch(card.weights), own=False, reason=record["reason"])
    return PairGraph(None, reason=record["reason"])


def _make(card: PairCard, folder: Path) -> dict[str, Any]:
    """Write the first graph that scores like the original."""
    reasons = []
    for method, write in _methods(card):
        try:
            write(folder / _GRAPH)
            difference = float(np.abs(_scores(card, folder / _GRAPH) - _original(card)).max())
        except OSError:
            raise  # a full disk says nothing about the model
        except Exception as error:  # noqa: BLE001  # an architecture can fail in any way; the original still runs
            reasons.append(f"{method}: {type(error).__name__}: {error}"[:300])
            continue
        if difference <= _allowed(card):
            return {"method": method, "difference": difference, "reason": ""}
        reasons.append(f"{method}: scores differ by {difference:.6f}")
    for leftover in folder.iterdir():
        leftover.unlink()
    return {"method": "none", "difference": 0.0, "reason": "; ".join(reasons)}


def _allowed(card: PairCard) -> float:
    return _QUANTISED if card.ready_onnx and depends_on_batch(card.weights) else EXACT


def _methods(card: PairCard) -> Iterator[tuple[str, Callable[[Path], None]]]:
    if card.ready_onnx:
        yield "rebuilt", lambda target: _rebuild(card, target)
        return
    if bert.is_plain(card.settings) and card.weights.suffix == ".safetensors":
        yield "bert", lambda target: _write(card, target)
    yield "torch.onnx", lambda target: _trace(card.files.folder, target)


def _rebuild(card: PairCard, target: Path) -> None:
    tensors, settings = read_onnx_weights(card.weights)
    bert.write_pair_graph(tensors, settings | dict(card.settings), target)


def _write(card: PairCard, target: Path) -> None:
    tensors = bert.read_safetensors(card.weights)
    plain = {name.removeprefix("bert."): values for name, values in tensors.items()}
    bert.write_pair_graph(plain, card.settings, target)


def _trace(folder: Path, target: Path) -> None:
    """Export by running the original once under torch's tracer."""
    import onnx
    import torch

    from ragcli.models.torch import load_transformer

    classifier = load_transformer(folder, _CLASSIFIER).requires_grad_(requires_grad=False)
    classifier.config.return_dict = False
    example = torch.ones(2, 16, dtype=torch.long)
    named = {"attention_mask": example} | ({"token_type_ids": torch.zeros_like(example)} if _typed(classifier) else {})
    axes = {name: {0: "batch", 1: "length"} for name in ("input_ids", *named)}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of constants that verification would find
        torch.onnx.export(
            classifier,
            (example, named),
            str(target),
            dynamo=False,
            opset_version=17,
            input_names=["input_ids", *named],
            output_names=["logits"],
            dynamic_axes={**axes, "logits": {0: "batch"}},
        )
    model = onnx.load(str(target))
    onnx.save(model, str(target), save_as_external_data=True, location=f"{target.name}.data", size_threshold=1024)


def _typed(classifier: Any) -> bool:
    """Whether a model takes ``token_type_ids``."""
    return getattr(classifier.config, "type_vocab_size", 0) > 1


def _encoded(card: PairCard) -> Iterator[tuple[list[int], list[int]]]:
    tokenizer = load_tokenizer(card.tokenizer)
    tokenizer.enable_truncation(min(card.max_tokens, 512))
    for question, text in VERIFICATION_PAIRS:
        encoding = tokenizer.encode(question, text)
        yield encoding.ids, encoding.type_ids


def _scores(card: PairCard, graph: Path, *, together: bool = True) -> NDArray[np.float32]:
    """Outputs for ``VERIFICATION_PAIRS``, in one padded batch or one by one."""
    session = open_session(graph, bulk=False)
    padding = padding_id(load_tokenizer(card.tokenizer))
    rows = list(_encoded(card))
    groups = [rows] if together else [[row] for row in rows]
    outputs = [
        run_batch(session, [ids for ids, _ in group], padding, [types for _, types in group]) for group in groups
    ]
    return np.concatenate([output.reshape(len(output)) for output in outputs])


def _original(card: PairCard) -> NDArray[np.float32]:
    if card.ready_onnx:
        return _scores(card, card.weights, together=False)
    import torch

    from ragcli.models.torch import load_transformer

    classifier = load_transformer(card.files.folder, _CLASSIFIER)
    scores = []
    for ids, types in _encoded(card):
        wanted = {"token_type_ids": torch.tensor([types])} if _typed(classifier) else {}
        with torch.inference_mode():
            scores.append(float(classifier(input_ids=torch.tensor([ids]), **wanted).logits[0, 0]))
    return np.array(scores, dtype=np.float32)
