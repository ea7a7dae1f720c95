"""Look a dataset over: what contradicts itself, points nowhere, or says nothing."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ragcli.errors import DataError
from ragcli.evaluate.datasets.raw import RawDataset, Row, gathered
from ragcli.evaluate.judgements import Dataset, Judgement, Span
from ragcli.evaluate.spans import Found
from ragcli.evaluate.texts import Text, Texts
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

Kind: TypeAlias = Literal[
    "duplicate_question", "duplicate_judgement", "conflicting_judgement", "unknown_question", "unjudged_question",
    "unknown_document", "empty_reference", "quote_missing", "quote_ambiguous", "quote_moved", "span_outside",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault.

    Attributes:
        where: File and line.
        message: What is wrong, in one sentence.
    """

    kind: Kind
    where: str
    query: str
    message: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found.

    Attributes:
        checked_documents: Whether names and quotes were looked up in the catalog.
        unanswerable: Questions with a reference answer and no judgements: taken for ones that the documents do not
            answer, which is no fault.
    """

    dataset: str
    questions: int
    judgements: int
    spans: int
    checked_documents: bool
    unanswerable: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass
class _Clean:
    """What is left of a dataset once its faults are taken out."""

    rows: dict[str, Row] = field(default_factory=dict)
    qrels: dict[str, dict[str, int]] = field(default_factory=dict)


def validate(raw: RawDataset, texts: Texts | None = None) -> tuple[Validation, Dataset]:
    """Find the faults of a dataset, and make a copy without them.

    The copy leaves out second questions of an id, judgements of unknown questions or documents, spans that are nowhere
    or in more than one place, empty references, and questions that lost their judgements, or have neither judgements
    nor an answer. Of two grades the higher is kept; a span's offsets become those of its quote.

    Args:
        raw: What the files say.
        texts: Texts of the documents; None where there is no catalog to look into.
    """
    clean = _Clean()
    judged = {judgement.query for judgement in raw.judgements} | {row.query.id for row in raw.rows if row.spans}
    unanswerable = {row.query.id for row in raw.rows if any(map(str.strip, row.answers))} - judged
    problems = [
        *_questions(raw, clean, texts),
        *_judgements(raw, clean, texts),
        *_unjudged(clean, unanswerable),
    ]
    validation = Validation(
        raw.name,
        len(raw.rows),
        len(raw.judgements),
        sum(len(row.spans) for row in raw.rows),
        texts is not None,
        len(unanswerable),
        tuple(problems),
    )
    return validation, gathered(raw.name, clean.rows.values(), clean.qrels)


def validate_in(workspace: Workspace, raw: RawDataset) -> tuple[Validation, Dataset]:
    """``validate`` with the live documents of a workspace, where it has a catalog."""
    if not workspace.catalog.exists():
        return validate(raw)
    with Catalog(workspace.catalog, readonly=True) as catalog:
        return validate(raw, Texts(catalog, lambda version: version.live))


def cleaned(validation: Validation, dataset: Dataset) -> Dataset:
    """The clean copy, if anything is left of it.

    Raises:
        DataError: Nothing is.
    """
    if not dataset.judged:
        raise DataError(f"{validation.dataset}: no question with sound judgements is left")
    return dataset


def _questions(raw: RawDataset, clean: _Clean, texts: Texts | None) -> Iterator[Problem]:
    for row in raw.rows:
        query = row.query.id
        if query in clean.rows:
            yield Problem("duplicate_question", row.where, query, f"{query!r} is the id of an earlier question too")
            continue
        if empty := sum(not answer.strip() for answer in row.answers):
            yield Problem("empty_reference", row.where, query, f"{empty} of its reference answers are empty")
        spans: dict[Span, None] = {}
        for span in row.spans:
            kept, problem = _span(row, span, texts)
            if problem is not None:
                yield problem
            if kept in spans:
                message = f"a span of {span.document!r} is there twice"
                yield Problem("duplicate_judgement", row.where, query, message)
            elif kept is not None:
                spans[kept] = None
        clean.rows[query] = replace(row, spans=tuple(spans))


def _span(row: Row, span: Span, texts: Texts | None) -> tuple[Span | None, Problem | None]:
    """The span as it is kept, if it is, and what is wrong with it."""
    if texts is None:
        return span, None
    place = texts.locate(span)
    if place is None:
        message = f"there is no document {span.document!r}"
        return None, Problem("unknown_document", row.where, row.query.id, message)
    text, found = place
    if found.problem is None:
        exact = replace(span, start=found.start, end=found.end, quote=text.text[found.start : found.end])
        return (exact if span.quote else span), None
    return _faulty(row, span, text, found)


def _faulty(row: Row, span: Span, text: Text, found: Found) -> tuple[Span | None, Problem]:
    kept, shown = None, f"{span.quote[:60]!r}" if span.quote else f"{span.start} to {span.end}"
    kind: Kind
    match found.problem:
        case "ambiguous":
            kind, message = "quote_ambiguous", f"{shown} is in {span.document!r} more than once: give offsets"
        case "changed":
            kept = replace(span, start=found.start, end=found.end, quote=text.text[found.start : found.end])
            kind, message = "quote_moved", f"{shown} is at {found.start}, not {span.start}, of {span.document!r}"
        case "outside":
            size = len(text.text)
            kind, message = "span_outside", f"{shown} is beyond the {size} characters of {span.document!r}"
        case _:
            kind, message = "quote_missing", f"{shown} is nowhere in {span.document!r}"
    return kept, Problem(kind, row.where, row.query.id, message)


def _judgements(raw: RawDataset, clean: _Clean, texts: Texts | None) -> Iterator[Problem]:
    for judgement in raw.judgements:
        query, document = judgement.query, judgement.document
        if query not in clean.rows:
            message = f"no question has the id {query!r}"
            yield Problem("unknown_question", judgement.where, query, message)
            continue
        if texts is not None and not texts.of(document) and not texts.has_chunk(document):
            message = f"there is no document {document!r}"
            yield Problem("unknown_document", judgement.where, query, message)
            continue
        grades = clean.qrels.setdefault(query, {})
        if document in grades:
            yield _twice(judgement, grades[document])
        grades[document] = max(judgement.grade, grades.get(document, judgement.grade))


def _twice(judgement: Judgement, grade: int) -> Problem:
    """A document that is judged for the second time."""
    if grade == judgement.grade:
        message = f"{judgement.document!r} is judged twice"
        return Problem("duplicate_judgement", judgement.where, judgement.query, message)
    message = f"{judgement.document!r} is judged {grade} and {judgement.grade}"
    return Problem("conflicting_judgement", judgement.where, judgement.query, message)


def _unjudged(clean: _Clean, unanswerable: Collection[str]) -> Iterator[Problem]:
    for query, row in list(clean.rows.items()):
        if query not in unanswerable and not clean.qrels.get(query) and not row.spans:
            clean.rows.pop(query)
            yield Problem("unjudged_question", row.where, query, "it has no judgements")
