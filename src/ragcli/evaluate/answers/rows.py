"""Answers to be scored, from a JSONL file.

A line holds ``{"id", "question", "answer", "reference" | "references", "contexts", "citations", "error"}``. Only
``answer`` is needed; a line with ``error`` instead is a failed row. Names that other tools give these fields
(``response``, ``ground_truth``, ``user_input``, ``retrieved_contexts`` ...) are understood.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragcli.errors import DataError
from ragcli.evaluate.datasets.jsonl import json_lines

_NAMES: dict[str, tuple[str, ...]] = {
    "id": ("id", "query_id"),
    "question": ("question", "query", "user_input"),
    "answer": ("answer", "response", "prediction"),
    "references": ("references", "reference", "ground_truth", "ground_truths"),
    "contexts": ("contexts", "context", "retrieved_contexts"),
}


@dataclass(frozen=True, slots=True)
class Citation:
    """What an answer rests on.

    Attributes:
        document: The document, by the name that judgements use.
        start: Offsets in characters, half open; -1 where the whole document is cited.
        chunk_id: The cited chunk, where it is known.
    """

    document: str
    start: int = -1
    end: int = -1
    chunk_id: str = ""


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer.

    Attributes:
        references: What it should say; the best match counts.
        contexts: The retrieved texts it was made from.
        failure: Why there is no answer; such a row is never averaged.
    """

    id: str
    answer: str
    question: str = ""
    references: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    citations: tuple[Citation, ...] = ()
    failure: str = ""


def read_answers(file: Path) -> tuple[AnswerRow, ...]:
    """Read a JSONL file of answers; a row without an id is called by its ordinal, from 1.

    Raises:
        DataError: It cannot be read, holds no answers, or a line is malformed or has the id of an earlier one.
    """
    seen: dict[str, str] = {}
    rows: list[AnswerRow] = []
    for where, record in json_lines(file):
        row = _row(where, record, len(rows) + 1)
        if row.id in seen:
            raise DataError(f"{where}: {row.id!r} is the id of {seen[row.id]} too")
        seen[row.id] = where
        rows.append(row)
    if not rows:
        raise DataError(f"{file} holds no answers")
    return tuple(rows)


def _row(where: str, record: Mapping[str, Any], ordinal: int) -> AnswerRow:
    identity = _field(where, record, "id")
    if isinstance(identity, bool) or not isinstance(identity, str | int | None):
        raise DataError(f"{where}: id must be a text or a whole number")
    failure = _text(where, "error", record.get("error"))
    answer = _field(where, record, "answer")
    if answer is None and not failure:
        raise DataError(f"{where}: there is no answer", hint='a row that failed has {"error": "why"}')
    return AnswerRow(
        id=str(ordinal) if identity in {None, ""} else str(identity),
        answer=_text(where, "answer", answer),
        question=_text(where, "question", _field(where, record, "question")),
        references=tuple(filter(str.strip, _texts(where, "references", _field(where, record, "references")))),
        contexts=_texts(where, "contexts", _field(where, record, "contexts")),
        citations=_citations(where, record.get("citations")),
        failure=failure,
    )


def _field(where: str, record: Mapping[str, Any], name: str) -> Any:  # JSON from a stranger
    given = [alias for alias in _NAMES[name] if record.get(alias) is not None]
    if len(given) > 1:
        raise DataError(f"{where}: {given[0]} and {given[1]} say the same thing twice")
    return record[given[0]] if given else None


def _text(where: str, name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{where}: {name} must be a text, not {_kind(value)}")
    return value


def _texts(where: str, name: str, value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [] if value is None else [value]
    texts: list[str] = []
    for item in items:
        text = item.get("text") if isinstance(item, dict) else item
        if not isinstance(text, str):
            raise DataError(f"{where}: {name} must be texts; number {len(texts) + 1} is {_kind(text)}")
        texts.append(text)
    return tuple(texts)


def _citations(where: str, value: object) -> tuple[Citation, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise DataError(f"{where}: citations must be a list, not {_kind(value)}")
    return tuple(_citation(f"{where}: citation {number}", item) for number, item in enumerate(value, 1))


def _citation(where: str, item: object) -> Citation:
    if isinstance(item, str) and item:
        return Citation(item)
    if not isinstance(item, dict):
        raise DataError(f"{where} must be an object or a document's name, not {_kind(item)}")
    document, chunk = _text(where, "document", item.get("document")), _text(where, "chunk_id", item.get("chunk_id"))
    if not document and not chunk:
        raise DataError(f"{where} names neither a document nor a chunk_id")
    start, end = item.get("start"), item.get("end")
    if start is None and end is None:
        return Citation(document, chunk_id=chunk)
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        raise DataError(f"{where}: start and end must be whole numbers with 0 <= start < end")
    return Citation(document, start, end, chunk)


def _kind(value: object) -> str:
    names = {"NoneType": "null", "dict": "an object", "list": "a list", "str": "a text", "bool": "true or false"}
    return names.get(type(value).__name__, "a number")
