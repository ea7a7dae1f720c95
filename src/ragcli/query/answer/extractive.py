"""Answers made of the documents' own sentences, picked by meaning and by words; offline."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragcli.config.answer import ExtractiveAnswererConfig
from ragcli.ingest.chunkers.sentences import sentences
from ragcli.query.answer import NOT_FOUND, Listener, Turn
from ragcli.query.answer.citations import citation
from ragcli.query.snippet import one_line
from ragcli.records import Answer, Context, Excerpt

if TYPE_CHECKING:
    from ragcli.index.lexical.analysis import Analysis
    from ragcli.models import Embedder

Values = NDArray[np.float64]

THRESHOLD = 0.5
"""Least confidence with an embedder; see docs/adr/0007-answers.md for how it was calibrated."""
LEXICAL_THRESHOLD = 0.5
"""The same without one."""
_LEAST_WORDS = 3
_EMBEDDED = 48  # sentences whose meaning is compared, those with most of the question's words
_NEARLY = 0.8  # of the best sentence's score: what else is given


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
    """

    words: Values
    meaning: Values
    around: Values


class ExtractiveAnswerer:
    """Picks sentences; the answer is theirs, word for word.

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

    def answer(
        self,
        question: str,
        context: Context,
        history: Sequence[Turn] = (),  # noqa: ARG002 - of the protocol; the question says all that is searched for
        listen: Listener | None = None,
    ) -> Answer:
        """Pick the sentences that answer best; see ``Answerer``."""
        found = list(_sentences(context))
        support = self.support(question, found)
        confidence = self._confidence(support)
        if not found or confidence < self._threshold:
            answer = Answer(NOT_FOUND, (), refused=True, answerer=self.name, confidence=confidence)
        else:
            picked = self._picked(found, self._scores(support))
            text = " ".join(f"{one.text} [{one.excerpt.number}]" for one in picked)
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
        return Support(words, self._meaning(question, found, words), around)

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
            return 0.8 * support.words + 0.2 * support.around
        return 0.6 * support.meaning + 0.3 * support.words + 0.1 * support.around

    def _confidence(self, support: Support) -> float:
        """How sure it is that the context has an answer: by the sentence for which most speaks."""
        if not len(support.words):
            return 0.0
        if self._embedder is None:
            return float(support.around.max())
        return float((0.5 * support.meaning + 0.5 * support.around).max())

    def _picked(self, found: Sequence[_Sentence], scores: Values) -> list[_Sentence]:
        """The best sentences, no text twice, in reading order."""
        best = np.argsort(-scores, kind="stable")
        near = [int(place) for place in best if scores[place] >= _NEARLY * scores[best[0]]]
        distinct = {found[place].text: place for place in reversed(near)}
        kept = sorted(distinct.values(), key=near.index)[: self._config.max_sentences]
        return [found[place] for place in sorted(kept)]


def _sentences(context: Context) -> Sequence[_Sentence]:
    """The sentences of all excerpts, in their order; what is too short to say anything is left out."""
    return [
        _Sentence(excerpt, sentence.start, sentence.end)
        for excerpt in context.excerpts
        for sentence in sentences(excerpt.text)
        if len(excerpt.text[sentence.start : sentence.end].split()) >= _LEAST_WORDS
        and not excerpt.text[sentence.start : sentence.end].startswith("#")
    ]


def _whole(excerpt: Excerpt) -> str:
    return "\n".join([excerpt.title, *excerpt.headings, excerpt.text])


def _with_heading(sentence: _Sentence) -> str:
    headings = sentence.excerpt.headings
    return f"{headings[-1]}: {sentence.text}" if headings else sentence.text


def _weights(wanted: set[str], found: Sequence[set[str]]) -> dict[str, float]:
    """Weight of each term: the rarer among the sentences, the more; one that none has counts most (BM25's idf)."""
    counts = Counter(term for own in found for term in wanted & own)
    total = len(found)
    return {term: math.log(1 + (total - counts[term] + 0.5) / (counts[term] + 0.5)) for term in sorted(wanted)}


def _share(found: set[str], weights: dict[str, float]) -> float:
    whole = sum(weights.values())
    return sum(weights[term] for term in found) / whole if whole else 0.0
