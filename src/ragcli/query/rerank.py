"""A second, closer look at the first candidates of each question."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import MmrConfig, ScorerConfig
from ragcli.errors import IndexCorruptError, IndexStateError
from ragcli.query.diversify import diversify
from ragcli.query.fuse import Fused, Reranked, min_max
from ragcli.query.scores import ScoreCache, score_key

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.reader import Generation
    from ragcli.models import CrossEncoder

Pair = tuple[str, str]

# With a time limit so many pairs are scored at a time, about a fifth of a second of a small model.
_SLICE = 4
# Without one, so many are scored before they are kept, a minute at most: a killed run loses no more.
_KEPT_TOGETHER = 256


class Scorer:
    """Scores of pairs, through the cache.

    Args:
        config: Which model, and how long it may take.
        models: Where model files are.
        cache: The file that keeps scores; None keeps them in memory alone.
    """

    def __init__(self, config: ScorerConfig, models: ModelsConfig, cache: Path | None) -> None:
        self._config = config
        self._models = models
        self._cache = ScoreCache(cache)

    @cached_property
    def model(self) -> "CrossEncoder":
        """The model, found and built when first needed."""
        from ragcli.models.cross_encoders.build import build_cross_encoder

        return build_cross_encoder(self._config, self._models)

    def score(self, pairs: Sequence[Sequence[Pair]]) -> list[list[float] | None]:
        """Scores of the pairs of each question in their order; None for a question that took too long.

        All questions are scored together. With a time limit the questions are scored one after the other, until the
        sum of their times is over.
        """
        limit_ms = self._config.time_limit_ms
        deadline = None if limit_ms is None else time.monotonic() + limit_ms * len(pairs) / 1000
        keyed = [[(score_key(self.model.fingerprint, *pair), pair) for pair in own] for own in pairs]
        wanted = {key: pair for own in keyed for key, pair in own}
        known = self._cache.find(list(wanted))
        missing = {key: pair for key, pair in wanted.items() if key not in known}
        known.update(self._computed(missing, deadline))
        return [[known[key] for key, _ in own] if all(key in known for key, _ in own) else None for own in keyed]

    def _computed(self, missing: Mapping[bytes, Pair], deadline: float | None) -> dict[bytes, float]:
        keys = list(missing)
        if deadline is None:
            keys.sort(key=lambda key: -sum(map(len, missing[key])))  # like lengths share a slice, and its batches
        size = _KEPT_TOGETHER if deadline is None else _SLICE
        fresh: dict[bytes, float] = {}
        for start in range(0, len(keys), size):
            if deadline is not None and time.monotonic() >= deadline:
                break
            part = keys[start : start + size]
            scores = self.model.score([missing[key] for key in part])
            found = dict(zip(part, scores.tolist(), strict=True))
            self._cache.store(found)
            fresh.update(found)
        return fresh


def combined(scores: Sequence[float], first_stage: Sequence[float], weight: float) -> list[float]:
    """Scores of a reranker and of retrieval as one: a convex combination of both, each normalised to [0, 1].

    At weight 0 the reranker's scores as they are.
    """
    if weight == 0:
        return list(scores)
    pairs = zip(min_max(scores), min_max(first_stage), strict=True)
    return [(1 - weight) * own + weight * first for own, first in pairs]


class Reranker:
    """The stage behind fusion, over the chunks of one generation.

    Args:
        config: What to do.
        models: Where model files are.
        generation: Holds the texts, and the vectors that diversity compares.
        cache: The file that keeps scores; None keeps them in memory alone.

    Attributes:
        scorer: None where only diversity orders.

    Raises:
        IndexStateError: Diversity is wanted of an index without vectors.
    """

    def __init__(
        self,
        config: ScorerConfig | MmrConfig,
        models: ModelsConfig,
        generation: "Generation",
        cache: Path | None,
    ) -> None:
        self._config = config
        self._generation = generation
        self.scorer = None if isinstance(config, MmrConfig) else Scorer(config, models, cache)
        self._weight = 0.0 if isinstance(config, MmrConfig) else config.first_stage_weight
        if config.diversity > 0 and generation.manifest.embedder is None:
            raise IndexStateError(
                "query.rerank.diversity compares vectors, and the index has none",
                hint="set it to 0, or configure index.embedder and run ragcli index",
            )

    @property
    def fingerprints(self) -> Mapping[str, str]:
        """Identity of the model, where one scores."""
        return {} if self.scorer is None else {"reranker": self.scorer.model.fingerprint}

    def rerank(self, questions: Sequence[str], found: Sequence[Sequence[Fused]]) -> list[list[Fused]]:
        """Each question's results in their new order, those behind the candidates as they were.

        A question that took longer than the time limit keeps its order, and none of its results is ``reranked``.
        """
        heads = [own[: self._config.candidates] for own in found]
        texts = self._texts(sorted({one.row for head in heads for one in head}))
        scores: Sequence[list[float] | None] = [None] * len(found)
        if self.scorer is not None:
            pairs = zip(questions, heads, strict=True)
            scores = self.scorer.score([[(asked, texts[one.row]) for one in head] for asked, head in pairs])
        return [self._placed(own, given, texts) for own, given in zip(found, scores, strict=True)]

    def _placed(self, own: Sequence[Fused], scores: list[float] | None, texts: Mapping[int, str]) -> list[Fused]:
        if not own or (scores is None and self.scorer is not None):
            return list(own)
        head, tail = own[: self._config.candidates], own[self._config.candidates :]
        before = [one.score for one in head]
        values = before if scores is None else combined(scores, before, self._weight)
        moved = [
            replace(
                head[place],
                score=value,
                reranked=Reranked(place + 1, before[place], None if scores is None else scores[place]),
            )
            for place, value in self._order(head, values, texts)
        ]
        # Those behind keep their distance from the last candidate, so that scores never rise.
        shift = moved[-1].score - before[-1]
        return [*moved, *(replace(one, score=one.score + shift) for one in tail)]

    def _order(
        self, head: Sequence[Fused], values: Sequence[float], texts: Mapping[int, str]
    ) -> list[tuple[int, float]]:
        if self._config.diversity > 0:
            return diversify(min_max(values), self._vectors([texts[one.row] for one in head]), self._config.diversity)
        return sorted(enumerate(values), key=lambda one: (-one[1], one[0]))

    def _texts(self, rows: Sequence[int]) -> dict[int, str]:
        """What was embedded of chunks, by row."""
        texts = {one.row: one.embedded_text for one in self._generation.catalog.index_texts(rows)}
        gone = next((row for row in rows if row not in texts), None)
        if gone is not None:
            raise IndexCorruptError(
                f"the index names chunk row {gone}, which the catalog has not", hint="ragcli doctor"
            )
        return texts

    def _vectors(self, texts: Sequence[str]) -> "NDArray[np.float32]":
        """Unit vectors of texts as the index's model made them, from the catalog's cache, [n, d]."""
        import numpy as np

        from ragcli.index.embed import embedding_key

        made_by = self._generation.manifest.embedder
        keys = [embedding_key(made_by.fingerprint if made_by else "", text) for text in texts]
        found = self._generation.catalog.embeddings(keys)
        if any(key not in found for key in keys):
            raise IndexStateError("the vectors that diversity compares are gone", hint="ragcli index --full")
        return np.stack([np.frombuffer(found[key], dtype="<f4") for key in keys])
