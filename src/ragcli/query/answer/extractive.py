"""Answers made of the documents' own sentences, picked by meaning and by words; offline."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragcli.config.answer import ExtractiveAnswererConfig
from ragcli.ingest.chunkers.sentences import sentences
from ragcli.query.answer import NOT_FOUND, Listener, Standalone, Turn
from ragcli.query.answer.citations import citation, without_citations
from ragcli.query.answer.follow_up import joined
from ragcli.query.snippet import one_line
from ragcli.records import Answer, Context, Excerpt

if TYPE_CHECKING:
    from ragcli.index.lexical.analysis import Analysis
    from ragcli.models import Embedder

Values = NDArray[np.float64]

THRESHOLD = 0.32
"""Least confidence with an embedder; see docs/adr/0007-answers.md for how it was calibrated."""
LEXICAL_THRESHOLD = 0.23
"""The same without one."""
_LEAST_WORDS = 3
_HEADING_WORDS = 9
_MARKS = ".!?:;)\"'`\u3002\uff01\uff1f"
_ITEM = "-*+$"
_EMBEDDED = 48  # sentences whose meaning is compared, those with most of the question's words
_NEARLY = 0.9  # of the best sentence's score: what else is given
_UNKNOWN_NAME = 0.5  # what is left of the confidence where the question names what the context does not
_WORD = re.compile(r"\w[\w.-]*\w|\w")
_SENTENCE_START = re.compile(r"(?:^|[.?!:])\s*$")


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence of an excerpt, ``excerpt.text[start:end]``."""

    excerpt: Excerpt
    start: int
    end: int

    @property
    def text(self) -> str:
        return one_line(self.excerpt.text[self.start : self.end])


@dataclass(frozen=True, slots=True)
class Support:
    """How well the sentences of a context answer a question, each in [0, 1], float64 [n].

    Attributes:
        words: Share of the question's terms that a sentence has, rare ones counting more.
        meaning: Cosine with the question; 0 where it was not compared, or there is no embedder.
        around: Share of the question's terms that the sentence's excerpt has.
        named: Share of the identifiers in the question, such as ``ERR-7``, that a sentence has.
        rank: Of the excerpt, from 1.
        unknown: Names in the question that the context does not mention.
    """

    words: Values
    meaning: Values
    around: Values
    named: Values
    rank: Values
    unknown: tuple[str, ...]


class ExtractiveAnswerer:
    """Picks sentences; the answer is theirs, word for word, but for numbers in brackets that would pass for citations.

    Args:
        config: How many, and when to refuse.
        analysis: Makes terms of texts.
        embedder: Compares meanings; without one words alone decide.
    """

    def __init__(
        self, config: ExtractiveAnswererConfig, analysis: "Analysis", embedder: "Embedder | None" = None
    ) -> None:
        self._config = config
        self._analysis = analysis
        self._embedder = embedder

    @property
    def name(self) -> str:
        """``extractive``."""
        return "extractive"

    @property
    def model(self) -> str:
        """There is none."""
        return ""

    def close(self) -> None:
        """There is nothing to close."""

    def framing(self, question: str, history: Sequence[Turn] = ()) -> str:  # noqa: ARG002 - of the protocol
        """The question."""
        return question

    def standalone(self, question: str, history: Sequence[Turn]) -> Standalone:
        """By rules."""
        return Standalone(joined(question, history))

    def answer(
        self,
        question: str,
        context: Context,
        history: Sequence[Turn] = (),  # noqa: ARG002 - of the protocol; the question says all that is searched for
        listen: Listener | None = None,
    ) -> Answer:
        """Pick the sentences that answer best; see ``Answerer``."""
        found = sentences_of(context)
        support = self.support(question, found)
        confidence = self._confidence(support) * (_UNKNOWN_NAME if support.unknown else 1.0)
        if not found or confidence < self._threshold:
            answer = Answer(NOT_FOUND, (), refused=True, answerer=self.name, confidence=confidence)
        else:
            picked = self._picked(found, self._scores(support))
            text = " ".join(f"{without_citations(one.text)} [{one.excerpt.number}]" for one in picked)
            cited = tuple(
                citation(one.excerpt, (one.excerpt.start + one.start, one.excerpt.start + one.end)) for one in picked
            )
            answer = Answer(text, cited, refused=False, answerer=self.name, confidence=confidence)
        if listen is not None:
            listen(answer.text)
        return answer

    def support(self, question: str, found: Sequence[_Sentence]) -> Support:
        """How well each sentence answers."""
        terms = [set(self._analysis.terms(one.text)) for one in found]
        excerpts = {one.excerpt.number: set(self._analysis.terms(_whole(one.excerpt))) for one in found}
        wanted = set(self._analysis.question(question).terms)
        weights = _weights(wanted, terms)
        words = np.array([_share(wanted & own, weights) for own in terms], dtype=np.float64)
        around = np.array([_share(wanted & excerpts[one.excerpt.number], weights) for one in found], dtype=np.float64)
        wanted_names = [set(self._analysis.terms(name)) for name in names(question) if _identifies(name)]
        named = np.array([_part_of(wanted_names, own) for own in terms], dtype=np.float64)
        rank = np.array([one.excerpt.rank for one in found], dtype=np.float64)
        known = set().union(*excerpts.values())
        unknown = tuple(name for name in names(question) if not known.issuperset(self._analysis.terms(name)))
        return Support(words, self._meaning(question, found, words), around, named, rank, unknown)

    def _meaning(self, question: str, found: Sequence[_Sentence], words: Values) -> Values:
        values = np.zeros(len(found))
        if self._embedder is None or not found:
            return values
        chosen = np.argsort(-words, kind="stable")[:_EMBEDDED]
        texts = [_with_heading(found[place]) for place in chosen]
        vectors = self._embedder.embed_documents(texts)
        values[chosen] = np.clip(vectors @ self._embedder.embed_queries([question])[0], 0, 1)
        return values

    @property
    def _threshold(self) -> float:
        if self._config.threshold is not None:
            return self._config.threshold
        return LEXICAL_THRESHOLD if self._embedder is None else THRESHOLD

    def _scores(self, support: Support) -> Values:
        """What sentences are picked by."""
        if self._embedder is None:
            scores = 0.8 * support.words + 0.2 * support.around + 0.3 / np.sqrt(support.rank)
        else:
            scores = 0.5 * support.meaning + 0.2 * support.words + 0.3 * support.around + 0.1 / np.sqrt(support.rank)
        return scores + 0.1 * support.named

    def _confidence(self, support: Support) -> float:
        """How sure it is that the context has an answer: by the sentence for which most speaks."""
        if not len(support.words):
            return 0.0
        if self._embedder is None:
            return float(support.around.max())
        return float(support.meaning.max())

    def _picked(self, found: Sequence[_Sentence], scores: Values) -> list[_Sentence]:
        """The best sentences, no text twice, in reading order."""
        best = np.argsort(-scores, kind="stable")
        near = [int(place) for place in best if scores[place] >= _NEARLY * scores[best[0]]]
        distinct = {found[place].text: place for place in reversed(near)}
        kept = sorted(distinct.values(), key=near.index)[: self._config.max_sentences]
        return [found[place] for place in sorted(kept)]


