"""The engine of a sweep: every arm of every index answers each question once; only fusion is run for each point.

What is asked goes through ``Engine`` itself, so that a point scores what ``ragcli eval`` would: the model and the two
indexes are merely replaced by ones that remember.
"""

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

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

    Found = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(slots=True)
class Stages:
    """What the points of one workspace share.

    Attributes:
        found: Scores and chunk rows of one arm's search for one question.
        vectors: Embedded questions.
        searches: How many searches were run.
        spared: How many were remembered.
    """

    found: "dict[Hashable, Found]" = field(default_factory=dict)
    vectors: "dict[tuple[str, str], NDArray[np.float32]]" = field(default_factory=dict)
    embedders: "dict[str, Embedder]" = field(default_factory=dict)
    searches: int = 0
    spared: int = 0

    def forget(self) -> None:
        """Let go of searches: another workspace has other chunk rows. Embedded questions stay."""
        self.found.clear()

    def lookup(self, keys: "Sequence[Hashable]", search: "Callable[[list[int]], Sequence[Found]]") -> "list[Found]":
        """The result of each key; ``search`` gives those of the places that are not known."""
        missing = [place for place, key in enumerate(keys) if key not in self.found]
        self.searches += len(missing)
        self.spared += len(keys) - len(missing)
        if missing:
            for place, found in zip(missing, search(missing), strict=True):
                self.found[keys[place]] = found
        return [self.found[key] for key in keys]


class SharingEngine(Engine):
    """An engine that remembers in ``stages`` what its model and its arms say."""

    def __init__(self, config: Config, workspace: Workspace, stages: Stages) -> None:
        self._stages = stages
        super().__init__(config, workspace)
        index, where = config.index, list(config.query.where)
        generation = self.generation
        if generation.vectors is not None:
            key = fingerprint(where, index.embedder, index.context, index.vectors)
            generation.vectors = _RememberedVectors(generation.vectors, stages, key)
        if generation.lexical is not None:
            generation.lexical = _RememberedWords(generation.lexical, stages, fingerprint(where, index.lexical))

    def _load_model(self) -> "Future[Embedder]":
        key = fingerprint(self._config.index.embedder)  # models says only where files are
        if key not in self._stages.embedders:
            self._stages.embedders[key] = _RememberingEmbedder(super()._load_model(), self._stages)
        ready: Future[Embedder] = Future()
        ready.set_result(self._stages.embedders[key])
        return ready


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
        found = self._stages.lookup(keys, ask)
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
        return self._stages.lookup([key], lambda _: [self._index.search(text, top_k, allowed)])[0]

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
        if missing:
            known.update(
                ((model, text), row) for text, row in zip(missing, self._embedder.embed_queries(missing), strict=True)
            )
        return np.stack([known[model, text] for text in texts])
