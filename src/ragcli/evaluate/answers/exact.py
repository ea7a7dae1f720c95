"""Measures that count words: exact match, token F1, length, refusals.

Exact match and F1 are SQuAD's (Rajpurkar et al. 2016), as in evaluate-v2.0.py of
https://rajpurkar.github.io/SQuAD-explorer: lower case, no ASCII punctuation, no articles, single spaces; the best
reference counts; where one of the two has no word left, both must have none.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc", "'''")


def normalise(text: str) -> str:
    """The text as SQuAD compares it."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, references: Sequence[str]) -> float:
    """1 when the answer equals a reference after normalisation, otherwise 0."""
    return float(normalise(answer) in {normalise(reference) for reference in references})


def token_f1(answer: str, references: Sequence[str]) -> float:
    """Harmonic mean of word precision and recall against the best reference."""
    words = normalise(answer).split()
    return max(_f1(words, normalise(reference).split()) for reference in references)


def _f1(words: Sequence[str], wanted: Sequence[str]) -> float:
    if not words or not wanted:
        return float(words == wanted)
    shared = (Counter(words) & Counter(wanted)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(words), shared / len(wanted)
    return 2 * precision * recall / (precision + recall)


def length_words(answer: str) -> float:
    """Number of words: what white space separates."""
    return float(len(answer.split()))


class Refusals:
    """Tells refusals by their phrases.

    Args:
        phrases: What a refusal says, in any case; white space and the shape of apostrophes do not matter.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self._phrases = tuple(filter(None, map(_plain, phrases)))

    def refuses(self, answer: str) -> float:
        """1 when the answer holds one of the phrases as whole words, otherwise 0."""
        plain = f" {_plain(answer)} "
        return float(any(f" {phrase} " in plain for phrase in self._phrases))


def _plain(text: str) -> str:
    """Words alone, one space between them."""
    return " ".join(re.findall(r"[\w']+", text.translate(_APOSTROPHES).casefold()))
