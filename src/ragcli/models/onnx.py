"""Embed texts with onnxruntime and tokenizers alone."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragcli.models.card import ModelCard
from ragcli.models.sessions import Session, Vectors, depends_on_batch, hidden_states, open_session, pool
from ragcli.models.vocabulary import encode_head, load_tokenizer, padding_id, text_limit

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Measured on two cores with 1 MB of second-level cache each: 1 to 1,024 tokens a batch are equally fast, 4,096 a
# fifth slower, because the activations no longer stay in the cache. Short texts gain from sharing a batch.
_BATCH_TOKENS = 512
# From this length on a text shares a batch with texts of its own length only: it gains less from company than padding
# and its mask cost (measured: equal at 160).
_ALONE_TOKENS = 160
# How many characters a worker takes at a time, about a batch of English: small, so that all workers end together.
_TASK_CHARS = 4 * _BATCH_TOKENS
# From how many texts on repacking the weights pays for itself.
_BULK_TEXTS = 16


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A tokenised text: its place in the input and its token ids."""

    place: int
    ids: list[int]


class OnnxEmbedder:
    """A sentence-transformers model on onnxruntime.

    One session serves all workers; each worker runs whole batches on its own core. That beats one batch spread
    over all cores, which waits for the slowest core in every operator.
    """

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
        session = self._session(bulk=len(texts) >= _BULK_TEXTS)

        def embed(places: list[int]) -> None:
            encoded = [_Encoded(place, self._ids(prefix + texts[place])) for place in places]
            for batch in self._batches(encoded):
                states, lengths = hidden_states(session, [one.ids for one in batch], self._padding)
                out[[one.place for one in batch]] = pool(states, lengths, self._card.pooling)

        self._spread(embed, _tasks(texts))
        return out

    def _spread(self, embed: Callable[[list[int]], None], tasks: list[list[int]]) -> None:
        """Do the tasks in their order, on all workers where there is more than one of both."""
        if len(tasks) == 1 or self._threads == 1:
            for task in tasks:
                embed(task)
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="ragcli-embed") as workers:
            futures = [workers.submit(embed, task) for task in tasks]
            try:
                for future in futures:
                    future.result()
            except BaseException:  # also a Ctrl-C: what has not begun need not begin
                workers.shutdown(wait=False, cancel_futures=True)
                raise

    def _ids(self, text: str) -> list[int]:
        return encode_head(self._tokenizer, text, self._card.max_tokens).ids

    def _batches(self, texts: list[_Encoded]) -> Iterator[list[_Encoded]]:
        """Texts of like length together, at most so many tokens a batch with its padding; long ones without any."""
        texts.sort(key=lambda encoded: -len(encoded.ids))
        budget = 1 if self._single else _BATCH_TOKENS
        batch: list[_Encoded] = []
        for encoded in texts:
            longest = len(batch[0].ids) if batch else 0
            apart = longest >= _ALONE_TOKENS and longest > len(encoded.ids)
            if batch and (apart or (len(batch) + 1) * longest > budget):
                yield batch
                batch = []
            batch.append(encoded)
        if batch:
            yield batch

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


def _tasks(texts: Sequence[str]) -> list[list[int]]:
    """Places of texts in groups of about a batch, longest first so that no worker ends on a long one."""
    tasks: list[list[int]] = []
    room = 0
    for place in sorted(range(len(texts)), key=lambda place: -len(texts[place])):
        if not tasks or len(texts[place]) > room:
            tasks.append([])
            room = _TASK_CHARS
        tasks[-1].append(place)
        room -= len(texts[place])
    return tasks
