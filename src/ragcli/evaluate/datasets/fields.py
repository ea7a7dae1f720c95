"""The fields of a question as JSONL and CSV have them, checked."""

from collections.abc import Iterator, Mapping
from typing import Any

from ragcli.errors import DataError
from ragcli.evaluate.datasets.raw import Row
from ragcli.evaluate.judgements import Judgement, Span
from ragcli.records import Query


def row_of(where: str, record: Mapping[str, Any]) -> Row:
    """A question from its fields.

    Raises:
        DataError: A field is missing or has the wrong shape.
    """
    name = record.get("_id", record.get("id"))
    text = record.get("text", record.get("question"))
    if not isinstance(name, str | int) or isinstance(name, bool) or not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: a question needs an id (id or _id) and a text (question or text)")
    must_pass = record.get("must_pass", False)
    if not isinstance(must_pass, bool):
        raise DataError(f"{where}: must_pass must be true or false")
    spans = record.get("spans") or []
    if not isinstance(spans, list):
        raise DataError(f"{where}: spans must be a list")
    return Row(
        where,
        Query(str(name), text),
        spans=tuple(_span(where, span) for span in spans),
        answers=_texts(where, "answer", record.get("answer")),
        must_pass=must_pass,
        tags=_texts(where, "tags", record.get("tags")),
    )


def judgements_of(where: str, query: str, relevant: object) -> Iterator[Judgement]:
    """Judgements from a list of documents, or from an object with their grades.

    Raises:
        DataError: It is neither.
    """
    pairs: list[tuple[object, object]]
    if isinstance(relevant, Mapping):
        pairs = list(relevant.items())
    else:
        pairs = [(document, 1) for document in relevant] if isinstance(relevant, list) else [(None, None)]
    for document, grade in pairs:
        if not isinstance(document, str | int) or type(grade) is not int:
            raise DataError(f"{where}: relevant must be a list of documents, or an object of whole-number grades")
        yield Judgement(where, query, str(document), grade)


def _texts(where: str, name: str, value: object) -> tuple[str, ...]:
    texts = [] if value is None else value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) for text in texts):
        raise DataError(f"{where}: {name} must be text or a list of texts")
    return tuple(texts)


def _span(where: str, value: object) -> Span:
    fields = value if isinstance(value, Mapping) else {}
    document, quote = fields.get("document"), fields.get("quote", "")
    start, end = fields.get("start", -1), fields.get("end", -1)
    if not isinstance(document, str) or not isinstance(quote, str) or type(start) is not int or type(end) is not int:
        raise DataError(f'{where}: a span is {{"document", "start", "end"}} or {{"document", "quote"}}')
    if (start, end) != (-1, -1) and not 0 <= start < end:
        raise DataError(f"{where}: a span's offsets must be 0 <= start < end, not {start} and {end}")
    if end < 0 and not quote:
        raise DataError(f"{where}: a span needs offsets (start and end) or a quote")
    return Span(document, start, end, quote)


def span_fields(span: Span) -> dict[str, str | int]:
    """A span as JSON has it."""
    fields: dict[str, str | int] = {"document": span.document}
    if span.end >= 0:
        fields |= {"start": span.start, "end": span.end}
    return fields | ({"quote": span.quote} if span.quote else {})
