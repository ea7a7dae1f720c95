"""Variations from the corpus itself, without a model.

An acronym of the question is spelt out as the corpus defines it, or a spelt-out one shortened. Then the question is
asked again with the words that set the chunks which answer it best apart from the rest: of all of them together, as in
relevance models (Lavrenko, Croft 2001, in the mixture RM3 of Abdul-Jaleel et al. 2004), and of single documents.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from ragcli.config.expand import FeedbackConfig
from ragcli.config.index import LexicalConfig
from ragcli.errors import IndexStateError
from ragcli.index.lexical.analysis import Analysis
from ragcli.query.asked import Variation
from ragcli.query.expand import WORD, Expander, distinct
from ragcli.query.expand.acronyms import acronyms_in, definitions

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.index.lexical import LexicalIndex
    from ragcli.index.reader import Generation
    from ragcli.query.expand.synonyms import Synonyms
    from ragcli.workspace.catalog import Catalog, StoredChunk

_DEFINING_CHUNKS = 30  # chunks with an acronym that are searched for its definition
_MOST_WORDS = 60  # of a chunk, those that may be added: the first of them
_SHARE = 0.5  # a word in more of all chunks than this says nothing


def feedback_expander(
    config: FeedbackConfig,
    lexical: LexicalConfig,
    generation: "Generation",
    allowed: "NDArray[np.int64] | None",
    synonyms: "Callable[[Analysis], Synonyms]",
) -> Expander:
    """An expander over a generation.

    ``synonyms`` gives what finds them; called only where they are wanted.

    Raises:
        IndexStateError: It has no lexical part.
    """
    if generation.lexical is None or lexical.kind == "none":
        raise IndexStateError(
            "the index has no lexical part, from which query.expand.kind feedback takes its words",
            hint="--set query.expand.kind=none, or configure index.lexical and run ragcli index",
        )
    analysis = Analysis(lexical.language, lexical.stop_words)
    if config.synonyms and generation.manifest.embedder is None:
        raise IndexStateError(
            "query.expand.synonyms compares vectors of words, and the index has none",
            hint="set it to 0, or configure index.embedder and run ragcli index",
        )
    near = synonyms(analysis) if config.synonyms else None
    return FeedbackExpander(config, generation.lexical, generation.catalog, analysis, allowed, near)


class FeedbackExpander:
    """See ``Expander``.

    Args:
        config: The settings.
        index: Finds the chunks whose words are taken.
        catalog: Has their texts.
        analysis: That of the index.
        allowed: Chunk rows that may be looked at; all unless given.
        synonyms: Finds words of like meaning; without, none are added.
    """

    def __init__(
        self,
        config: FeedbackConfig,
        index: "LexicalIndex",
        catalog: "Catalog",
        analysis: Analysis,
        allowed: "NDArray[np.int64] | None" = None,
        synonyms: "Synonyms | None" = None,
    ) -> None:
        self._config = config
        self._index = index
        self._catalog = catalog
        self._analysis = analysis
        self._allowed = allowed
        self._synonyms = synonyms

    def expand(self, questions: Sequence[str]) -> list[list[Variation]]:
        """See ``Expander``."""
        return [distinct(question, self._others(question), self._config.variations) for question in questions]

    def close(self) -> None:
        """See ``Expander``."""

    def _others(self, question: str) -> list[Variation]:
        scored = self._chunks(question, self._config.chunks)
        return [
            *self._spelt_out(question, scored),
            *self._with_synonyms(question),
            *self._with_words(question, scored),
        ]

    def _chunks(self, text: str, count: int) -> "list[tuple[float, StoredChunk]]":
        """The best chunks by words, with their scores; ties in the order of rows."""
        scores, rows = self._index.search(text, count, self._allowed)
        stored = self._catalog.chunks(rows.tolist())
        return [(score, stored[row]) for score, row in zip(scores.tolist(), rows.tolist(), strict=True)]

    def _spelt_out(self, question: str, scored: "Sequence[tuple[float, StoredChunk]]") -> Iterator[Variation]:
        weight = self._config.weight
        for short in acronyms_in(question):
            for _, chunk in self._chunks(short, _DEFINING_CHUNKS):
                long = next((long for found, long in definitions(chunk.text) if found.removesuffix("s") == short), "")
                if long:
                    text = re.sub(rf"\b{re.escape(short)}(?=s?\b)", long.replace("\\", r"\\"), question)
                    yield Variation(text, f"{short} is {long} in {chunk.document}", weight)
                    break
        for _, chunk in scored:
            for short, long in definitions(chunk.text):
                place = question.casefold().find(long.casefold())
                if place >= 0 and short not in question:
                    text = question[:place] + short + question[place + len(long) :]
                    yield Variation(text, f"{long} is {short} in {chunk.document}", weight)

    def _with_synonyms(self, question: str) -> Iterator[Variation]:
        found = [] if self._synonyms is None else self._synonyms.of(question, self._config.synonyms)
        if found:
            text = " ".join([question, *(one.word for one in found)])
            origin = ", ".join(f"{one.word} like {one.of}" for one in found)
            yield Variation(text, origin, self._config.weight, "lexical")

    def _with_words(self, question: str, scored: "Sequence[tuple[float, StoredChunk]]") -> Iterator[Variation]:
        asked = set(self._analysis.question(question).terms) | set(self._analysis.terms(question))
        best = scored[0][0] if scored else 1.0
        pooled: dict[str, float] = defaultdict(float)
        own: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        spelling: dict[str, str] = {}
        for score, chunk in scored:
            for term, part in self._shares(chunk.text, asked, spelling).items():
                pooled[term] += part * math.exp(score - best)
                own[chunk.document][term] += part
        rarity = self._rarity([*pooled])
        for origin, counts in [("words of the best chunks", pooled), *((f"words of {d}", c) for d, c in own.items())]:
            values = {term: value * rarity[term] for term, value in counts.items() if rarity[term] > 0}
            chosen = sorted(values, key=lambda term: (-values[term], term))[: self._config.terms]
            if chosen:
                text = " ".join([question, *(spelling[term] for term in chosen)])
                yield Variation(text, origin, self._config.weight, "lexical")

    def _shares(self, text: str, asked: set[str], spelling: dict[str, str]) -> dict[str, float]:
        """Terms of a text with their share of it, but those of the question; each one's spelling is noted."""
        counts: Counter[str] = Counter()
        for term, word in self._analysis.words(text):
            if term not in asked and WORD.fullmatch(word) and (term in counts or len(counts) < _MOST_WORDS):
                counts[term] += 1
                spelling.setdefault(term, word.lower() if word.istitle() else word)
        total = sum(counts.values())
        return {term: count / total for term, count in counts.items()}

    def _rarity(self, terms: Sequence[str]) -> dict[str, float]:
        """BM25's idf; 0 for a term that most chunks have."""
        total = len(self._index)
        return {
            term: math.log(1 + (total - count + 0.5) / (count + 0.5)) if count <= max(1, _SHARE * total) else 0.0
            for term, count in zip(terms, self._index.chunk_counts(terms), strict=True)
        }
