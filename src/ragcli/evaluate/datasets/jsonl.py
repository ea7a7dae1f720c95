"""Questions as JSONL: ``{"id", "question", "relevant", "spans", "answer", "must_pass", "tags"}``."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ragcli.errors import DataError
from ragcli.evaluate.datasets.fields import judgements_of, row_of, span_fields
from ragcli.evaluate.datasets.raw import RawDataset, Row
from ragcli.evaluate.judgements import Dataset, Judgement


def json_lines(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a file, each with file and line.

    Raises:
        DataError: The file cannot be read, or a line is no JSON object.
    """
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{file}:{number}", _object(f"{file}:{number}", line)
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from error


def _object(where: str, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not JSON: {error}") from error
    if not isinstance(record, dict):
        raise DataError(f"{where}: a question must be a JSON object")
    return record


def read_jsonl(file: Path, name: str) -> RawDataset:
    """Questions with their judgements."""
    rows: list[Row] = []
    judgements: list[Judgement] = []
    for where, record in json_lines(file):
        row = row_of(where, record)
        rows.append(row)
        judgements += judgements_of(where, row.query.id, record.get("relevant", {}))
    return RawDataset(name, rows, judgements)


def write_jsonl(dataset: Dataset, file: Path) -> None:
    """Write all of a dataset but judgements of questions that it has not."""
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records(dataset))
    write_text(file, lines)


def records(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """Each question as an object; fields without a value are left out."""
    for query in dataset.queries:
        answers = dataset.answers.get(query.id, ())
        fields = {
            "id": query.id,
            "question": query.text,
            "relevant": dict(dataset.qrels.get(query.id, {})),
            "spans": [span_fields(span) for span in dataset.spans.get(query.id, ())],
            "answer": answers[0] if len(answers) == 1 else list(answers),
            "must_pass": query.id in dataset.must_pass,
            "tags": list(dataset.tags.get(query.id, ())),
        }
        yield {key: value for key, value in fields.items() if value or key in {"id", "question"}}


def write_text(file: Path, lines: Iterable[str]) -> None:
    """Write a text file with its folder.

    Raises:
        DataError: It cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as out:
            out.writelines(lines)
    except (OSError, UnicodeEncodeError) as error:
        raise DataError(f"cannot write {file}: {error}") from error
