"""Score pairs with onnxruntime and tokenizers alone."""

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError
from ragcli.models.batches import BATCH_TOKENS, Encoded, batches, spread, tasks
from ragcli.models.cross_encoders.card import Activation, PairCard
from ragcli.models.cross_encoders.graph import PairGraph
from ragcli.models.fingerprints import hash_parts
from ragcli.models.onnx import BULK_TEXTS
from ragcli.models.sessions import Session, open_session, run_batch
from ragcli.models.vocabulary import encode_pair, load_tokenizer, padding_id

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class OnnxCrossEncoder:
    """A cross-encoder on onnxruntime; one session serves all workers."""

    def __init__(self, card: PairCard, graph: PairGraph, models: ModelsConfig) -> None:
        self._card = card
        self._graph = graph
        own = card.fingerprint(models)
        self._fingerprint = own if graph.own else hash_parts(own, "as published")
        self._threads = models.threads or len(os.sched_getaffinity(0))
        self._lock = threading.RLock()
        self._sessions: dict[bool, Session] = {}

    @property
    def fingerprint(self) -> str:
        """Identity of weights, tokenizer, limit and activation."""
        return self._fingerprint

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._card.files.name

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Scores of (question, text) pairs in their order, shape [n]."""
        out = np.empty(len(pairs), dtype=np.float32)
        if not pairs:
            return out
        session = self._session(bulk=len(pairs) >= BULK_TEXTS)
        budget = 1 if self._graph.single else BATCH_TOKENS

        def score(places: list[int]) -> None:
            encoded = [self._encoded(place, *pairs[place]) for place in places]
            for batch in batches(encoded, budget):
                ids, types = [one.ids for one in batch], [one.types or [] for one in batch]
                out[[one.place for one in batch]] = _column(run_batch(session, ids, self._padding, types))

        spread(score, tasks([len(question) + len(text) for question, text in pairs]), self._threads)
        return activated(out, self._card.activation)

    def _encoded(self, place: int, question: str, text: str) -> Encoded:
        encoding = encode_pair(self._tokenizer, question, text, self._card.max_tokens)
        return Encoded(place, encoding.ids, encoding.type_ids)

    @cached_property
    def _padding(self) -> int:
        return padding_id(self._tokenizer)

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        with self._lock:
            tokenizer = load_tokenizer(self._card.tokenizer)
            tokenizer.enable_truncation(self._card.max_tokens)
            return tokenizer

    def _session(self, *, bulk: bool) -> Session:
        path = self._graph.path
        if path is None:
            raise BackendError(f"{self.name!r} has no ONNX graph: {self._graph.reason}")
        with self._lock:
            if bulk not in self._sessions and True not in self._sessions:
                self._sessions[bulk] = open_session(path, bulk=bulk, optimise=bulk or not self._graph.own)
            return self._sessions[True] if True in self._sessions else self._sessions[bulk]


def _column(output: NDArray[np.float32]) -> NDArray[np.float32]:
    if output.size != len(output):
        raise BackendError(
            f"the graph gives {output.size // len(output)} numbers a pair, and ranking needs one",
            hint="give a cross-encoder with one output",
        )
    return output.reshape(len(output))


def activated(outputs: NDArray[np.float32], activation: Activation) -> NDArray[np.float32]:
    """Scores of a model's outputs.

    Raises:
        BackendError: One is not a number.
    """
    if not np.isfinite(outputs).all():
        raise BackendError("the cross-encoder gave a score that is not a number", hint="ragcli models verify")
    match activation:
        case "identity":
            return outputs
        case "sigmoid":
            return np.asarray(1 / (1 + np.exp(-outputs.astype(np.float64))), dtype=np.float32)
