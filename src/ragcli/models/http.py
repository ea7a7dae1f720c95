"""Post JSON to a service: the one HTTP client of whatever asks a model over the network."""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from ragcli.errors import BackendError, ConfigError

if TYPE_CHECKING:
    import httpx

EventListener: TypeAlias = Callable[[str], None]
"""Is given the data of each server-sent event."""

_OPENAI = "api.openai.com"
_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LASTING = frozenset({401, 403, 404})
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0


class EndpointError(BackendError):
    """The service cannot be used at all: it is gone, or its address, the key or the model is wrong."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where to post, and what its settings are called, so that an error names what to change.

    Attributes:
        role: Who answers, such as ``the embedder``; errors begin with it.
        base_url: http or https, without user and query.
        path: Of the endpoint, below ``base_url``.
        address_key: Setting or option that holds ``base_url``.
        model_key: Setting or option that names the model.
        key_variable: Environment variable that holds the key; empty for none.
        key_required: Whether nothing is sent without a key.
        timeout_s: Longest silence, of connecting, sending and reading each.
        max_retries: How often a failure that may pass is tried again.
        longest_answer_bytes: More is not read.
        hints: Status -> what to do, where the service knows better than HTTP.
    """

    role: str
    base_url: str
    path: str
    address_key: str
    model_key: str
    key_variable: str = ""
    key_required: bool = False
    timeout_s: float = 60.0
    max_retries: int = 5
    longest_answer_bytes: int = 8 * 2**20
    hints: Mapping[int, str] = field(default_factory=dict)


def is_openai(base_url: str) -> bool:
    """Whether an address is OpenAI's own, whose key is sent nowhere else."""
    try:
        return urlsplit(base_url).hostname == _OPENAI
    except ValueError:  # JsonClient says what is wrong with it
        return False


