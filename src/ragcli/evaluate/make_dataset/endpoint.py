"""The language model that writes questions, asked for one answer at a time."""

from typing import Protocol

from ragcli.config.endpoint import EndpointSettings
from ragcli.errors import ConfigError, UsageError
from ragcli.models.chat import ChatModel, NoTextError
from ragcli.models.endpoint import EndpointError, Service

_TIMEOUT_S = 120.0
_WITHOUT_KEY = "name the environment variable that holds the key with --key-variable"


class Asker(Protocol):
    """Answers a prompt."""

    def ask(self, prompt: str) -> str:
        """The answer.

        Raises:
            BackendError: There is none to be had.
        """
        ...


class ChatEndpoint:
    """Any OpenAI-compatible ``/chat/completions``; close it after use.

    Args:
        base_url: Such as ``http://127.0.0.1:11434/v1``.
        model: Its name there.
        key_variable: Environment variable that holds the key; OPENAI_API_KEY for api.openai.com, none for other hosts
            unless given, so that one service's key is never sent to another.
        seed: Sent along; services may heed it.
        max_retries: How often what may pass is tried again.

    Attributes:
        tokens: Tokens that the service counted, questions and answers together.

    Raises:
        UsageError: ``base_url`` is no http or https URL, or the key is not there.
    """

    def __init__(
        self, base_url: str, model: str, *, key_variable: str = "", seed: int = 0, max_retries: int = 4
    ) -> None:
        self.tokens = 0
        settings = EndpointSettings(model=model, base_url=base_url, timeout_s=_TIMEOUT_S, max_retries=max_retries)
        hints = {} if key_variable else dict.fromkeys((401, 403), _WITHOUT_KEY)
        service = Service("the model", "", key_variable, hints=hints)
        try:
            self._model = ChatModel(service, settings, seed=seed)
            self._model.key_variable = key_variable or self._model.key_variable
            self._model.key(required=bool(key_variable))
        except (ConfigError, EndpointError) as error:
            raise UsageError(error.message, hint=error.hint) from error

    def close(self) -> None:
        """Close connections."""
        self._model.close()

    def ask(self, prompt: str) -> str:
        """See ``Asker``; empty where the model declined."""
        try:
            reply = self._model.ask([{"role": "user", "content": prompt}])
        except NoTextError:
            return ""
        self.tokens += reply.input_tokens + reply.output_tokens
        return reply.text
