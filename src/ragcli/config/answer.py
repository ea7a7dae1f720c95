"""Settings of whoever answers."""

from typing import Annotated, Literal

from pydantic import Field

from ragcli.config.base import Settings
from ragcli.config.endpoint import EndpointSettings


class ExtractiveAnswererConfig(Settings):
    """The sentences of the documents that answer, word for word: offline, without a language model.

    They are picked by meaning and words; by words alone where the search has no vectors, or its embedder is a service.
    """

    kind: Literal["extractive"] = "extractive"
    max_sentences: int = Field(default=3, ge=1, le=50)
    """How many are given at most."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Least confidence; below it the answer is 'not found in the indexed documents'. As calibrated unless set."""


class OpenAIAnswererConfig(EndpointSettings):
    """Any OpenAI-compatible ``/v1/chat/completions`` endpoint, asked at temperature 0.

    OpenAI, Azure (``https://NAME.openai.azure.com/openai/v1``), vLLM, Ollama, llama.cpp and others.
    Questions and the retrieved text are sent to it. The key is read from OPENAI_API_KEY for api.openai.com, from
    RAGCLI_ANSWER_API_KEY for any other host, so that one service's key never goes to another.
    """

    kind: Literal["openai"] = "openai"
    instructions: str = ""
    """The system message; ragcli's own unless set. ``$tag`` stands for the name of the tags around the documents' text,
    ``$refusal`` for what to say when they have no answer."""
    follow_ups: Literal["model", "rules"] = "model"
    """Who makes of a follow-up in a conversation a question that can be searched for: the model, which is a further
    short request, or rules, which put the question before it in front. Rules too where the model fails."""
    follow_up_instructions: str = ""
    """The system message of that request; ragcli's own unless set. ``$tag`` stands for the name of the tags."""
    seed: int | None = None
    """Sent along where set; services may heed it."""


AnswererConfig = Annotated[ExtractiveAnswererConfig | OpenAIAnswererConfig, Field(discriminator="kind")]
