"""Settings of scoring answers: refusals, BERTScore's model and the language model that judges."""

from typing import Annotated, Literal

from pydantic import Field

from ragcli.config.base import Settings
from ragcli.config.endpoint import EndpointSettings
from ragcli.config.index import DEFAULT_MODEL

REFUSALS = (
    "not found in the indexed documents",
    "i don't know",
    "i do not know",
    "i cannot answer",
    "i can't answer",
    "i am unable to answer",
    "i'm unable to answer",
    "cannot be answered",
    "can't be answered",
    "no relevant information",
    "not enough information",
    "insufficient information",
    "the context does not",
    "the provided context does not",
    "the documents do not contain",
    "does not contain the answer",
)


class BertScoreConfig(Settings):
    """What BERTScore is computed with. Scores of different models or layers are not comparable."""

    model: str = DEFAULT_MODEL
    """Hub name or path of any BERT-like model."""
    revision: str = ""
    """Hub revision (commit) to pin; empty takes the default branch."""
    layer: int | None = Field(default=None, ge=1)
    """Layer whose vectors are compared, counted from 1; the model's last unless set."""
    batch_size: int = Field(default=64, ge=1, le=4096)


class NoJudgeConfig(Settings):
    """No language model judges answers."""

    kind: Literal["none"] = "none"


class OpenAIJudgeConfig(EndpointSettings):
    """Any OpenAI-compatible ``/v1/chat/completions`` endpoint, asked at temperature 0.

    Questions, answers and the retrieved text are sent to it. The key is read from OPENAI_API_KEY for api.openai.com,
    from RAGCLI_JUDGE_API_KEY for any other host, so that one service's key never goes to another.
    """

    kind: Literal["openai"] = "openai"
    response_format: Literal["none", "json_object", "json_schema"] = "json_object"
    """What the endpoint is asked to keep to; ``none`` for one that knows no ``response_format``."""
    max_tokens: int = Field(default=1024, ge=16)
    """Longest reply."""
    attempts: int = Field(default=3, ge=1, le=10)
    """How often an answer is judged until the reply is the JSON that was asked for."""
    concurrency: int = Field(default=4, ge=1, le=64)
    """How many questions are asked at a time."""
    input_price: float | None = Field(default=None, ge=0)
    """Price of a million input tokens, in any currency, for the cost that is reported and can be gated; the cost is
    unknown unless both prices are set."""
    output_price: float | None = Field(default=None, ge=0)
    """Price of a million output tokens."""


JudgeConfig = Annotated[NoJudgeConfig | OpenAIJudgeConfig, Field(discriminator="kind")]


class AnswersConfig(Settings):
    """How answers are scored."""

    refusals: tuple[str, ...] = REFUSALS
    """An answer that holds one of these phrases, in any case, is a refusal."""
    bertscore: BertScoreConfig = BertScoreConfig.defaults()
    judge: JudgeConfig = NoJudgeConfig.defaults()
