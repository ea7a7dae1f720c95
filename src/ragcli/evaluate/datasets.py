"""Test sets: questions with judgements on documents."""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ragcli.errors import DataError
from ragcli.records import Query


@dataclass(frozen=True, slots=True)
class Dataset:
    """Questions and what is relevant to them.

    Attributes:
        queries: All questions, judged or not, in file order.
        qrels: Query id -> document name -> grade; only queries that have judgements.
        fingerprint: Digest of questions and judgements.
    """

    name: str
    queries: tuple[Query, ...]
    qrels: Mapping[str, Mapping[str, int]]
    fingerprint: str

    @property
    def judged(self) -> tuple[Query, ...]:
        """The questions that have judgements."""
        return tuple(query for query in self.queries if query.id in self.qrels)


def load_dataset(path: Path, split: str = "test") -> Dataset:
    """Read a BEIR folder, or ``queries.jsonl`` with a ``relevant`` field (a folder that holds it, or the file).

    Args:
        path: Folder or file.
        split: Which ``qrels/<split>.tsv`` of a BEIR folder.

    Raises:
        DataError: Something is missing or malformed; the message names file and line.
    """
    file = path / "queries.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"no dataset at {path}: there is no {file.name}", hint="see docs/formats.md for the layouts")
    records = [(line, record, _query(file, line, record)) for line, record in _json_lines(file)]
    queries = tuple(query for _, _, query in records)
    if len({query.id for query in queries}) != len(queries):
        raise DataError(f"{file}: {_first_duplicate(queries)!r} is the id of two questions")
    folder = file.parent / "qrels"
    if folder.is_dir():
        qrels = _read_qrels(folder, split)
    else:
        qrels = {query.id: _relevant(file, line, record) for line, record, query in records}
        qrels = {query: grades for query, grades in qrels.items() if grades}
    if not qrels.keys() & {query.id for query in queries}:
        raise DataError(f"{path}: none of the {len(queries)} questions has judgements")
    return Dataset(path.name, queries, qrels, _fingerprint(queries, qrels))


def _json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise DataError(f"{file}:{number}: not JSON: {error}") from error
            if not isinstance(record, dict):
                raise DataError(f"{file}:{number}: a question must be a JSON object")
            yield number, record


def _query(file: Path, line: int, record: Mapping[str, Any]) -> Query:
    name = record.get("_id", record.get("id"))
    text = record.get("text", record.get("question"))
    if not isinstance(name, str | int) or not isinstance(text, str) or not text.strip():
        raise DataError(f"{file}:{line}: a question needs an id (id or _id) and a text (question or text)")
    return Query(str(name), text)


def _relevant(file: Path, line: int, record: Mapping[str, Any]) -> dict[str, int]:
    relevant = record.get("relevant", {})
    if isinstance(relevant, list):
        relevant = dict.fromkeys(relevant, 1)
    if not isinstance(relevant, dict) or not all(type(grade) is int for grade in relevant.values()):
        raise DataError(f"{file}:{line}: relevant must be a list of documents, or an object of whole-number grades")
    return {str(document): grade for document, grade in relevant.items()}


def _read_qrels(folder: Path, split: str) -> dict[str, dict[str, int]]:
    file = folder / f"{split}.tsv"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.tsv"))) or "none"
        raise DataError(f"there is no split {split!r} in {folder}; there are: {known}", hint="--split NAME")
    qrels: dict[str, dict[str, int]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.reader(lines, delimiter="\t"), 1):
            if number == 1 and row[-1:] == ["score"]:
                continue
            try:
                query, document, grade = row
                qrels.setdefault(query, {})[document] = int(grade)
            except ValueError as error:
                raise DataError(f"{file}:{number}: expected query-id, corpus-id and a whole-number score") from error
    return qrels


def _first_duplicate(queries: tuple[Query, ...]) -> str:
    counts = Counter(query.id for query in queries)
    return counts.most_common(1)[0][0]


def _fingerprint(queries: tuple[Query, ...], qrels: Mapping[str, Mapping[str, int]]) -> str:
    content = [[(query.id, query.text) for query in queries], {query: dict(grades) for query, grades in qrels.items()}]
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=8).hexdigest()
