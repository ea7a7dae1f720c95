"""Questions as CSV with named columns: one row a question, or one row a judgement.

``id`` and ``question`` are needed. ``relevant`` holds names divided by ``|``, or the JSON of the JSONL format;
``document`` with an optional ``grade`` holds one judgement, further ones in further rows of the same id. ``spans``
is JSON; ``answer`` and ``tags`` are text or a JSON list; ``must_pass`` is true or false.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ragcli.errors import DataError
from ragcli.evaluate.datasets.fields import judgements_of, row_of
from ragcli.evaluate.datasets.jsonl import records, write_text
from ragcli.evaluate.datasets.raw import RawDataset, Row
from ragcli.evaluate.judgements import Dataset, Judgement

_COLUMNS = ("id", "question", "relevant", "spans", "answer", "must_pass", "tags")
_KNOWN = frozenset({*_COLUMNS, "document", "grade"})
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}


def read_csv(file: Path) -> RawDataset:
    """Questions with their judgements.

    Raises:
        DataError: A column is missing or unknown, or a row is malformed.
    """
    rows: list[Row] = []
    judgements: list[Judgement] = []
    last: Row | None = None
    for where, cells in _rows(file):
        row = row_of(where, _record(where, cells))
        judgements += judgements_of(where, row.query.id, _relevant(where, cells))
        if cells.get("document"):
            judgements.append(_judgement(where, row.query.id, cells))
            if last is not None and row.query == last.query:
                continue
        rows.append(row)
        last = row
    return RawDataset(file.stem, rows, judgements)


def _rows(file: Path) -> Iterator[tuple[str, dict[str, str]]]:
    csv.field_size_limit(2**27)
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            _check_columns(file, reader.fieldnames or ())
            line = reader.line_num + 1
            for cells in reader:
                where, line = f"{file}:{line}", reader.line_num + 1
                if None in cells or None in cells.values():
                    raise DataError(f"{where}: expected {len(reader.fieldnames or ())} columns")
                yield where, cells
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {file}: {error}") from error


def _check_columns(file: Path, names: Sequence[str]) -> None:
    if missing := [name for name in ("id", "question") if name not in names]:
        raise DataError(f"{file}:1: there is no column {missing[0]!r}", hint=f"columns: {', '.join(sorted(_KNOWN))}")
    if unknown := [name for name in names if name not in _KNOWN]:
        raise DataError(f"{file}:1: unknown column {unknown[0]!r}", hint=f"columns: {', '.join(sorted(_KNOWN))}")


def _record(where: str, cells: Mapping[str, str]) -> dict[str, Any]:
    must_pass = _TRUTH.get(cells.get("must_pass", "").strip().lower())
    tags = cells.get("tags", "")
    return {
        "id": cells["id"],
        "question": cells["question"],
        "spans": _json(where, "spans", cells.get("spans") or "[]"),
        "answer": _texts(cells.get("answer", "")),
        "must_pass": "neither" if must_pass is None else must_pass,
        "tags": _texts(tags) if tags.startswith("[") else [tag for tag in tags.split("|") if tag],
    }


def _relevant(where: str, cells: Mapping[str, str]) -> object:
    text = cells.get("relevant", "").strip()
    if text.startswith(("[", "{")):
        return _json(where, "relevant", text)
    return [name for name in text.split("|") if name]


def _judgement(where: str, query: str, cells: Mapping[str, str]) -> Judgement:
    try:
        return Judgement(where, query, cells["document"], int(cells.get("grade") or 1))
    except ValueError as error:
        raise DataError(f"{where}: grade must be a whole number, not {cells['grade']!r}") from error


def _texts(cell: str) -> list[str]:
    """A JSON list of texts, otherwise the cell itself."""
    if cell.startswith("["):
        try:
            found = json.loads(cell)
        except (ValueError, RecursionError):
            return [cell]
        if isinstance(found, list) and all(isinstance(text, str) for text in found):
            return found
    return [cell] if cell else []


def _json(where: str, name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: {name} is not JSON: {error}") from error


def write_csv(dataset: Dataset, file: Path) -> None:
    """Write all of a dataset but judgements of questions that it has not, one row a question."""
    write_text(file, _lines(dataset))


def _lines(dataset: Dataset) -> Iterator[str]:
    yield _line(_COLUMNS)
    for record in records(dataset):
        yield _line([_cell(name, record.get(name, "")) for name in _COLUMNS])


def _cell(name: str, value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps([value], ensure_ascii=False) if name == "answer" and value.startswith("[") else value
        case list() if name == "tags" and not any("|" in tag or tag.startswith("[") or not tag for tag in value):
            return "|".join(value)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(values)
    return line.getvalue()
