"""The language model that judges, as its settings describe it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ragcli.config.judge import OpenAIJudgeConfig
from ragcli.models.chat import ChatModel, Message, Reply
from ragcli.models.endpoint import EndpointError, Service

__all__ = ["ChatClient", "EndpointError", "Message", "Reply"]

_SERVICE = Service("the judge", "evaluate.answers.judge", "RAGCLI_JUDGE_API_KEY")


class ChatClient:
    """A client that several threads may share."""

    def __init__(self, config: OpenAIJudgeConfig) -> None:
        self._model = ChatModel(_SERVICE, config, config.max_tokens)
        self._format = config.response_format
        self.url = self._model.url

    def close(self) -> None:
        """Close connections."""
        self._model.close()

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
        """Send a conversation; the reply is asked to keep to ``schema``, as far as the endpoint is said to know how.

        Raises:
            EndpointError: Asking anything else would fail alike.
            BackendError: The endpoint failed on this conversation, or its reply makes no sense.
        """
        match self._format:
            case "none":
                return self._model.ask(messages)
            case "json_object":
                return self._model.ask(messages, {"type": "json_object"})
            case "json_schema":
                shape = {"name": "verdict", "strict": True, "schema": schema}
                return self._model.ask(messages, {"type": "json_schema", "json_schema": shape})
