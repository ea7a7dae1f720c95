"""The summary of a document, without a model.

Its most central sentences are those nearest to its centroid of words: Radev, Jing, Budzikowska: Centroid-based
summarization of multiple documents, 2000, within one document and without its inverse document frequencies.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from ragcli.ingest.chunkers.sentences import sentences

_WORD = re.compile(r"\w{4,}")  # shorter ones are mostly grammar
_LONGEST_CHARS = 100_000  # of a text that is looked at
_FEWEST_WORDS = 4  # a shorter sentence is a heading or a cell
_LONGEST_SENTENCE_CHARS = 500
_MOST_HEADINGS = 40


def summary(title: str, headings: Sequence[str], body: str) -> str:
    """Title and headings above what sums the text up."""
    shown = [heading for heading in dict.fromkeys(headings) if heading and heading != title]
    lines = [title, "; ".join(shown[:_MOST_HEADINGS]), body]
    return "\n".join(line for line in lines if line)


def central_sentences(text: str, count: int) -> list[str]:
    """The sentences nearest to the centroid of all, in the order of the text; among equals the earlier ones."""
    found = [
        " ".join(text[own.start : own.end].split())[:_LONGEST_SENTENCE_CHARS]
        for own in sentences(text, 0, min(len(text), _LONGEST_CHARS))
    ]
    words = [Counter(_WORD.findall(sentence.casefold())) for sentence in found]
    centroid: Counter[str] = Counter()
    for own in words:
        centroid.update(own)
    long_enough = [len(sentence.split()) >= _FEWEST_WORDS for sentence in found]
    scores = [_cosine(own, centroid) if own and wanted else 0.0 for own, wanted in zip(words, long_enough, strict=True)]
    best = sorted((place for place, score in enumerate(scores) if score > 0), key=lambda place: -scores[place])[:count]
    return [found[place] for place in sorted(best)]


def _cosine(one: Counter[str], whole: Counter[str]) -> float:
    """Cosine with the centroid, whose own length is the same for all."""
    dot = sum(count * whole[word] for word, count in one.items())
    return dot / math.sqrt(sum(count * count for count in one.values()))