def key_variable(base_url: str, other: str) -> str:
    """Where the key is read: OPENAI_API_KEY for OpenAI itself, ``other`` for any other host."""
    return "OPENAI_API_KEY" if is_openai(base_url) else other


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back."""

    status: int
    content: bytes
    reason: str
    retry_after: str
    streamed: bool = False

    @property
    def excerpt(self) -> str:
        """What the service says went wrong, in one short line."""
        try:
            message = json.loads(self.content)["error"]["message"]
        except (ValueError, KeyError, TypeError, RecursionError):
            message = self.content.decode("utf-8", "replace")
        return " ".join(str(message).split())[:300] or self.reason


class JsonClient:
    """A client that several threads may share; the key is read, and the connection made, on first use.

    A failure that may pass is tried again, with growing random waits or after as long as Retry-After asks for; while
    the service asks to be left alone, no thread asks it.

    Raises:
        ConfigError: The address is no http or https URL without user and query.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._host = _host(service)
        self._lock = Lock()
        self._not_before = 0.0
        self.url = f"{service.base_url.rstrip('/')}/{service.path}"

    @property
    def where(self) -> str:
        """The service as errors call it."""
        return f"{self._service.role} at {self.url}"

    def close(self) -> None:
        """Close connections."""
        if "_client" in self.__dict__:
            self._client.close()

    def key(self) -> str:
        """The key, empty where there is none and none is needed.

        Raises:
            EndpointError: It is missing, or no key at all.
        """
        variable = self._service.key_variable
        key = os.environ.get(variable, "").strip() if variable else ""
        if not key and self._service.key_required:
            raise EndpointError(f"{self._host} needs a key", hint=f"set {variable} in the environment")
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"{variable} holds characters that no key has", hint=f"set {variable} to the key alone")
        return key

    def post(self, body: Mapping[str, Any]) -> Any:  # JSON from a stranger, for the caller to check
        """The answer to a JSON object.

        Raises:
            EndpointError: Posting anything else would fail alike.
            BackendError: The service failed on this, or did not answer with JSON.
        """
        return self._parsed(self._answer(_encoded(body)))

    def stream(self, body: Mapping[str, Any], listen: EventListener) -> Any:  # JSON from a stranger
        """Post a JSON object and hear the events of the answer as they come; nothing is tried again once one came.

        Returns:
            None, or the answer to the object where the service did not stream.

        Raises:
            EndpointError: Posting anything else would fail alike.
            BackendError: The service failed on this, broke off, or answered with neither events nor JSON.
        """
        answer = self._answer(_encoded(body), listen)
        return None if answer.streamed else self._parsed(answer)

    def _parsed(self, answer: _Answer) -> Any:  # JSON from a stranger
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            start = answer.content[:100].decode("utf-8", "replace")
            raise BackendError(
                f"{self.where} did not answer with JSON: {start!r}", hint=f"check {self._service.address_key}"
            ) from error

    @cached_property
    def _client(self) -> "httpx.Client":
        import httpx

        key = self.key()
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        try:
            # A redirect could carry the key to another host.
            return httpx.Client(timeout=self._service.timeout_s, follow_redirects=False, headers=headers)
        except (ValueError, OSError, ImportError, httpx.InvalidURL) as error:
            raise EndpointError(
                f"no connection to {self.where} can be prepared: {error}",
                hint="check the environment's proxy and certificate variables",
            ) from error

    def _answer(self, content: bytes, listen: EventListener | None = None) -> _Answer:
        """Post until it succeeds, fails for good, or has been tried often enough."""
        import httpx

        with self._lock:
            client = self._client
        attempts = self._service.max_retries + 1
        for attempt in range(attempts):
            last = attempt + 1 == attempts
            time.sleep(max(0.0, self._not_before - time.monotonic()))
            try:
                answer = self._once(client, content, listen)
            except httpx.TransportError as error:
                if last:
                    raise self._unreachable(error, attempts) from error
                time.sleep(_backoff_s(attempt))
                continue
            except (httpx.RequestError, httpx.InvalidURL) as error:
                raise EndpointError(
                    f"{self.where} cannot be asked: {error}", hint=f"check {self._service.address_key}"
                ) from error
            if answer.status == 200:
                return answer
            if last or answer.status not in _RETRIED:
                raise self._refused(answer, attempt + 1)
            asked = _seconds(answer.retry_after)
            if asked is None:
                time.sleep(_backoff_s(attempt))
            else:
                self._not_before = time.monotonic() + min(asked, _LONGEST_WAIT_S)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _once(self, client: "httpx.Client", content: bytes, listen: EventListener | None) -> _Answer:
        limit = self._service.longest_answer_bytes
        with client.stream("POST", self.url, content=content) as response:
            events = response.headers.get("content-type", "").startswith("text/event-stream")
            if listen is not None and events and response.status_code == 200:
                self._hear(response, listen)
                return _Answer(200, b"", "", "", streamed=True)
            read = bytearray()
            for block in response.iter_bytes():
                read += block
                if len(read) > limit:
                    raise BackendError(f"{self.where} answered with more than {limit:,} bytes")
            retry_after = response.headers.get("retry-after", "")
            return _Answer(response.status_code, bytes(read), response.reason_phrase, retry_after)

    def _hear(self, response: "httpx.Response", listen: EventListener) -> None:
        """Pass on the events of a response, one line of data each (server-sent events, as in the HTML standard)."""
        import httpx

        limit = self._service.longest_answer_bytes
        read, heard, rest = 0, 0, b""
        try:
            for block in response.iter_bytes():
                read += len(block)
                if read > limit:
                    raise BackendError(f"{self.where} answered with more than {limit:,} bytes")
                *lines, rest = (rest + block).split(b"\n")  # not at every break that Unicode knows
                for line in lines:
                    if line.startswith(b"data:"):
                        heard += 1
                        listen(line.removeprefix(b"data:").strip().decode("utf-8", "replace"))
        except httpx.TransportError as error:
            if not heard:
                raise
            raise BackendError(
                f"{self.where} broke off in the middle of an answer: {type(error).__name__}: {error}",
                hint="ask again",
            ) from error
        if rest.startswith(b"data:"):
            listen(rest.removeprefix(b"data:").strip().decode("utf-8", "replace"))

    def _unreachable(self, error: Exception, attempts: int) -> BackendError:
        import httpx

        # One question may take too long; whatever else keeps a service from answering does so for all of them.
        kind = BackendError if isinstance(error, httpx.ReadTimeout) else EndpointError
        return kind(
            f"{self.where} cannot be reached after {attempts} attempts: {type(error).__name__}: {error}",
            hint=f"check {self._service.address_key} and that the service runs",
        )

    def _refused(self, answer: _Answer, attempts: int) -> BackendError:
        status = answer.status
        kind = EndpointError if status in _LASTING or 300 <= status < 400 else BackendError
        tried = f" after {attempts} attempts" if attempts > 1 else ""
        return kind(f"{self.where} answered {status}{tried}: {answer.excerpt}", hint=self._hint(status))

    def _hint(self, status: int) -> str:
        service = self._service
        if status in service.hints:
            return service.hints[status]
        if 300 <= status < 400:
            return f"redirects are not followed: set {service.address_key} to the final address"
        known = {
            401: f"the key is missing or wrong: set {service.key_variable} in the environment",
            403: f"the key may not use this model: set {service.key_variable} in the environment",
            404: f"check {service.address_key} and {service.model_key}",
        }
        return known.get(status, "try again later" if status == 429 or status >= 500 else f"check {service.model_key}")


def _encoded(body: Mapping[str, Any]) -> bytes:
    """What a text cannot hold in UTF-8, such as half a surrogate pair, is replaced rather than refused."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _host(service: Service) -> str:
    """The host of a service whose address is sound."""
    try:
        parts = urlsplit(service.base_url)
        host = parts.hostname if parts.scheme in {"http", "https"} and parts.port != 0 else None
        odd = bool(parts.username or parts.query)
    except ValueError:  # a port that is no number, half an IPv6 address
        host, odd = None, True
    if not host or odd:
        raise ConfigError(
            f"{service.address_key} {service.base_url!r} must be an http or https URL without user or query",
            hint="an address such as http://127.0.0.1:11434/v1",
        )
    return host


def _backoff_s(attempt: int) -> float:
    """Seconds until the next attempt: exponential, of which a random half."""
    ceiling = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
    return float(ceiling * (0.5 + random.random() / 2))  # noqa: S311 - jitter is no secret


def _seconds(retry_after: str) -> float | None:
    """A Retry-After header: seconds or a date (RFC 9110, section 10.2.3); None for neither."""
    try:
        asked = float(retry_after)
    except ValueError:
        try:
            asked = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(asked, 0.0) if asked == asked else None  # noqa: PLR0124 - nan is the one number unlike itself
