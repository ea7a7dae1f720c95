"""Engines that share their work: every arm of every index answers each question once; the rest each does by itself.

What is asked goes through ``Engine`` itself, so that it scores what ``ragcli eval`` would: the model and the two
indexes are merely replaced by ones that remember. Remembered work takes as long in ``timings_ms`` as it took when it
was done, so that of two engines none is the faster one for being asked second.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

from ragcli.config.fingerprint import fingerprint
from ragcli.config.settings import Config
from ragcli.query.engine import Engine
from ragcli.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.lexical import LexicalIndex
    from ragcli.index.vectors import VectorIndex
    from ragcli.models import Embedder
    from ragcli.query.result import Result
    from ragcli.records import Query

    Found = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(slots=True)
class Stages:
    """What several engines share.

    Attributes:
        found: Scores and chunk rows of one arm's search for one question, and the milliseconds it took.
        vectors: Embedded questions, likewise.
        scores: What a reranker's model says of a question and a text, likewise.
        searches: How many searches were run.
        spared: How many were remembered.
        owed_ms: Stage -> what remembered work of the search under way would have taken.
    """

    found: "dict[Hashable, tuple[Found, float]]" = field(default_factory=dict)
    vectors: "dict[tuple[str, str], tuple[NDArray[np.float32], float]]" = field(default_factory=dict)
    scores: dict[tuple[str, str, str], tuple[float, float]] = field(default_factory=dict)
    embedders: "dict[str, Embedder]" = field(default_factory=dict)
    searches: int = 0
    spared: int = 0
    owed_ms: dict[str, float] = field(default_factory=dict)

    def forget(self) -> None:
        """Let go of searches and scores, which other workspaces or questions have no use for. Vectors stay."""
        self.found.clear()
        self.scores.clear()

    def owe(self, stage: str, ms: float) -> None:
        """Count remembered work."""
        self.owed_ms[stage] = self.owed_ms.get(stage, 0.0) + ms

    def lookup(
        self, stage: str, keys: "Sequence[Hashable]", search: "Callable[[list[int]], Sequence[Found]]"
    ) -> "list[Found]":
        """The result of each key; ``search`` gives those of the places that are not known."""
        missing = [place for place, key in enumerate(keys) if key not in self.found]
        self.searches += len(missing)
        self.spared += len(keys) - len(missing)
        for key in keys:
            if key in self.found:
                self.owe(stage, self.found[key][1])
        if missing:
            started = time.perf_counter()
            fresh = search(missing)
            ms = (time.perf_counter() - started) * 1000 / len(missing)
            for place, found in zip(missing, fresh, strict=True):
                self.found[keys[place]] = (found, ms)
        return [self.found[key][0] for key in keys]


class SharingEngine(Engine):
    """An engine that remembers in ``stages`` what its model and its arms say."""

    def __init__(self, config: Config, workspace: Workspace, stages: Stages) -> None:
        self._stages = stages
        super().__init__(config, workspace)
        index, where = config.index, list(config.query.where)
        generation = self.generation
        rows = [str(workspace.root.resolve()), generation.manifest.fingerprints.get("corpus", "")]  # what they number
        if generation.vectors is not None:
            key = fingerprint(rows, where, index.embedder, index.context, index.vectors)
            generation.vectors = _RememberedVectors(generation.vectors, stages, key)
        if generation.lexical is not None:
            key = fingerprint(rows, where, index.lexical)
            generation.lexical = _RememberedWords(generation.lexical, stages, key)

    def search(
        self,
        queries: "Sequence[Query]",
        *,
        top_k: int | None = None,
        group_by: Literal["chunk", "document"] | None = None,
    ) -> "list[Result]":
        """See ``Engine``; with the time of what was remembered."""
        self._stages.owed_ms.clear()
        results = super().search(queries, top_k=top_k, group_by=group_by)
        owed = {stage: ms / len(results) for stage, ms in self._stages.owed_ms.items()}
        return [replace(result, timings_ms=_sum(result.timings_ms, owed)) for result in results] if owed else results

    def _load_model(self) -> "Future[Embedder]":
        key = fingerprint(self._config.index.embedder)  # models says only where files are
        if key not in self._stages.embedders:
            self._stages.embedders[key] = _RememberingEmbedder(super()._load_model(), self._stages)
        ready: Future[Embedder] = Future()
        ready.set_result(self._stages.embedders[key])
        return ready


def _sum(spent_ms: Mapping[str, float], owed_ms: Mapping[str, float]) -> dict[str, float]:
    stages = dict.fromkeys([*spent_ms, *owed_ms])
    return {stage: round(spent_ms.get(stage, 0.0) + owed_ms.get(stage, 0.0), 3) for stage in stages}


def _digest(rows: "NDArray[np.int64] | None") -> bytes:
    """Identity of the rows that may be returned, which may be each question's own; empty for all."""
    return b"" if rows is None else blake2b(rows.tobytes(), digest_size=16).digest()


class _RememberedVectors:
    def __init__(self, index: "VectorIndex", stages: Stages, key: str) -> None:
        self._index = index
        self._stages = stages
        self._key = key

    @property
    def dimension(self) -> int:
        return self._index.dimension

    def __len__(self) -> int:
        return len(self._index)

    def search(self, queries: "NDArray[np.float32]", top_k: int, allowed: "NDArray[np.int64] | None" = None) -> "Found":
        import numpy as np

        def ask(places: list[int]) -> "list[Found]":
            scores, rows = self._index.search(queries[places], top_k, allowed)
            return list(zip(scores, rows, strict=True))

        within = _digest(allowed)
        keys = [("dense", self._key, within, top_k, query.tobytes()) for query in queries]
        found = self._stages.lookup("dense", keys, ask)
        return np.stack([scores for scores, _ in found]), np.stack([rows for _, rows in found])


class _RememberedWords:
    def __init__(self, index: "LexicalIndex", stages: Stages, key: str) -> None:
        self._index = index
        self._stages = stages
        self._key = key

    def __len__(self) -> int:
        return len(self._index)

    def search(self, text: str, top_k: int, allowed: "NDArray[np.int64] | None" = None) -> "Found":
        key = ("lexical", self._key, _digest(allowed), top_k, text)
        return self._stages.lookup("lexical", [key], lambda _: [self._index.search(text, top_k, allowed)])[0]

    def chunk_counts(self, terms: Sequence[str]) -> list[int]:
        return self._index.chunk_counts(terms)


class _RememberingEmbedder:
    def __init__(self, model: "Future[Embedder]", stages: Stages) -> None:
        self._model = model
        self._stages = stages

    @property
    def _embedder(self) -> "Embedder":
        return self._model.result()

    @property
    def fingerprint(self) -> str:
        return self._embedder.fingerprint

    @property
    def name(self) -> str:
        return self._embedder.name

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def max_tokens(self) -> int:
        return self._embedder.max_tokens

    def embed_documents(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        return self._embedder.embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        import numpy as np

        model, known = self.fingerprint, self._stages.vectors
        missing = [text for text in dict.fromkeys(texts) if (model, text) not in known]
        for text in set(texts).difference(missing):
            self._stages.owe("embed", known[model, text][1])
        if missing:
            started = time.perf_counter()
            fresh = self._embedder.embed_queries(missing)
            ms = (time.perf_counter() - started) * 1000 / len(missing)
            known.update(((model, text), (row, ms)) for text, row in zip(missing, fresh, strict=True))
        return np.stack([known[model, text][0] for text in texts])
