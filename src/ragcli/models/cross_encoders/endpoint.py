"""Score pairs through any ``/rerank`` endpoint in the form that Jina, Cohere, llama.cpp, vLLM and others share."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragcli.config.rerank import RerankEndpointConfig
from ragcli.errors import BackendError
from ragcli.models.endpoint import Endpoint, Service
from ragcli.models.fingerprints import hash_parts
from ragcli.models.vocabulary import readable

_VERSION = 1
_LONGEST_ANSWER_BYTES = 2**26  # some give the texts back
_HINTS = {413: "lower query.rerank.batch_size", 429: "wait, or lower query.rerank.batch_size"}
_SERVICE = Service("the reranker", "query.rerank", "RAGCLI_RERANKER_API_KEY", "rerank", _LONGEST_ANSWER_BYTES, _HINTS)


class EndpointCrossEncoder:
    """A remote cross-encoder.

    Raises:
        ConfigError: The address makes no sense.
    """

    def __init__(self, config: RerankEndpointConfig) -> None:
        self._config = config
        self._endpoint = Endpoint(_SERVICE, config)

    @property
    def fingerprint(self) -> str:
        """Identity of service and model; asks nobody."""
        return hash_parts("rerank endpoint", _VERSION, self._endpoint.url, self._config.model)

    @property
    def name(self) -> str:
        """Name of the model, as the service knows it."""
        return self._config.model

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        """Scores of (question, text) pairs in their order, shape [n].

        Raises:
            BackendError: The service failed for good, or its answer makes no sense.
        """
        out = np.empty(len(pairs), dtype=np.float32)
        for places in _requests(pairs, self._config.batch_size):
            out[places] = self._ask(pairs[places[0]][0], [pairs[place][1] for place in places])
        return out

    def _ask(self, question: str, texts: list[str]) -> NDArray[np.float32]:
        # Services refuse empty texts, so a blank one becomes a full stop.
        documents = [readable(text) if text.strip() else "." for text in texts]
        body = {"model": self._config.model, "query": readable(question), "documents": documents, "top_n": len(texts)}
        return _scores(self._endpoint.post(body), len(texts), self._endpoint.where)


def _requests(pairs: Sequence[tuple[str, str]], size: int) -> Iterator[list[int]]:
    """Places of pairs that share a request: at most so many, of one question, of like length."""
    by_question: dict[str, list[int]] = {}
    for place, (question, _) in enumerate(pairs):
        by_question.setdefault(question, []).append(place)
    for places in by_question.values():
        places.sort(key=lambda place: len(pairs[place][1]))
        for start in range(0, len(places), size):
            yield places[start : start + size]


def _scores(answer: Any, count: int, where: str) -> NDArray[np.float32]:  # JSON from a stranger
    """The scores of an answer in the order of the request."""
    try:
        entries = answer if isinstance(answer, list) else answer["results"] if "results" in answer else answer["data"]
        rows = {
            int(entry["index"]): float(entry["relevance_score"] if "relevance_score" in entry else entry["score"])
            for entry in entries
        }
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BackendError(f"{where} answered something that is not a list of scores: {error!r}") from error
    if sorted(rows) != list(range(count)):
        raise BackendError(f"{where} gave {len(rows)} scores for {count} texts")
    scores = np.array([rows[place] for place in range(count)], dtype=np.float32)
    if not np.isfinite(scores).all():
        raise BackendError(f"{where} gave a score that is not a number")
    return scores
