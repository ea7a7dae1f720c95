"""Embed texts with onnxruntime and tokenizers alone."""

import os
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragcli.models.batches import BATCH_TOKENS, Encoded, batches, spread, tasks
from ragcli.models.card import ModelCard
from ragcli.models.sessions import Session, Vectors, depends_on_batch, hidden_states, open_session, pool
from ragcli.models.vocabulary import encode_head, load_tokenizer, padding_id, text_limit

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# From how many texts on repacking the weights pays for itself.
BULK_TEXTS = 16


class OnnxEmbedder:
    """A sentence-transformers model on onnxruntime; one session serves all workers."""

    def __init__(self, card: ModelCard, graph: Path, fingerprint: str, threads: int = 0) -> None:
        self._card = card
        self._graph = graph
        self._fingerprint = fingerprint
        self._threads = threads or len(os.sched_getaffinity(0))
        self._lock = threading.RLock()
        self._sessions: dict[bool, Session] = {}

    @property
    def fingerprint(self) -> str:
        """Identity of weights, tokenizer, pooling, prefixes and limits."""
        return self._fingerprint

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._card.files.name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._card.dimension

    @cached_property
    def max_tokens(self) -> int:
        """Longest document in tokens, special tokens and prefix taken off."""
        return text_limit(self._tokenizer, self._card.max_tokens, self._card.document_prefix)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of document texts in their order, shape [n, dimension]."""
        return self._embed(texts, self._card.document_prefix)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions in their order, shape [n, dimension]."""
        return self._embed(texts, self._card.query_prefix)

    def _embed(self, texts: Sequence[str], prefix: str) -> Vectors:
        out = np.empty((len(texts), self.dimension), dtype=np.float32)
        if not texts:
            return out
        session = self._session(bulk=len(texts) >= BULK_TEXTS)
        budget = 1 if self._single else BATCH_TOKENS

        def embed(places: list[int]) -> None:
            encoded = [Encoded(place, self._ids(prefix + texts[place])) for place in places]
            for batch in batches(encoded, budget):
                states, lengths = hidden_states(session, [one.ids for one in batch], self._padding)
                out[[one.place for one in batch]] = pool(states, lengths, self._card.pooling)

        spread(embed, tasks([len(text) for text in texts]), self._threads)
        return out

    def _ids(self, text: str) -> list[int]:
        return encode_head(self._tokenizer, text, self._card.max_tokens).ids

    @cached_property
    def _single(self) -> bool:
        return self._card.ready_onnx and depends_on_batch(self._graph)

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
        with self._lock:
            if bulk not in self._sessions and True not in self._sessions:
                self._sessions[bulk] = open_session(self._graph, bulk=bulk, optimise=bulk or self._card.ready_onnx)
            return self._sessions[True] if True in self._sessions else self._sessions[bulk]
