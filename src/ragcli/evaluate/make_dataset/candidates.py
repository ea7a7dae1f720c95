"""Questions without a language model: from headings, from definitions, from terms that stand in one document only."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ragcli.evaluate.judgements import Span
from ragcli.evaluate.make_dataset.passages import Passage, sentences

Kind: TypeAlias = Literal["heading", "definition", "term", "llm"]

_LEAST_QUOTE, _LONGEST_QUOTE = 40, 400
_WORD = re.compile(r"[^\W_]+(?:[-_./][^\W_]+)*")
_DEFINITION = re.compile(
    r"(?P<article>(?:An?|The) )?(?P<term>[^\W\d_][\w-]*(?: [\w-]+){0,3})"
    r" (?P<verb>is|are|means|refers to) (?:an?|the|any|one|all) "
)
_POINTER = re.compile(
    "this|that|these|those|its?|they|there|here|s?he|we|you|i|what|which|who|where|when|how|why|if|as|such|one|each"
    "|every|both|some|any|all|no|none|another|other|following|above|below|first|second|last|next|same"
)
_QUESTION_WORDS = ("how", "what", "when", "where", "which", "who", "why", "can", "do", "does", "is", "are", "should")
_GENERIC = re.compile(
    "introduction|overview|summary|examples?|notes?|see|also|contents|references?|background|usage|conclusion|details"
    "|appendix|changelog|license|installation|description|general|parameters|and|the"
)
_NUMBER = re.compile(r"(?:\d+(?:\.\d+)*[.)]?|[A-Z]\.)\s+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A question that could be asked, with the text that answers it."""

    question: str
    span: Span
    kind: Kind


def offline_candidates(passages: Sequence[Passage]) -> list[Candidate]:
    """Everything that could be asked, in catalog order: only headings, definitions and terms that are unique."""
    return [*_headings(passages), *_definitions(passages), *_terms(passages)]


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def _headings(passages: Sequence[Passage]) -> Iterator[Candidate]:
    first: dict[tuple[str, ...], Passage] = {}
    owners: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for passage in passages:
        headings = passage.chunk.headings
        if headings:
            first.setdefault((passage.chunk.document, *headings), passage)
            owners[headings[-1].casefold()].add((passage.chunk.document, *headings))
    for path, passage in first.items():
        heading = _NUMBER.sub("", path[-1].strip(), count=1).rstrip(".:#").strip()
        if len(owners[path[-1].casefold()]) > 1 or not _tells(heading):
            continue
        span = _first_quote(passage)
        if span is not None:
            yield Candidate(_of_heading(heading), span, "heading")


def _tells(heading: str) -> bool:
    own = words(heading)
    return 2 <= len(own) <= 14 and not all(map(_GENERIC.fullmatch, own))


def _of_heading(heading: str) -> str:
    own = words(heading)
    if heading.endswith("?") or own[0] in _QUESTION_WORDS:
        return f"{heading.rstrip('?')}?"
    subject = heading if heading[:2].isupper() else heading[:1].lower() + heading[1:]
    return f"How does {subject} work?" if own[0].endswith("ing") else f"What is there to know about {subject}?"


def _definitions(passages: Sequence[Passage]) -> Iterator[Candidate]:
    found: dict[str, list[Candidate]] = defaultdict(list)
    for passage in passages:
        for sentence in sentences(passage):
            match = _DEFINITION.match(sentence)
            if match is None or _POINTER.fullmatch(words(match["term"])[0]):
                continue
            span = _quoted(passage, sentence)
            if span is not None:
                verb = "are" if match["verb"] == "are" else "is"
                term = match["term"]
                term = term if term[1:2].isupper() or any(map(str.isdigit, term)) else term[:1].lower() + term[1:]
                found[term.casefold()].append(
                    Candidate(f"What {verb} {(match['article'] or '').lower()}{term}?", span, "definition")
                )
    return (own[0] for own in found.values() if len(own) == 1)


def _terms(passages: Sequence[Passage]) -> Iterator[Candidate]:
    documents: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for passage in passages:
        own = words(passage.chunk.text)
        counts.update(own)
        for word in set(own):
            documents[word].add(passage.chunk.document)
    used: set[str] = set()
    for passage in passages:
        for sentence in sentences(passage):
            if "](" in sentence:
                continue  # the words of a link's address are no words of a question
            rare = [
                word
                for word in dict.fromkeys(_WORD.findall(sentence))
                if len(word) >= 5 and len(documents[word.lower()]) == 1 and counts[word.lower()] <= 2
            ]
            question = _of_terms([word for word in rare if word.lower() not in used])
            span = _quoted(passage, sentence) if question else None
            if question and span is not None:
                used.update(map(str.lower, rare))
                yield Candidate(question, span, "term")


def _of_terms(rare: Sequence[str]) -> str:
    """An identifier by itself, or two rare words together; empty when neither is there."""
    marked = [word for word in rare if "/" not in word]
    identifiers = [word for word in marked if any(map(str.isdigit, word)) and any(map(str.isalpha, word))]
    if identifiers:
        return f"What is said about {identifiers[0]}?"
    plain = [word for word in rare if word.isalpha()]
    return f"What is said about {plain[0]} and {plain[1]}?" if len(plain) >= 2 else ""


def _first_quote(passage: Passage) -> Span | None:
    """The first sentence below a heading that can be quoted."""
    return next((span for sentence in sentences(passage) if (span := _quoted(passage, sentence))), None)


def _quoted(passage: Passage, sentence: str) -> Span | None:
    return passage.span(sentence) if _LEAST_QUOTE <= len(sentence) <= _LONGEST_QUOTE else None


def distinct(candidates: Iterable[Candidate], known: Iterable[str] = ()) -> Iterator[Candidate]:
    """Leave out what asks nearly the same as one before (four of five words shared), or quotes the same text.

    Args:
        candidates: In order of preference.
        known: Questions that there are already.
    """
    asked: dict[str, set[frozenset[str]]] = defaultdict(set)  # by word, so that not every pair is compared
    quotes: set[tuple[str, int]] = set()

    def add(bag: frozenset[str]) -> None:
        for word in bag:
            asked[word].add(bag)

    for question in known:
        add(frozenset(words(question)))
    for candidate in candidates:
        bag = frozenset(words(candidate.question))
        place = (candidate.span.document, candidate.span.start)
        others = {one for word in bag for one in asked[word]}
        if place in quotes or not bag or any(len(bag & one) >= 0.8 * len(bag | one) for one in others):
            continue
        quotes.add(place)
        add(bag)
        yield candidate
