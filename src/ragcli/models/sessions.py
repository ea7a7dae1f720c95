"""Run encoder graphs in onnxruntime and pool what they give."""

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import BackendError
from ragcli.models.card import Pooling

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Session: TypeAlias = "InferenceSession"
Vectors: TypeAlias = NDArray[np.float32]


def load_onnxruntime() -> Any:
    """The onnxruntime library, imported when first needed, its telemetry off."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    return onnxruntime


def open_session(graph: Path, *, bulk: bool, optimise: bool = True) -> Session:
    """Open a graph for calls that run on the caller's own thread.

    Args:
        graph: The ONNX file.
        bulk: Repack the weights for many long inputs. Without it a session of mapped weights opens in a few
            milliseconds, which one question is worth; with it each input costs about a twentieth less.
        optimise: Let onnxruntime rewrite the graph, which a quantised one's values depend on; a graph that was
            exported here gains nothing from it for one question.

    Raises:
        BackendError: onnxruntime cannot load the graph.
    """
    onnxruntime = load_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.enable_mem_pattern = False
    if not bulk:
        options.add_session_config_entry("session.disable_prepacking", "1")
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions share no base class but Exception
        raise BackendError(
            f"onnxruntime cannot load {graph}: {error}", hint="ragcli models verify shows which file is damaged"
        ) from error


def hidden_states(session: Session, ids: Sequence[Sequence[int]], padding: int) -> tuple[Vectors, NDArray[np.intp]]:
    """Token vectors of a batch.

    Args:
        session: An encoder: inputs ``input_ids`` and any of ``lengths``, ``attention_mask``, ``token_type_ids``.
        ids: Token ids per text, special tokens included.
        padding: Id of the padding token.

    Returns:
        Hidden states [n, longest, hidden], float32, padded on the right, and the lengths [n].
    """
    return run_batch(session, ids, padding), np.array([len(row) for row in ids], dtype=np.intp)


def run_batch(
    session: Session, ids: Sequence[Sequence[int]], padding: int, types: Sequence[Sequence[int]] | None = None
) -> Vectors:
    """First output of a graph for a batch, float32.

    Args:
        session: Inputs ``input_ids`` and any of ``lengths``, ``attention_mask``, ``token_type_ids``, ``position_ids``.
        ids: Token ids per text, special tokens included.
        padding: Id of the padding token.
        types: Which text of a pair each token is from; the first one unless given.

    Raises:
        BackendError: The graph wants another input, or fails.
    """
    lengths = np.array([len(row) for row in ids], dtype=np.intp)
    padded = _padded(ids, lengths, padding)
    segments = np.zeros_like(padded) if types is None else _padded(types, lengths, 0)
    feeds: dict[str, NDArray[np.integer]] = {}
    for value in session.get_inputs():
        kind = np.int32 if value.type == "tensor(int32)" else np.int64
        feeds[value.name] = _input(value.name, padded, lengths, segments).astype(kind, copy=False)
    try:
        found = session.run([session.get_outputs()[0].name], feeds)[0]
    except Exception as error:  # its exceptions share no base class but Exception
        raise BackendError(f"onnxruntime failed on a batch of {len(ids)} texts: {error}") from error
    return np.asarray(found, dtype=np.float32)


def _padded(rows: Sequence[Sequence[int]], lengths: NDArray[np.intp], padding: int) -> NDArray[np.int64]:
    padded = np.full((len(rows), int(lengths.max())), padding, dtype=np.int64)
    for row, values in zip(padded, rows, strict=True):
        row[: len(values)] = values
    return padded


def _input(
    name: str, padded: NDArray[np.int64], lengths: NDArray[np.intp], segments: NDArray[np.int64]
) -> NDArray[np.integer]:
    match name:
        case "input_ids":
            return padded
        case "lengths":
            return lengths
        case "attention_mask":
            return (np.arange(padded.shape[1]) < lengths[:, None]).astype(np.int64)
        case "token_type_ids":
            return segments
        case "position_ids":
            return np.broadcast_to(np.arange(padded.shape[1]), padded.shape)
        case _:
            raise BackendError(f"the graph has an unknown input {name!r}", hint="set runtime: torch for this model")


def pool(hidden: Vectors, lengths: NDArray[np.intp], pooling: Pooling) -> Vectors:
    """One unit vector per text from its token vectors [n, longest, hidden]; padding is left out."""
    if hidden.ndim == 2:  # the graph pools by itself
        return normalise(hidden)
    match pooling:
        case "cls":
            return normalise(hidden[:, 0])
        case "lasttoken":
            return normalise(hidden[np.arange(len(hidden)), lengths - 1])
        case "max":
            return normalise(np.stack([row[:length].max(axis=0) for row, length in zip(hidden, lengths, strict=True)]))
        case "mean" | "mean_sqrt_len_tokens":  # they differ by a factor that normalising removes
            return normalise(np.stack([row[:length].mean(axis=0) for row, length in zip(hidden, lengths, strict=True)]))


def normalise(vectors: Vectors) -> Vectors:
    """Scale rows to unit length.

    Raises:
        BackendError: A row is zero or not finite, which no search could use.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise BackendError("the model gave a vector that is zero or not a number")
    return np.asarray(vectors / norms, dtype=np.float32)


def depends_on_batch(graph: Path) -> bool:
    """Whether a graph quantises activations as it runs: then a text's vector moves with what shares its batch."""
    with graph.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"DynamicQuantizeLinear") >= 0
