"""Further ways to ask a question: offline from the corpus, or written by a language model."""

import re
from collections.abc import Sequence
from typing import Protocol

from ragcli.query.asked import Variation

WORD = re.compile(r"[^\W\d_]\w{2,}[^\W_]")
"""A word that may be added to a question; shorter ones are mostly grammar."""


class Expander(Protocol):
    """Finds variations of questions."""

    def expand(self, questions: Sequence[str]) -> list[list[Variation]]:
        """The variations of each question, in the order of the questions.

        The question itself is always the first, with weight 1; none has the text of another, letters' case aside. The
        same question always gets the same ones as long as nothing else is asked of it.

        Raises:
            BackendError: What writes them failed.
        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...


def distinct(question: str, others: Sequence[Variation], most: int) -> list[Variation]:
    """The question, then at most ``most`` others that say something else than what stands before them."""
    seen = {" ".join(question.split()).casefold()}
    kept = [Variation(question, "the question")]
    for other in others:
        key = " ".join(other.text.split()).casefold()
        if key and key not in seen and len(kept) <= most:
            seen.add(key)
            kept.append(other)
    return kept
