"""Export a sentence-transformers model to ONNX once, verify it against the original, keep it."""

import base64
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
from ragcli.models.card import ModelCard, read_card
from ragcli.models.files import cache_folder, digest
from ragcli.models.fingerprints import hash_parts, model_fingerprint
from ragcli.models.once import make_once, read_record
from ragcli.models.sessions import Vectors, hidden_states, load_onnxruntime, normalise, open_session, pool
from ragcli.models.vocabulary import encode_head, load_tokenizer, padding_id

Method: TypeAlias = Literal["bert", "torch.onnx", "none"]

LEAST_COSINE = 0.9999
# Counted up when the graphs written here change.
_VERSION = 3
GRAPH = "model.onnx"
_REFERENCES = Path(__file__).with_name("references.json")

# Short, long, cut at the limit, not English, not words: what an export could get wrong.
VERIFICATION_TEXTS = (
    "A",
    "How do I rotate the signing key without downtime?",
    "Die Größe des Zwischenspeichers läßt sich ändern. 缓存的大小可以更改。 キャッシュ 🙂",
    "def area(r: float) -> float:\n    return 3.14159 * r ** 2  # E_1042 0xDEADBEEF\n",
    " ".join(f"Sentence number {n} of a text that is longer than most models read at once." for n in range(60)),
)


@dataclass(frozen=True, slots=True)
class Export:
    """What is known of a model's ONNX form.

    Attributes:
        folder: Where graph and record are.
        method: How the graph was made; ``none`` when no export is exact and torch must run the model.
        cosine: Smallest cosine between its vectors and the original's over ``VERIFICATION_TEXTS``.
        original: What the original's vectors came from: ``record`` or ``transformers``.
        reason: Why there is none.
    """

    folder: Path
    method: Method
    cosine: float
    original: str
    reason: str = ""

    @property
    def graph(self) -> Path | None:
        """The graph to run, if there is one."""
        return None if self.method == "none" else self.folder / GRAPH


def find_export(card: ModelCard, models: ModelsConfig) -> Export | None:
    """The export made earlier, if any."""
    folder = _folder(card, models)
    record = read_record(folder)
    return None if record is None else _export(folder, record)


def ensure_export(card: ModelCard, models: ModelsConfig) -> Export:
    """The export made earlier, or one made now. Two processes at once may both make it; one result stays.

    Raises:
        BackendError: The cache folder cannot be written.
    """
    folder = _folder(card, models)

    def make(temporary: Path) -> dict[str, Any]:
        made = asdict(_make(card, temporary, models))
        return {key: value for key, value in made.items() if key != "folder"}

    return _export(folder, make_once(folder, make))


def _export(folder: Path, record: Mapping[str, Any]) -> Export:
    return Export(folder, record["method"], record["cosine"], record["original"], record["reason"])


def measure_export(card: ModelCard, graph: Path, models: ModelsConfig) -> tuple[float, str]:
    """Smallest cosine between a graph's vectors and the original's, and what the original's came from.

    Vectors of well-known weights were recorded from sentence-transformers; others are computed now by transformers.
    """
    recorded = recorded_vectors(card, models)
    if recorded is None:
        return compare_with_original(card, graph), "transformers"
    return _smallest_cosine(graph_vectors(card, graph), recorded), "record"


def compare_with_original(card: ModelCard, graph: Path) -> float:
    """Smallest cosine between a graph's vectors and those transformers computes now."""
    return _smallest_cosine(graph_vectors(card, graph), _original_vectors(card))


def _smallest_cosine(vectors: Vectors, others: Vectors) -> float:
    return float((vectors * others).sum(axis=1).min())


def graph_vectors(card: ModelCard, graph: Path) -> Vectors:
    """Vectors of ``VERIFICATION_TEXTS`` by an exported graph, encoded as one padded batch."""
    tokenizer = load_tokenizer(card.tokenizer)
    session = open_session(graph, bulk=False)
    hidden, lengths = hidden_states(session, _verification_ids(card), padding_id(tokenizer))
    return pool(hidden, lengths, card.pooling)


