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
_NUMBER = re.compile(r"(?:(?:step|part|chapter|section) )?(?:\d+(?:\.\d+)*[.):]?|[A-Z]\.)\s+", re.IGNORECASE)
_STATES = re.compile(r" (?:is|are|was|were|has|had|do|does|did|can|cannot|could|will|stays?|fails?|failed) ")
_LONG = 4
_COMMON = re.compile(
    "about|after|again|also|because|before|been|being|between|both|does|from|have|into|less|more|most|much|must|never"
    "|only|other|over|same|should|since|some|such|than|that|their|them|then|there|these|they|this|those|under|until"
    "|very|were|what|when|where|which|while|will|with|without|would|your"
)


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
        heading = path[-1].strip()
        heading = heading.removeprefix(number[0] if (number := _NUMBER.match(heading)) else "").rstrip(".:#").strip()
        if len(owners[path[-1].casefold()]) > 1 or not _tells(heading):
            continue
        span = _first_quote(passage)
        if span is not None:
            yield Candidate(_of_heading(heading, path[-2] if len(path) > 2 else passage.chunk.title), span, "heading")


def _tells(heading: str) -> bool:
    own = words(heading)
    return 2 <= len(own) <= 14 and not all(map(_GENERIC.fullmatch, own))


def _of_heading(heading: str, above: str) -> str:
    """A question that a heading answers; a short one is asked with what stands above it."""
    own = words(heading)
    if heading.endswith("?") or own[0] in _QUESTION_WORDS:
        return f"{heading.rstrip('?')}?"
    if _STATES.search(heading):
        return f"{heading}: what is known about that?"
    subject = heading.lower() if heading.isupper() else heading
    subject = subject if subject[:2].isupper() else subject[:1].lower() + subject[1:]
    if own[0].endswith("ing"):
        return f"How does {subject} work?"
    where = f" in {above!r}" if len(own) < 3 and above and above != heading else ""
    return f"What is there to know about {subject}{where}?"


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
                if not _is_name(term, passage.text):
                    term = term[:1].lower() + term[1:]
                found[term.casefold()].append(
                    Candidate(f"What {verb} {(match['article'] or '').lower()}{term}?", span, "definition")
                )
    return (own[0] for own in found.values() if len(own) == 1)


def _is_name(term: str, text: str) -> bool:
    """Whether a capital letter belongs to a term, also within a sentence."""
    own = term[1:2].isupper() or any(map(str.isdigit, term))
    return own or re.search(rf"[a-z,] {re.escape(term)}\b", text) is not None


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
            own = _WORD.findall(sentence)
            rare = [
                word
                for word in dict.fromkeys(own)
                if len(word) >= 5 and len(documents[word.lower()]) == 1 and counts[word.lower()] <= 2
            ]
            question = _of_terms(sentence, [word for word in rare if word.lower() not in used])
            span = _quoted(passage, sentence) if question else None
            if question and span is not None:
                used.update(map(str.lower, rare))
                yield Candidate(question, span, "term")


def _of_terms(sentence: str, rare: Sequence[str]) -> str:
    """A question about an identifier, or a rare word and the word beside it; empty when neither is there."""
    marked = [word for word in rare if "/" not in word]
    identifiers = [word for word in marked if any(map(str.isdigit, word)) and any(map(str.isalpha, word))]
    if identifiers:
        return f"What is said about {identifiers[0]}?"
    for word in filter(str.isalpha, marked):
        for pair in (rf"\b{word} ([^\W\d_]+)", rf"\b([^\W\d_]+) {word}\b"):
            beside = re.search(pair, sentence)
            if beside and len(beside[1]) >= _LONG and not _COMMON.fullmatch(beside[1].lower()):
                phrase = beside[0] if beside.start() else beside[0][:1].lower() + beside[0][1:]
                return f"What is said about {phrase}?"
    return ""


def _first_quote(passage: Passage) -> Span | None:
    """The first sentence below a heading that can be quoted."""
    said = (sentence for sentence in sentences(passage) if not sentence.endswith("?"))
    return next((span for sentence in said if (span := _quoted(passage, sentence))), None)


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
