"""Embed texts through any OpenAI-compatible ``/v1/embeddings`` endpoint."""

import os
import random
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from ragcli.config.index import OpenAIEmbedderConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import BackendError, ConfigError
from ragcli.models.encodings import load_encoding
from ragcli.models.fingerprints import hash_parts
from ragcli.models.sessions import normalise

if TYPE_CHECKING:
    import httpx
    import tiktoken

_VERSION = 1
_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0
# Text so long that its tokens cannot fit: cut before counting, which costs more.
_CHARS_PER_TOKEN = 32
_HINTS = {
    401: "the key is missing or wrong",
    403: "the key may not use this model",
    404: "check index.embedder.base_url and index.embedder.model",
    413: "lower index.embedder.batch_size",
    429: "wait, or lower index.embedder.batch_size",
}


class OpenAIEmbedder:
    """A remote embedder. Failures that may pass are tried again, with growing random waits."""

    def __init__(self, config: OpenAIEmbedderConfig, models: ModelsConfig) -> None:
        parts = urlsplit(config.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ConfigError(
                f"index.embedder.base_url {config.base_url!r} must be an http or https URL without user or query"
            )
        self._config = config
        self._models = models
        self._host = parts.hostname
        self._url = f"{config.base_url.rstrip('/')}/embeddings"
        self._learnt = config.dimension

    @property
    def fingerprint(self) -> str:
        """Identity of service, model, requested dimension and limit; asks nobody."""
        config = self._config
        return hash_parts("openai", _VERSION, self._url, config.model, config.dimension, config.max_tokens)

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

    def warm(self) -> None:
        """Load the HTTP client."""
        _ = self._client

    def close(self) -> None:
        """Close connections."""
        if "_client" in self.__dict__:
            self._client.close()

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
        limit = self._config.max_tokens
        # A token has at least one byte, so most texts need no counting.
        if len(text.encode("utf-8", "replace")) <= limit:
            return text
        encoding = self._encoding
        tokens = encoding.encode_ordinary(text[: limit * _CHARS_PER_TOKEN])
        return text if len(tokens) <= limit else encoding.decode(tokens[:limit], errors="ignore")

    @cached_property
    def _encoding(self) -> "tiktoken.Encoding":
        return load_encoding("cl100k_base", self._models)

    @cached_property
    def _client(self) -> "httpx.Client":
        import httpx

        variable, key = self._key()
        if self._host == "api.openai.com" and not key:
            raise BackendError(f"{self._host} needs a key", hint=f"set {variable} in the environment")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A redirect could carry the key to another host.
        return httpx.Client(timeout=self._config.timeout_s, follow_redirects=False, headers=headers)

    def _key(self) -> tuple[str, str]:
        variable = "OPENAI_API_KEY" if self._host == "api.openai.com" else "RAGCLI_EMBEDDER_API_KEY"
        return variable, os.environ.get(variable, "").strip()

    def _request(self, texts: list[str]) -> NDArray[np.float32]:
        body: dict[str, Any] = {"model": self._config.model, "input": texts, "encoding_format": "float"}
        if self._config.dimension is not None:
            body["dimensions"] = self._config.dimension
        vectors = _vectors(self._answer(body), len(texts), self._where)
        if self._learnt is None:
            self._learnt = vectors.shape[1]
        if vectors.shape[1] != self._learnt:
            raise BackendError(
                f"{self._where} gave vectors of {vectors.shape[1]} numbers instead of {self._learnt}",
                hint="set index.embedder.dimension to what the model gives",
            )
        return normalise(vectors)

    @property
    def _where(self) -> str:
        return f"the embedder at {self._url}"

    def _answer(self, body: dict[str, Any]) -> Any:  # JSON from a stranger, checked by _vectors
        """Post until it succeeds, fails for good, or has been tried often enough."""
        import httpx

        for attempt in range(self._config.max_retries + 1):
            last = attempt == self._config.max_retries
            try:
                response = self._client.post(self._url, json=body)
            except httpx.TransportError as error:
                if last:
                    raise self._unreachable(error, attempt + 1) from error
                time.sleep(_wait(attempt, ""))
                continue
            if response.status_code == 200:
                return self._json(response)
            if last or response.status_code not in _RETRIED:
                raise self._refused(response, attempt + 1)
            time.sleep(_wait(attempt, response.headers.get("retry-after", "")))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _json(self, response: "httpx.Response") -> Any:  # JSON from a stranger, checked by _vectors
        try:
            return response.json()
        except ValueError as error:
            raise BackendError(f"{self._where} did not answer with JSON: {response.text[:100]!r}") from error

    def _unreachable(self, error: Exception, attempts: int) -> BackendError:
        return BackendError(
            f"{self._where} cannot be reached after {attempts} attempts: {type(error).__name__}: {error}",
            hint="check index.embedder.base_url and that the service runs",
        )

    def _refused(self, response: "httpx.Response", attempts: int) -> BackendError:
        status = response.status_code
        hint = "redirects are not followed: set index.embedder.base_url to the final address"
        if not response.is_redirect:
            hint = _HINTS.get(status, "try again later" if status >= 500 else "")
        if status in {401, 403}:
            hint = f"{hint}: set {self._key()[0]} in the environment"
        tried = f" after {attempts} attempts" if attempts > 1 else ""
        return BackendError(f"{self._where} answered {status}{tried}: {_excerpt(response)}", hint=hint)


def _excerpt(response: "httpx.Response") -> str:
    """What the service says went wrong, in one short line."""
    try:
        content = response.json()
        message = content["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = response.text
    return " ".join(str(message).split())[:300] or response.reason_phrase


def _wait(attempt: int, retry_after: str) -> float:
    """Seconds until the next attempt: what the service asks for, otherwise exponential with full jitter."""
    asked = _seconds(retry_after)
    if asked is not None:
        return min(max(asked, 0.0), _LONGEST_WAIT_S)
    ceiling = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
    return float(ceiling * (0.5 + random.random() / 2))  # noqa: S311  # jitter is no secret


def _seconds(retry_after: str) -> float | None:
    """A Retry-After header: seconds or a date (RFC 9110, section 10.2.3)."""
    if not retry_after:
        return None
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (ValueError, TypeError):
        return None


def _vectors(answer: Any, count: int, where: str) -> NDArray[np.float32]:  # JSON from a stranger
    """The vectors of an answer in the order of the request."""
    try:
        rows = {int(entry["index"]): entry["embedding"] for entry in answer["data"]}
        if sorted(rows) != list(range(count)):
            raise BackendError(f"{where} gave {len(rows)} vectors for {count} texts")
        vectors = np.array([rows[place] for place in range(count)], dtype=np.float32)
    except (KeyError, TypeError, ValueError) as error:
        raise BackendError(f"{where} answered something that is not a list of embeddings: {error}") from error
    if vectors.ndim != 2 or vectors.shape[1] == 0:
        raise BackendError(f"{where} gave vectors of no one length")
    return vectors
