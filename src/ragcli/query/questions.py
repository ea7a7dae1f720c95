"""Questions from files and lines."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ragcli.errors import DataError
from ragcli.records import Query

_TEXT_FIELDS = ("question", "text", "query")
_ID_FIELDS = ("id", "_id")
_HINT = 'give a file of questions: one a line, or in a .jsonl file one {"id": "q1", "question": "..."} a line'
_MAX_BYTES = 256 * 2**20


def read_questions(file: Path) -> list[Query]:
    """All questions of a file: JSONL if its name ends so, otherwise one a line; blank lines are left out.

    Raises:
        DataError: The file cannot be read, holds no question or one id twice, or a line is malformed.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"cannot read the questions in {file}: {error.strerror or error}", hint=_HINT) from error
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file}:{line}: the questions are not UTF-8 text", hint="save the file as UTF-8") from error
    if len(data) > _MAX_BYTES:
        raise DataError(f"{file} is larger than {_MAX_BYTES:,} bytes", hint="ask in several files, or through -")
    jsonl = file.suffix.lower() in {".jsonl", ".ndjson"}
    queries = list(_records(file, lines) if jsonl else numbered(lines))
    if not queries:
        raise DataError(f"{file} holds no question", hint=_HINT)
    seen: set[str] = set()
    for query in queries:
        if query.id in seen:
            raise DataError(f"{file}: {query.id!r} is the id of two questions", hint="give every question its own id")
        seen.add(query.id)
    return queries


def numbered(lines: Iterable[str]) -> Iterator[Query]:
    """A question a line, called by its number from 1; blank lines are left out and not counted."""
    texts = (line.strip() for line in lines)
    for number, text in enumerate(filter(None, texts), 1):
        yield Query(str(number), text)


def _records(file: Path, lines: Iterable[str]) -> Iterator[Query]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{file}:{number}: not JSON: {error}", hint=_HINT) from error
        yield _query(f"{file}:{number}", record)


def _query(where: str, record: Any) -> Query:
    fields = record if isinstance(record, dict) else {}
    text = next((fields[name] for name in _TEXT_FIELDS if name in fields), None)
    identity = next((fields[name] for name in _ID_FIELDS if name in fields), None)
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: a question needs a text in one of {', '.join(_TEXT_FIELDS)}", hint=_HINT)
    if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
        raise DataError(f"{where}: a question needs an id in one of {', '.join(_ID_FIELDS)}", hint=_HINT)
    return Query(str(identity), text.strip())
