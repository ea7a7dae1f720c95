"""A follow-up of a conversation as a question that can be searched for, by rules."""

from collections.abc import Sequence

from ragcli.query.answer import Turn

_POINTING = frozenset(
    [
        "it",
        "its",
        "they",
        "them",
        "their",
        "this",
        "that",
        "these",
        "those",
        "he",
        "she",
        "him",
        "her",
        "there",
        "then",
        "one",
        "ones",
    ]
)
_SHORT_WORDS = 4


def joined(question: str, history: Sequence[Turn]) -> str:
    """A follow-up that points back, or is too short to stand alone, behind the question before it."""
    words = question.casefold().replace("?", " ").split()
    if history and (len(words) <= _SHORT_WORDS or _POINTING.intersection(words)):
        return f"{history[-1].question} {question}"
    return question
