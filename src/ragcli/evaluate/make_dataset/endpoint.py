"""A chat endpoint that speaks OpenAI's protocol, asked for one answer at a time."""

import os
import time
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from ragcli.errors import BackendError, UsageError

if TYPE_CHECKING:
    import httpx

_RETRIED = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_OPENAI = "api.openai.com"


class Asker(Protocol):
    """Answers a prompt."""

    def ask(self, prompt: str) -> str:
        """The answer.

        Raises:
            BackendError: There is none to be had.
        """
        ...


class ChatEndpoint:
    """Any OpenAI-compatible ``/chat/completions``, at temperature 0.

    Args:
        base_url: Such as ``http://127.0.0.1:11434/v1``.
        model: Its name there.
        key_variable: Environment variable that holds the key; OPENAI_API_KEY for api.openai.com, none for other hosts
            unless given, so that one service's key is never sent to another.
        seed: Sent along; services may heed it.
        attempts: How often what may pass is tried.
        first_wait_s: Doubled after every attempt.

    Attributes:
        tokens: Tokens that the service counted, questions and answers together.

    Raises:
        UsageError: ``base_url`` is no http or https URL, or the key is not there.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        key_variable: str = "",
        seed: int = 0,
        attempts: int = 4,
        first_wait_s: float = 1.0,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise UsageError(
                f"--base-url {base_url!r} is no http or https URL without user or query",
                hint="--base-url http://127.0.0.1:11434/v1",
            )
        variable = key_variable or ("OPENAI_API_KEY" if parts.hostname == _OPENAI else "")
        self._key = os.environ.get(variable, "").strip() if variable else ""
        if variable and not self._key:
            raise UsageError(f"{parts.hostname} needs a key", hint=f"set {variable} in the environment")
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._model = model
        self._seed = seed
        self._attempts = attempts
        self._first_wait_s = first_wait_s
        self.tokens = 0

    def ask(self, prompt: str) -> str:
        """See ``Asker``."""
        import httpx

        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "seed": self._seed,
        }
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        problem = ""
        for attempt in range(self._attempts):
            if attempt:
                time.sleep(self._first_wait_s * 2 ** (attempt - 1))
            try:
                # A redirect could carry the key to another host.
                response = httpx.post(self._url, json=body, headers=headers, timeout=120.0, follow_redirects=False)
            except httpx.TransportError as error:
                problem = f"cannot be reached: {type(error).__name__}: {error}"
                continue
            if response.status_code == 200:
                return self._content(response)
            problem = f"answered {response.status_code}: {' '.join(response.text.split())[:200]}"
            if response.status_code not in _RETRIED:
                break
        raise BackendError(f"the model at {self._url} {problem}", hint="check --base-url, --model and the key")

    def _content(self, response: "httpx.Response") -> str:
        try:
            answer = response.json()
            usage = answer.get("usage") or {}
            content = answer["choices"][0]["message"]["content"]
            self.tokens += int(usage.get("total_tokens", 0))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise BackendError(f"the model at {self._url} answered something that is no chat completion") from error
        return str(content)
