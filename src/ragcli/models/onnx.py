"""Embed texts with onnxruntime and tokenizers alone."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.models.card import ModelCard
from ragcli.models.sessions import Session, Vectors, depends_on_batch, hidden_states, normalise, open_session, pool
from ragcli.models.vocabulary import encode_head, load_tokenizer, padding_id, text_limit

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# Measured on two cores with 1 MB of second-level cache each: 1 to 1,024 tokens a batch are equally fast, 4,096 a
# fifth slower, because the activations no longer stay in the cache. Short texts gain from sharing a batch.
_BATCH_TOKENS = 512
# How many characters a worker takes at a time, about a batch of English: small, so that all workers end together.
_TASK_CHARS = 4 * _BATCH_TOKENS
# From how many texts on repacking the weights pays for itself.
_BULK_TEXTS = 16


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A tokenised text: its place in the input, its token ids, its tokens' character ranges."""

    place: int
    ids: list[int]
    offsets: list[tuple[int, int]]


_Keep: TypeAlias = Callable[[Sequence[_Encoded], Vectors, NDArray[np.intp]], None]


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

    def warm(self) -> None:
        """Load tokenizer and session."""
        _ = self._tokenizer
        self._session(bulk=False)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of document texts in their order, shape [n, dimension]."""
        return self._embed(texts, self._card.document_prefix)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of questions in their order, shape [n, dimension]."""
        return self._embed(texts, self._card.query_prefix)

    def embed_spans(self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]) -> Vectors:
        """Unit vectors of character spans, each the mean of the tokens that overlap it, whatever the model's pooling.

        A span without tokens (blank, or beyond the limit) gets the mean over the whole text.
        """
        firsts = np.concatenate([[0], np.cumsum([len(row) for row in spans])]).astype(np.intp)
        out = np.empty((int(firsts[-1]), self.dimension), dtype=np.float32)
        shift = len(self._card.document_prefix)

        def keep(batch: Sequence[_Encoded], hidden: Vectors, _lengths: NDArray[np.intp]) -> None:
            for encoded, states in zip(batch, hidden, strict=True):
                first = firsts[encoded.place]
                for number, (start, end) in enumerate(spans[encoded.place]):
                    tokens = _overlapping(encoded.offsets, start + shift, end + shift)
                    rows = states[tokens] if tokens else states[: len(encoded.ids)]
                    out[first + number] = normalise(rows.mean(axis=0, keepdims=True))[0]

        self._run(texts, self._card.document_prefix, keep)
        return out

    def _embed(self, texts: Sequence[str], prefix: str) -> Vectors:
        out = np.empty((len(texts), self.dimension), dtype=np.float32)

        def keep(batch: Sequence[_Encoded], hidden: Vectors, lengths: NDArray[np.intp]) -> None:
            out[[encoded.place for encoded in batch]] = pool(hidden, lengths, self._card.pooling)

        self._run(texts, prefix, keep)
        return out

    def _run(self, texts: Sequence[str], prefix: str, keep: _Keep) -> None:
        """Encode all texts, longest first so that no worker ends on a long one, and hand on each batch's states."""
        if not texts:
            return
        session = self._session(bulk=len(texts) >= _BULK_TEXTS)
        tasks = _tasks(texts)

        def encode(places: list[int]) -> None:
            encoded = [self._tokenise(place, prefix + texts[place]) for place in places]
            for batch in self._batches(encoded):
                keep(batch, *hidden_states(session, [text.ids for text in batch], self._padding))

        if len(tasks) == 1 or self._threads == 1:
            for task in tasks:
                encode(task)
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="ragcli-embed") as workers:
            futures = [workers.submit(encode, task) for task in tasks]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                workers.shutdown(wait=False, cancel_futures=True)
                raise

    def _tokenise(self, place: int, text: str) -> _Encoded:
        encoding = encode_head(self._tokenizer, text, self._card.max_tokens)
        return _Encoded(place, encoding.ids, encoding.offsets)

    def _batches(self, texts: list[_Encoded]) -> Iterator[list[_Encoded]]:
        """Texts of like length together, at most so many tokens a batch, padding included."""
        texts.sort(key=lambda encoded: -len(encoded.ids))
        budget = 1 if self._single else _BATCH_TOKENS
        batch: list[_Encoded] = []
        for encoded in texts:
            if batch and (len(batch) + 1) * len(batch[0].ids) > budget:
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


def _overlapping(offsets: Sequence[tuple[int, int]], start: int, end: int) -> list[int]:
    """Tokens that share a character with a range; special tokens have none."""
    return [number for number, (first, last) in enumerate(offsets) if first < end and last > start and last > first]
