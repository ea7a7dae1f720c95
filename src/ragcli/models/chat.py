"""One conversation in, one reply out: any OpenAI-compatible ``/v1/chat/completions`` endpoint."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from ragcli.errors import BackendError
from ragcli.models.http import JsonClient, Service, is_openai, key_variable

Message: TypeAlias = Mapping[str, str]
"""``role`` (system, user or assistant) and ``content``."""

CHAT_PATH = "chat/completions"


class ChatSettings(Protocol):
    """What the settings of every endpoint that is talked to have."""

    @property
    def base_url(self) -> str:
        """Where it is."""
        ...

    @property
    def timeout_s(self) -> float:
        """Longest silence."""
        ...

    @property
    def max_retries(self) -> int:
        """Retries on 429 and 5xx."""
        ...


def chat_service(settings: ChatSettings, role: str, section: str, own_key: str) -> Service:
    """The service that settings describe.

    Args:
        settings: Its address and patience.
        role: What errors call it, such as ``the judge``.
        section: Where its ``base_url`` and ``model`` are set.
        own_key: Variable of its key on any host but api.openai.com.
    """
    return Service(
        role,
        settings.base_url,
        CHAT_PATH,
        f"{section}.base_url",
        f"{section}.model",
        key_variable=key_variable(settings.base_url, own_key),
        key_required=is_openai(settings.base_url),
        timeout_s=settings.timeout_s,
        max_retries=settings.max_retries,
    )


class NoTextError(BackendError):
    """The model replied, but with no text: it declined, or spent its tokens before it wrote any."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; a service that reports no usage leaves the tokens at 0."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0


class ChatModel:
    """A model behind an endpoint, asked at temperature 0; several threads may share it.

    Args:
        service: Where to ask; its path is ``CHAT_PATH``.
        model: Its name there.
        max_tokens: Longest reply; the service's own limit unless given.
        seed: Sent along; services may heed it.

    Raises:
        ConfigError: The address makes no sense.
    """

    def __init__(self, service: Service, model: str, *, max_tokens: int | None = None, seed: int | None = None) -> None:
        self._client = JsonClient(service)
        self._fixed: dict[str, Any] = {"model": model, "temperature": 0}
        if max_tokens is not None:
            self._fixed["max_tokens"] = max_tokens
        if seed is not None:
            self._fixed["seed"] = seed

    @property
    def url(self) -> str:
        """Where it is asked."""
        return self._client.url

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def check_key(self) -> None:
        """Look for the key before anything is asked.

        Raises:
            EndpointError: It is missing.
        """
        self._client.key()

    def ask(self, messages: Sequence[Message], response_format: Mapping[str, Any] | None = None) -> Reply:
        """Send a conversation.

        Raises:
            EndpointError: Asking anything else would fail alike.
            NoTextError: The reply has no text.
            BackendError: The endpoint failed on this conversation, or its reply makes no sense.
        """
        body = {**self._fixed, "messages": [dict(message) for message in messages]}
        if response_format is not None:
            body["response_format"] = dict(response_format)
        return _reply(self._client.post(body), self._client.where)

    def stream(self, messages: Sequence[Message], hear: Callable[[str], None]) -> Reply:
        """Send a conversation and hear the text of the reply as it comes.

        A service that cannot stream is heard all at once. After a failure, what was heard is no answer.

        Raises:
            EndpointError: Asking anything else would fail alike.
            NoTextError: The reply has no text.
            BackendError: The endpoint failed on this conversation, broke off, or its reply makes no sense.
        """
        body = {**self._fixed, "messages": [dict(message) for message in messages], "stream": True}
        coming = _Coming(self._client.where, hear)
        whole = self._client.stream(body | {"stream_options": {"include_usage": True}}, coming.event)
        if whole is None:
            return coming.reply()
        reply = _reply(whole, self._client.where)
        hear(reply.text)
        return reply


@dataclass(slots=True)
class _Coming:
    """A reply that comes in events."""

    where: str
    hear: Callable[[str], None]
    pieces: list[str] = field(default_factory=list)
    usage: Mapping[str, Any] = field(default_factory=dict)
    ended: bool = False

    def event(self, data: str) -> None:
        """Take one event."""
        if data == "[DONE]":
            self.ended = True
            return
        try:
            event = json.loads(data)
            if event.get("error"):
                failed = event["error"]
                message = failed.get("message") if isinstance(failed, dict) else failed
                raise BackendError(f"{self.where} failed in the middle of an answer: {str(message)[:300]}")
            self.usage = event.get("usage") or self.usage
            for choice in (event.get("choices") or [])[:1]:
                self.ended = self.ended or choice.get("finish_reason") is not None
                piece = (choice.get("delta") or {}).get("content")
                if piece:
                    self.pieces.append(_text(piece))
                    self.hear(piece)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            what = f"{self.where} sent something that is no piece of a chat completion: {data[:100]!r}"
            raise BackendError(what, hint="the endpoint must speak OpenAI's chat protocol") from error

    def reply(self) -> Reply:
        """All of it, once it has ended."""
        if not self.ended:
            raise BackendError(f"{self.where} broke off in the middle of an answer", hint="ask again")
        message = {"message": {"content": "".join(self.pieces) or None}}
        return _reply({"choices": [message], "usage": self.usage}, self.where)


def _text(piece: Any) -> str:  # JSON from a stranger
    if not isinstance(piece, str):
        raise TypeError("a piece of text is no text")
    return piece


def _reply(answer: Any, where: str) -> Reply:  # JSON from a stranger
    try:
        text = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
        tokens = [int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        what = f"{where} answered something that is no chat completion: {str(answer)[:100]!r}"
        raise BackendError(what, hint="the endpoint must speak OpenAI's chat protocol") from error
    if min(tokens) < 0:
        raise BackendError(f"{where} counts {min(tokens)} tokens")
    if not isinstance(text, str):
        raise NoTextError(f"{where} gave no text")
    return Reply(text, *tokens)
