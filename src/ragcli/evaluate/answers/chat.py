"""One question, one reply: a client of any OpenAI-compatible ``/v1/chat/completions`` endpoint."""

import os
import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from ragcli.config.judge import OpenAIJudgeConfig
from ragcli.errors import BackendError, ConfigError

if TYPE_CHECKING:
    import httpx

Message: TypeAlias = Mapping[str, str]

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LASTING = frozenset({401, 403, 404})
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 60.0
_LONGEST_REPLY_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; a service that reports no usage leaves the tokens at 0."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0


class EndpointError(BackendError):
    """The endpoint cannot be used at all: it is gone, or the key or the model is wrong."""


class ChatClient:
    """A client that several threads may share. Failures that may pass are tried again, with growing random waits."""

    def __init__(self, config: OpenAIJudgeConfig) -> None:
        parts = urlsplit(config.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ConfigError(f"judge.base_url {config.base_url!r} must be an http or https URL without user or query")
        self._config = config
        self._host = parts.hostname
        self._lock = threading.Lock()
        self.url = f"{config.base_url.rstrip('/')}/chat/completions"

    def close(self) -> None:
        """Close connections."""
        if "_client" in self.__dict__:
            self._client.close()

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
        """Send a conversation, at temperature 0.

        Raises:
            EndpointError: Asking anything else would fail alike.
            BackendError: The endpoint failed on this conversation, or its reply makes no sense.
        """
        config = self._config
        body: dict[str, Any] = {
            "model": config.model, "messages": list(messages), "temperature": 0, "max_tokens": config.max_tokens
        }  # fmt: skip
        if config.response_format == "json_object":
            body["response_format"] = {"type": "json_object"}
        elif config.response_format == "json_schema":
            shape = {"name": "verdict", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": shape}
        with self._lock:
            client = self._client
        return _reply(self._post(client, body), self.url)

    @cached_property
    def _client(self) -> "httpx.Client":
        import httpx

        variable = self._variable
        key = os.environ.get(variable, "").strip()
        if self._host == "api.openai.com" and not key:
            raise EndpointError(f"{self._host} needs a key", hint=f"set {variable} in the environment")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A redirect could carry the key to another host.
        return httpx.Client(timeout=self._config.timeout_s, follow_redirects=False, headers=headers)

    @property
    def _variable(self) -> str:
        return "OPENAI_API_KEY" if self._host == "api.openai.com" else "RAGCLI_JUDGE_API_KEY"

    def _post(self, client: "httpx.Client", body: Mapping[str, Any]) -> "httpx.Response":
        """Post until it succeeds, fails for good, or has been tried often enough."""
        import httpx

        for attempt in range(self._config.max_retries + 1):
            last = attempt == self._config.max_retries
            try:
                response = client.post(self.url, json=body)
            except httpx.TransportError as error:
                if last:
                    raise self._unreachable(error, attempt + 1) from error
                time.sleep(_wait(attempt, ""))
                continue
            if response.status_code == 200:
                return response
            if last or response.status_code not in _RETRIED:
                raise self._refused(response, attempt + 1)
            time.sleep(_wait(attempt, response.headers.get("retry-after", "")))
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _unreachable(self, error: Exception, attempts: int) -> BackendError:
        import httpx

        kind = BackendError if isinstance(error, httpx.ReadTimeout) else EndpointError
        what = f"the judge at {self.url} cannot be reached after {attempts} attempts: {type(error).__name__}: {error}"
        return kind(what, hint="check judge.base_url and that the service runs")

    def _refused(self, response: "httpx.Response", attempts: int) -> BackendError:
        status = response.status_code
        kind = EndpointError if status in _LASTING or response.is_redirect else BackendError
        tried = f" after {attempts} attempts" if attempts > 1 else ""
        hint = {
            401: f"set {self._variable} in the environment",
            403: f"set {self._variable} in the environment",
            404: "check judge.base_url and judge.model",
        }.get(status, "redirects are not followed: set judge.base_url" if response.is_redirect else "")
        return kind(f"the judge at {self.url} answered {status}{tried}: {_excerpt(response)}", hint=hint)


def _reply(response: "httpx.Response", url: str) -> Reply:
    """The reply in a response, whose shape is a stranger's."""
    if len(response.content) > _LONGEST_REPLY_BYTES:
        raise BackendError(f"the judge at {url} answered with {len(response.content)} bytes")
    try:
        answer = response.json()
        text = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
        tokens = [int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        what = f"the judge at {url} did not answer as a chat endpoint does: {response.text[:100]!r}"
        raise BackendError(what) from error
    if not isinstance(text, str) or min(tokens) < 0:
        raise BackendError(f"the judge at {url} gave no text")
    return Reply(text, *tokens)


def _excerpt(response: "httpx.Response") -> str:
    """What the service says went wrong, in one short line."""
    try:
        message = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        message = response.text
    return " ".join(str(message).split())[:300] or response.reason_phrase


def _wait(attempt: int, retry_after: str) -> float:
    """Seconds until the next attempt: what the service asks for, otherwise exponential with jitter."""
    try:
        return min(max(float(retry_after), 0.0), _LONGEST_WAIT_S)
    except ValueError:
        ceiling = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**attempt)
        return float(ceiling * (0.5 + random.random() / 2))  # noqa: S311 - jitter is no secret
