"""Lists of documents that came from elsewhere, reranked: JSONL with texts, or a TREC run of indexed documents."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ragcli.errors import DataError
from ragcli.query.rerank import Scorer, combined
from ragcli.records import JsonValue, Query
from ragcli.workspace.filter_sql import chunk_rows_by_name

if TYPE_CHECKING:
    from ragcli.index.reader import Generation

_HINT = 'one {"query": "...", "documents": ["...", {"id": "d2", "text": "..."}]} a line, or a TREC run with --questions'
_QUESTION_FIELDS = ("query", "question")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document of a list.

    Attributes:
        name: Its id; its ordinal from 0 where it has none.
        texts: What is scored; the best one counts.
        score: What retrieval gave it.
    """

    name: str
    texts: tuple[str, ...]
    score: float


@dataclass(frozen=True, slots=True)
class CandidateList:
    """A question and its documents, best first."""

    query: Query
    documents: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A document in its new place: its ordinal in the list as it came, from 0, and its new score."""

    index: int
    score: float


@dataclass(frozen=True, slots=True)
class RerankedList:
    """A list in its new order.

    Attributes:
        late: Whether the time limit was over, so that the old order stands.
    """

    source: CandidateList
    placed: tuple[Placed, ...]
    late: bool


def rerank_lists(
    scorer: Scorer, lists: Sequence[CandidateList], candidates: int, first_stage_weight: float
) -> list[RerankedList]:
    """Lists in their new order, scored together; documents behind the candidates stay behind them, in their order."""
    heads = [own.documents[:candidates] for own in lists]
    pairs = [
        [(own.query.text, text) for document in head for text in document.texts]
        for own, head in zip(lists, heads, strict=True)
    ]
    result = []
    for own, head, scores in zip(lists, heads, scorer.score(pairs), strict=True):
        if scores is None:
            stays = tuple(Placed(place, document.score) for place, document in enumerate(own.documents))
            result.append(RerankedList(own, stays, late=True))
        else:
            result.append(RerankedList(own, _placed(own.documents, head, scores, first_stage_weight), late=False))
    return result


def _placed(
    documents: Sequence[Candidate], head: Sequence[Candidate], scores: Sequence[float], weight: float
) -> tuple[Placed, ...]:
    if not head:
        return ()
    left = iter(scores)
    best = [max(next(left) for _ in document.texts) for document in head]
    before = [document.score for document in head]
    values = combined(best, before, weight)
    order = sorted(range(len(head)), key=lambda place: (-values[place], place))
    shift = values[order[-1]] - before[-1]
    tail = (Placed(place, documents[place].score + shift) for place in range(len(head), len(documents)))
    return (*(Placed(place, values[place]) for place in order), *tail)


def read_lists(lines: Iterable[tuple[int, str]], source: str) -> Iterator[CandidateList]:
    """Lists from lines of JSON; blank ones are left out.

    Args:
        lines: Their numbers and texts.
        source: Of the lines, for messages.

    Raises:
        DataError: A line is malformed.
    """
    for number, line in lines:
        if not line.strip():
            continue
        where = f"{source}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: not JSON: {error}", hint=_HINT) from error
        yield _list(record, where, number)


def _list(record: Any, where: str, number: int) -> CandidateList:
    fields = record if isinstance(record, dict) else {}
    text = next((fields[name] for name in _QUESTION_FIELDS if name in fields), None)
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: a list needs a question in {' or '.join(_QUESTION_FIELDS)}", hint=_HINT)
    documents = fields.get("documents")
    if not isinstance(documents, list):
        raise DataError(f"{where}: a list needs documents", hint=_HINT)
    identity = fields.get("id", number)
    if isinstance(identity, bool) or not isinstance(identity, str | int):
        raise DataError(f"{where}: an id must be text or a number", hint=_HINT)
    found = tuple(_candidate(one, place, where) for place, one in enumerate(documents))
    return CandidateList(Query(str(identity), text), found)


def _candidate(document: JsonValue, place: int, where: str) -> Candidate:
    fields: Mapping[str, Any] = document if isinstance(document, dict) else {"text": document}
    text, score = fields.get("text"), fields.get("score", -place)
    if not isinstance(text, str):
        raise DataError(f"{where}: document {place} has no text", hint=_HINT)
    if isinstance(score, bool) or not isinstance(score, int | float):
        raise DataError(f"{where}: document {place} has a score that is no number", hint=_HINT)
    return Candidate(str(fields.get("id", place)), (text,), float(score))


def read_run(
    lines: Iterable[tuple[int, str]], source: str, questions: Sequence[Query], generation: "Generation"
) -> list[CandidateList]:
    """Lists from a TREC run, in the order of its queries; a document's texts are its chunks.

    Args:
        lines: Their numbers and texts.
        source: Of the lines, for messages.
        questions: Texts of the queries.
        generation: Has the documents.

    Raises:
        DataError: A line is malformed, or a question or document is unknown.
    """
    found: dict[str, dict[str, float]] = {}
    for number, line in lines:
        if line.strip():
            query, document, score = _fields(line, f"{source}:{number}")
            if document in found.setdefault(query, {}):
                raise DataError(f"{source}:{number}: document {document!r} occurs twice for query {query!r}")
            found[query][document] = score
    asked = {query.id: query for query in questions}
    unknown = [query for query in found if query not in asked]
    if unknown:
        raise DataError(f"--questions has no question {unknown[0]!r}", hint="give the questions that the run is of")
    texts = _texts(sorted({name for documents in found.values() for name in documents}), generation)
    return [
        CandidateList(
            asked[query],
            tuple(
                Candidate(name, texts[name], score)
                for name, score in sorted(documents.items(), key=lambda one: -one[1])
            ),
        )
        for query, documents in found.items()
    ]


def _fields(line: str, where: str) -> tuple[str, str, float]:
    fields = line.split()
    try:
        query, _, document, _, score, _ = fields
        return query, document, float(score)
    except ValueError as error:
        raise DataError(f"{where}: expected 'query Q0 document rank score tag'", hint=_HINT) from error


def _texts(names: Sequence[str], generation: "Generation") -> dict[str, tuple[str, ...]]:
    """Embedded texts of the chunks of documents, by name as the run has it: white space may be percent-encoded."""
    alive = set(generation.chunk_rows.tolist())
    rows = chunk_rows_by_name(generation.catalog, list({*names, *map(unquote, names)}))
    own = {name: [row for row in rows.get(name) or rows.get(unquote(name), []) if row in alive] for name in names}
    unknown = [name for name, there in own.items() if not there]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(names)} documents of the run are not in the index, such as {unknown[0]!r}",
            hint="rerank a run of this index",
        )
    wanted = sorted({row for there in own.values() for row in there})
    texts = {one.row: one.embedded_text for one in generation.catalog.index_texts(wanted)}
    return {name: tuple(texts[row] for row in there) for name, there in own.items()}