def names(question: str) -> list[str]:
    """What a question calls by name: words with a capital inside a sentence, with several, or with letters and digits.

    An answer that does not mention it is one to something else. German nouns are taken for names, too.
    """
    return [found[0] for found in _WORD.finditer(question) if _is_name(found[0], question[: found.start()])]


def _is_name(word: str, before: str) -> bool:
    return _identifies(word) or _capitalised(word, before)


def _identifies(word: str) -> bool:
    return sum(map(str.isupper, word)) > 1 or (any(map(str.isdigit, word)) and any(map(str.isalpha, word)))


def _capitalised(word: str, before: str) -> bool:
    return len(word) > 1 and word[0].isupper() and _SENTENCE_START.search(before) is None


def sentences_of(context: Context) -> list[_Sentence]:
    """The sentences of all excerpts, in their order; what says nothing by itself is left out where there is more."""
    return [sentence for excerpt in context.excerpts for sentence in _of_excerpt(excerpt)]


def _of_excerpt(excerpt: Excerpt) -> list[_Sentence]:
    all_of_it = [_Sentence(excerpt, sentence.start, sentence.end) for sentence in sentences(excerpt.text)]
    return [one for one in all_of_it if _says_something(excerpt.text[one.start : one.end])] or all_of_it


def _says_something(text: str) -> bool:
    """Whether it is more than a few words or a heading: short, without a mark at its end, and no item of a list."""
    words = len(text.split())
    if words < _LEAST_WORDS or text.startswith("#"):
        return False
    return words >= _HEADING_WORDS or "|" in text or text[-1] in _MARKS or text[0] in _ITEM or text[0].isdigit()


def _whole(excerpt: Excerpt) -> str:
    return "\n".join([excerpt.document, excerpt.title, *excerpt.headings, excerpt.text])


def _with_heading(sentence: _Sentence) -> str:
    headings = sentence.excerpt.headings
    return f"{headings[-1]}: {sentence.text}" if headings else sentence.text


def _weights(wanted: set[str], found: Sequence[set[str]]) -> dict[str, float]:
    """Weight of each term: the rarer among the sentences, the more; one that none has counts most (a smoothed idf)."""
    counts = Counter(term for own in found for term in wanted & own)
    total = len(found)
    return {term: math.log(1 + (total + 1) / (counts[term] + 1)) for term in sorted(wanted)}


def _part_of(names: Sequence[set[str]], own: set[str]) -> float:
    return sum(name <= own for name in names) / len(names) if names else 0.0


def _share(found: set[str], weights: dict[str, float]) -> float:
    whole = sum(weights.values())
    return sum(weights[term] for term in found) / whole if whole else 0.0
