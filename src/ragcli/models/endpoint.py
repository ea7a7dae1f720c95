"""A service behind an OpenAI-compatible address, asked through its vendor's client."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ragcli.config.endpoint import EndpointSettings
from ragcli.errors import BackendError, ConfigError
from ragcli.models.pace import Pace

if TYPE_CHECKING:
    import openai

_OPENAI = "api.openai.com"
_LASTING = frozenset({401, 403, 404})


class EndpointError(BackendError):
    """The service cannot be used at all: it is gone, or its address, the key or the model is wrong."""


@dataclass(frozen=True, slots=True)
class Service:
    """What a kind of service is for.

    Attributes:
        role: Who answers, such as ``the embedder``; errors begin with it.
        section: Where its settings stand, so that an error names what to change; empty for options.
        own_key: Environment variable of its key, empty for none. OpenAI's key is OPENAI_API_KEY, and goes nowhere else.
        path: Below ``base_url``.
        longest_answer_bytes: More is not read.
        hints: Status -> what to do, where the service knows better than HTTP.
    """

    role: str
    section: str
    own_key: str
    path: str = "chat/completions"
    longest_answer_bytes: int = 8 * 2**20
    hints: Mapping[int, str] = field(default_factory=dict)


class Endpoint:
    """A service that several threads may ask; the key is read, and the client made, on first use.

    Attributes:
        url: Where it is asked.
        where: The service, as errors call it.
        key_variable: Environment variable that its key is read from.
        pace: When it is asked.

    Raises:
        ConfigError: The address is no http or https URL without user and query.
    """

    def __init__(self, service: Service, settings: EndpointSettings) -> None:
        self._service = service
        self._settings = settings
        self._lock = Lock()
        self._host = _host(settings.base_url, self._named("base_url"))
        self.key_variable = "OPENAI_API_KEY" if self._host == _OPENAI else service.own_key
        self.url = f"{settings.base_url.rstrip('/')}/{service.path}"
        self.where = f"{service.role} at {self.url}"
        self.pace = Pace(settings.requests_per_minute, settings.tokens_per_minute)

    def close(self) -> None:
        """Close connections."""
        if "_client" in self.__dict__:
            self._client.close()

    def key(self, *, required: bool = False) -> str:
        """The key, empty where there is none and none is needed, as OpenAI's always is.

        Raises:
            EndpointError: It is missing, or no key at all.
        """
        variable = self.key_variable
        key = os.environ.get(variable, "").strip() if variable else ""
        if not key and (required or self._host == _OPENAI):
            raise EndpointError(f"{self._host} needs a key", hint=f"set {variable} in the environment")
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(f"{variable} holds characters that no key has", hint=f"set {variable} to the key alone")
        return key

    def post(self, body: Mapping[str, Any]) -> Any:  # JSON from a stranger
        """The JSON that answers a JSON object, as it came: making objects of vectors takes ten times as long.

        Raises:
            EndpointError: Asking anything else would fail alike.
            BackendError: The service failed on this, or did not answer with JSON.
        """
        import httpx2

        with self.asked() as client:
            return client.post(f"/{self._service.path}", body=body, cast_to=httpx2.Response).json()

    @contextmanager
    def asked(self, *, midway: bool = False) -> "Iterator[openai.OpenAI]":
        """The client, which tries again what may pass; what it raises comes out as an error of ours.

        Args:
            midway: An answer has begun.

        Raises:
            EndpointError: Asking anything else would fail alike.
            BackendError: The service failed on this, broke off, or did not answer with JSON.
        """
        import openai

        with self._lock:
            client = self._client
        try:
            yield client
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except openai.APIConnectionError as error:
            raise self._unreachable(error, midway=midway) from error
        except openai.APIError as error:
            raise BackendError(f"{self.where} failed in the middle of an answer: {_line(error.message)}") from error
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self.senseless("JSON", getattr(error, "doc", getattr(error, "object", ""))) from error

    def senseless(self, what: str, answer: object) -> BackendError:
        """The error of an answer that is not what was asked for."""
        said = f"{self.where} did not answer with {what}: {str(answer)[:100]!r}"
        return BackendError(said, hint=f"check {self._named('base_url')}: what is there must speak OpenAI's protocol")

    @cached_property
    def _client(self) -> "openai.OpenAI":
        from ragcli.models.transport import build_client

        key, limit = self.key(), self._service.longest_answer_bytes
        try:
            return build_client(self._settings, self.where, key, limit, self.pace)
        except (ValueError, OSError, ImportError) as error:
            raise EndpointError(
                f"no connection to {self.where} can be prepared: {error}",
                hint="check the environment's proxy and certificate variables",
            ) from error

    def _unreachable(self, error: "openai.APIConnectionError", *, midway: bool) -> BackendError:
        import httpx2

        reason = f"{type(error.__cause__).__name__}: {error.__cause__}"
        if midway:
            return BackendError(f"{self.where} broke off in the middle of an answer: {reason}", hint="ask again")
        # One question may take too long; whatever else keeps a service from answering does so for all of them.
        kind = BackendError if isinstance(error.__cause__, httpx2.ReadTimeout) else EndpointError
        hint = f"check {self._named('base_url')} and that the service runs"
        return kind(f"{self.where} cannot be reached{_tried(error)}: {reason}", hint=hint)

    def _refused(self, error: "openai.APIStatusError") -> BackendError:
        status, body = error.status_code, error.body
        said = _line(body.get("message") if isinstance(body, dict) else body) or error.response.reason_phrase
        kind = EndpointError if status in _LASTING or 300 <= status < 400 else BackendError
        return kind(f"{self.where} answered {status}{_tried(error)}: {said}", hint=self._hint(status))

    def _hint(self, status: int) -> str:
        address, model = self._named("base_url"), self._named("model")
        known = {
            401: f"the key is missing or wrong: set {self.key_variable} in the environment",
            403: f"the key may not use this model: set {self.key_variable} in the environment",
            404: f"check {address} and {model}",
            429: "try again later",
            **self._service.hints,
        }
        if 300 <= status < 400:
            return f"redirects are not followed: set {address} to the final address"
        return known.get(status, "try again later" if status >= 500 else f"check {model}")

    def _named(self, key: str) -> str:
        """A setting as the user knows it."""
        section = self._service.section
        return f"{section}.{key}" if section else f"--{key.replace('_', '-')}"


def _tried(error: "openai.APIError") -> str:
    attempts = int(error.request.headers.get("x-stainless-retry-count", "0")) + 1
    return f" after {attempts} attempts" if attempts > 1 else ""


def _line(said: object) -> str:
    """What a service says, in one short line; empty where that is no text."""
    line = " ".join(said.split())[:300] if isinstance(said, str) else ""
    return line if line.isprintable() else ""


def _host(address: str, name: str) -> str:
    """The host of an address that is sound."""
    try:
        parts = urlsplit(address)
        sound = parts.scheme in {"http", "https"} and parts.port != 0 and not (parts.username or parts.query)
        host = parts.hostname if sound else None
    except ValueError:  # a port that is no number, half an IPv6 address
        host = None
    if not host:
        raise ConfigError(
            f"{name} {address!r} must be an http or https URL without user or query",
            hint="an address such as http://127.0.0.1:11434/v1",
        )
    return host
