"""One conversation in, one reply out: any OpenAI-compatible ``/v1/chat/completions`` endpoint."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeAlias

from ragcli.config.endpoint import EndpointSettings
from ragcli.errors import BackendError
from ragcli.models.endpoint import Endpoint, Service
from ragcli.models.vocabulary import readable

Message: TypeAlias = Mapping[str, str]
"""``role`` (system, user or assistant) and ``content``."""


class NoTextError(BackendError):
    """The model replied, but with no text: it declined, or spent its tokens before it wrote any."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; a service that reports no usage leaves the tokens at 0."""

    text: str
    input_tokens: int = 0
    output_tokens: int = 0


class ChatModel(Endpoint):
    """A model that is asked at temperature 0; several threads may share it.

    Args:
        service: Who it is.
        settings: Where and how to ask.
        max_tokens: Longest reply; the service's own limit unless given.
        seed: Sent along; services may heed it.

    Raises:
        ConfigError: The address makes no sense.
    """

    def __init__(
        self, service: Service, settings: EndpointSettings, max_tokens: int | None = None, seed: int | None = None
    ) -> None:
        super().__init__(service, settings)
        options = {"max_tokens": max_tokens, "seed": seed}
        given = {name: value for name, value in options.items() if value is not None}
        self._fixed: dict[str, Any] = {"model": settings.model, "temperature": 0, **given}

    def ask(self, messages: Sequence[Message], response_format: Mapping[str, Any] | None = None) -> Reply:
        """Send a conversation.

        Raises:
            EndpointError: Asking anything else would fail alike.
            NoTextError: The reply has no text.
            BackendError: The endpoint failed on this conversation, or its reply makes no sense.
        """
        more: dict[str, Any] = {} if response_format is None else {"response_format": dict(response_format)}
        with self.asked() as client:
            answer: Any = client.chat.completions.create(messages=_sent(messages), **self._fixed, **more)
        return self._whole(answer)

    def stream(self, messages: Sequence[Message], hear: Callable[[str], None]) -> Reply:
        """Send a conversation and hear the text of the reply as it comes.

        A service that does not stream is heard all at once. After a failure, what was heard is no answer.

        Raises:
            EndpointError: Asking anything else would fail alike.
            NoTextError: The reply has no text.
            BackendError: The endpoint failed on this conversation, broke off, or its reply makes no sense.
        """
        more: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
        with self.asked() as client:
            stream: Any = client.chat.completions.create(messages=_sent(messages), **self._fixed, **more)
        text, usage, ended = "", None, False
        with self.asked(midway=True), stream:
            if not stream.response.headers.get("content-type", "").startswith("text/event-stream"):
                whole = json.loads(stream.response.read(), object_hook=lambda one: SimpleNamespace(**one))
                reply = self._whole(whole)
                hear(reply.text)
                return reply
            for chunk in stream:
                piece, last = self._piece(chunk)
                text, usage, ended = text + piece, chunk.usage or usage, ended or last
                if piece:
                    hear(piece)
        if not ended:
            raise BackendError(f"{self.where} broke off in the middle of an answer", hint="ask again")
        return self._reply(text or None, usage)

    def _whole(self, answer: Any) -> Reply:  # a stranger's
        try:
            return self._reply(answer.choices[0].message.content, getattr(answer, "usage", None))
        except _SENSELESS as error:
            raise self.senseless("a chat completion", answer) from error

    def _piece(self, chunk: Any) -> tuple[str, bool]:  # a stranger's
        """The text in a piece of a stream, and whether it is the last."""
        try:
            choices = chunk.choices or ()
            return "".join(one.delta.content or "" for one in choices), any(one.finish_reason for one in choices)
        except _SENSELESS as error:
            raise self.senseless("a piece of a chat completion", chunk) from error

    def _reply(self, text: Any, usage: Any) -> Reply:  # a stranger's
        tokens = [int(getattr(usage, name, None) or 0) for name in ("prompt_tokens", "completion_tokens")]
        if min(tokens) < 0:
            raise BackendError(f"{self.where} counts {min(tokens)} tokens")
        self.pace.spend(sum(tokens))
        if not isinstance(text, str):
            raise NoTextError(f"{self.where} gave no text")
        return Reply(text, *tokens)


_SENSELESS = (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError)
"""What comes of reading as a completion what is none: the client does not check what a service sends."""


def _sent(messages: Sequence[Message]) -> Any:  # its type spells out every kind of message there is
    return [{name: readable(text) for name, text in message.items()} for message in messages]