def recorded_vectors(card: ModelCard, models: ModelsConfig) -> Vectors | None:
    """The original's vectors of ``VERIFICATION_TEXTS``, where they were recorded for these weights."""
    records = json.loads(_REFERENCES.read_bytes())
    record = records.get(digest(card.weights, models))
    if record is None or record["pooling"] != card.pooling:
        return None
    values = np.frombuffer(base64.b64decode(record["vectors"]), dtype="<f2").astype(np.float32)
    return normalise(values.reshape(len(VERIFICATION_TEXTS), -1))


def _original_vectors(card: ModelCard) -> Vectors:
    import torch

    from ragcli.models.torch import load_transformer

    transformer = load_transformer(card.files.folder)
    rows = []
    for ids in _verification_ids(card):
        tokens = torch.tensor([ids])
        with torch.inference_mode():
            hidden = transformer(input_ids=tokens, attention_mask=torch.ones_like(tokens)).last_hidden_state
        rows.append(pool(hidden.float().numpy(), np.array([len(ids)]), card.pooling))
    return np.concatenate(rows)


def _verification_ids(card: ModelCard) -> list[list[int]]:
    limit = min(read_card(card.files, SentenceTransformersConfig()).max_tokens, 512)
    tokenizer = load_tokenizer(card.tokenizer)
    tokenizer.enable_truncation(limit)
    return [encode_head(tokenizer, text, limit).ids for text in VERIFICATION_TEXTS]


def _folder(card: ModelCard, models: ModelsConfig) -> Path:
    # Prefixes and limits are applied outside the graph.
    plain = replace(card, query_prefix="", document_prefix="", max_tokens=0)
    key = hash_parts(_VERSION, load_onnxruntime().__version__, model_fingerprint(plain, models))
    return cache_folder(models) / "exports" / key


def _make(card: ModelCard, folder: Path, models: ModelsConfig) -> Export:
    """Write the first graph that is exact into a folder."""
    reasons = []
    for method, write in _methods(card):
        try:
            write(card.files.folder, folder / GRAPH)
            cosine, original = measure_export(card, folder / GRAPH, models)
        except OSError:
            raise  # a full disk says nothing about the model
        except Exception as error:  # noqa: BLE001  # an architecture can fail in any way; torch still runs it
            reasons.append(f"{method}: {type(error).__name__}: {error}"[:300])
            continue
        if cosine >= LEAST_COSINE:
            return Export(folder, method, cosine, original)
        reasons.append(f"{method}: cosine {cosine:.6f}")
    for leftover in folder.iterdir():
        leftover.unlink()
    return Export(folder, "none", 0.0, "", "; ".join(reasons))


def _methods(card: ModelCard) -> list[tuple[Method, Callable[[Path, Path], None]]]:
    from ragcli.models import bert

    traced: tuple[Method, Callable[[Path, Path], None]] = ("torch.onnx", _trace)
    return [("bert", bert.write_graph), traced] if bert.supports(card.files.folder) else [traced]


def _trace(folder: Path, target: Path) -> None:
    """Export by running the original once under torch's tracer."""
    import onnx
    import torch

    from ragcli.models.torch import load_transformer

    transformer = load_transformer(folder)

    class Encoder(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy here
        def forward(self, input_ids: object, attention_mask: object) -> object:
            return transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    example = torch.ones(2, 16, dtype=torch.long)
    axes = {name: {0: "batch", 1: "length"} for name in ("input_ids", "attention_mask", "last_hidden_state")}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of constants that verification would find
        torch.onnx.export(
            Encoder().eval(),
            (example, example),
            str(target),
            dynamo=False,
            opset_version=17,
            input_names=["input_ids", "attention_mask"],
            output_names=["last_hidden_state"],
            dynamic_axes=axes,
        )
    # Weights beside the graph are mapped by a session instead of parsed.
    model = onnx.load(str(target))
    onnx.save(model, str(target), save_as_external_data=True, location=f"{target.name}.data", size_threshold=1024)
