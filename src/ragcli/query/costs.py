"""What answering questions would cost, by model, before anything is sent to one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragcli.config.answer import OpenAIAnswererConfig
from ragcli.models.prices import Prices, price_of
from ragcli.query.answer.build import build_counter
from ragcli.query.answer.chat import conversation, instructions
from ragcli.records import Query

if TYPE_CHECKING:
    from ragcli.query.answering import Answering
    from ragcli.query.engine import Engine


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What one model would take for all of the questions.

    Attributes:
        prompt_tokens: Of instructions, questions and contexts.
        completion_tokens: Of the replies, as long as they may be.
        vocabulary: What the tokens are counted with.
        input_price: Per million tokens; None where it is not known, as ``output_price``, ``dated`` and ``cost`` then.
    """

    model: str
    questions: int
    prompt_tokens: int
    completion_tokens: int
    vocabulary: str
    input_price: float | None
    output_price: float | None
    dated: str | None
    cost: float | None


def costs(
    engine: "Engine",
    answering: "Answering",
    queries: Sequence[Query],
    models: Sequence[str],
    prices: Prices,
    completion_tokens: int,
) -> tuple[ModelCost, ...]:
    """Search and pack as for an answer, and count what would be sent.

    Args:
        engine: What is searched.
        answering: Packs the contexts.
        queries: The questions.
        models: Language models by name.
        prices: Of models.
        completion_tokens: Length of one reply.
    """
    prompts = list(_prompts(engine, answering, queries))
    written = completion_tokens * len(queries)
    found = []
    for model in models:
        counter, _ = build_counter(engine.config, model)
        read = sum(map(counter.count, prompts))
        price = price_of(model, prices)
        amounts = (None, None, None, None) if price is None else (
            price.input, price.output, price.dated, price.cost(read, written)
        )  # fmt: skip
        found.append(ModelCost(model, len(queries), read, written, counter.name, *amounts))
    return tuple(found)


def _prompts(engine: "Engine", answering: "Answering", queries: Sequence[Query]) -> list[str]:
    answer = engine.config.query.answer
    template = instructions(answer if isinstance(answer, OpenAIAnswererConfig) else OpenAIAnswererConfig.defaults())
    prompts = []
    for query in queries:
        _, context = answering.prepare(query)
        messages = conversation(template, query.text, context, ())
        prompts.append("\n".join(message["content"] for message in messages))
    return prompts
