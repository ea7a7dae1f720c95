"""Embed texts through any OpenAI-compatible ``/v1/embeddings`` endpoint."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ragcli.config.index import OpenAIEmbedderConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError
from ragcli.models.encodings import load_encoding
from ragcli.models.endpoint import Endpoint, Service
from ragcli.models.fingerprints import hash_parts
from ragcli.models.sessions import normalise
from ragcli.models.vocabulary import readable

if TYPE_CHECKING:
    import tiktoken

_VERSION = 1
# Text so long that its tokens cannot fit: cut before counting, which costs more.
_CHARS_PER_TOKEN = 32
_HINTS = {413: "lower index.embedder.batch_size", 429: "wait, or lower index.embedder.batch_size"}
_SERVICE = Service("the embedder", "index.embedder", "RAGCLI_EMBEDDER_API_KEY", "embeddings", 2**29, _HINTS)


class OpenAIEmbedder:
    """A remote embedder.

    Raises:
        ConfigError: The address makes no sense.
    """

    def __init__(self, config: OpenAIEmbedderConfig, models: ModelsConfig) -> None:
        self._config = config
        self._models = models
        self._endpoint = Endpoint(_SERVICE, config)
        self._learnt = config.dimension

    @property
    def fingerprint(self) -> str:
        """Identity of service, model, requested dimension and limit; asks nobody."""
        config = self._config
        return hash_parts("openai", _VERSION, self._endpoint.url, config.model, config.dimension, config.max_tokens)

    @property
    def name(self) -> str:
        """Name of the model, as the service knows it."""
        return self._config.model

    @property
    def dimension(self) -> int:
        """Length of a vector; asks the service once when the configuration does not say."""
        if self._learnt is None:
            self._request(["dimension"])
        return self._learnt or 0

    @property
    def max_tokens(self) -> int:
        """Longest text, in cl100k_base tokens."""
        return self._config.max_tokens

    def close(self) -> None:
        """Close connections."""
        self._endpoint.close()

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors of texts in their order, shape [n, dimension].

        Raises:
            BackendError: The service failed for good, or its answer makes no sense.
        """
        size = self._config.batch_size
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        rows = [self._request([self._fitting(texts[place]) for place in places]) for places in batches]
        out = np.empty((len(texts), self.dimension), dtype=np.float32)
        out[order] = np.concatenate(rows)
        return out

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same as for documents."""
        return self.embed_documents(texts)

    def _fitting(self, text: str) -> str:
        """The text cut to the limit. Services refuse empty inputs, so a blank one becomes a full stop."""
        if not text.strip():
            return "."
        text = readable(text)
        limit = self._config.max_tokens
        # A token has at least one byte, so most texts need no counting.
        if len(text.encode()) <= limit:
            return text
        encoding = self._encoding
        tokens = encoding.encode_ordinary(text[: limit * _CHARS_PER_TOKEN])
        return text if len(tokens) <= limit else encoding.decode(tokens[:limit], errors="ignore")

    @cached_property
    def _encoding(self) -> "tiktoken.Encoding":
        return load_encoding("cl100k_base", self._models)

    def _request(self, texts: list[str]) -> NDArray[np.float32]:
        body: dict[str, Any] = {"model": self._config.model, "input": texts, "encoding_format": "float"}
        if self._config.dimension is not None:
            body["dimensions"] = self._config.dimension
        vectors, tokens = _vectors(self._endpoint.post(body), len(texts), self._endpoint.where)
        self._endpoint.pace.spend(tokens)
        if self._learnt is None:
            self._learnt = vectors.shape[1]
        if vectors.shape[1] != self._learnt:
            raise BackendError(
                f"{self._endpoint.where} gave vectors of {vectors.shape[1]} numbers instead of {self._learnt}",
                hint="set index.embedder.dimension to what the model gives",
            )
        return normalise(vectors)


def _vectors(answer: Any, count: int, where: str) -> tuple[NDArray[np.float32], int]:  # JSON from a stranger
    """The vectors of an answer in the order of the request, and the tokens that the service counted."""
    try:
        tokens = int((answer.get("usage") or {}).get("prompt_tokens") or 0)
        rows = {int(entry["index"]): entry["embedding"] for entry in answer["data"]}
        if sorted(rows) != list(range(count)):
            raise BackendError(f"{where} gave {len(rows)} vectors for {count} texts")
        vectors = np.array([rows[place] for place in range(count)], dtype=np.float32)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise BackendError(f"{where} answered something that is not a list of embeddings: {error}") from error
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise BackendError(f"{where} gave vectors of no one length")
    return vectors, tokens
