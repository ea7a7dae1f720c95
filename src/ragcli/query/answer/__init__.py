"""Whoever answers: from a question and its context to an answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ragcli.records import Answer, Context

NOT_FOUND = "Not found in the indexed documents."
"""What an answer says, in these words, when the context has none."""

Listener: TypeAlias = Callable[[str], None]
"""Is given the text of an answer piece by piece, as it comes."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and what was answered."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Standalone:
    """A follow-up as a question that can be understood, and searched for, without the conversation before it.

    Attributes:
        text: The question.
        input_tokens: What a model read to write it, as of an ``Answer``; likewise the others.
    """

    text: str
    input_tokens: int = 0
    output_tokens: int = 0
    counted: bool = False
    cost: float | None = 0.0


class Answerer(Protocol):
    """Answers questions from contexts. One instance serves one thread at a time."""

    @property
    def name(self) -> str:
        """Who answers, as people call it."""
        ...

    @property
    def model(self) -> str:
        """The language model whose tokens and prices count; empty where there is none."""
        ...

    def framing(self, question: str, history: Sequence[Turn] = ()) -> str:
        """All that is sent beside the context: what is taken from the budget before packing."""
        ...

    def standalone(self, question: str, history: Sequence[Turn]) -> Standalone:
        """A question with what it takes from the conversation before it; where a model fails at that, by rules."""
        ...

    def answer(
        self, question: str, context: Context, history: Sequence[Turn] = (), listen: Listener | None = None
    ) -> Answer:
        """Answer from the context alone, or refuse.

        Args:
            question: What is asked.
            context: What may be said.
            history: The conversation so far, oldest first.
            listen: Hears the text as it comes; all of it together is the answer's text.

        Raises:
            BackendError: The model failed.
        """
        ...

    def close(self) -> None:
        """Close connections."""
        ...
