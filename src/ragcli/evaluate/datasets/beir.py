"""The BEIR layout: ``queries.jsonl`` and ``qrels/<split>.tsv`` (https://github.com/beir-cellar/beir)."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ragcli.errors import DataError
from ragcli.evaluate.datasets.fields import row_of
from ragcli.evaluate.datasets.jsonl import json_lines, write_text
from ragcli.evaluate.datasets.raw import RawDataset
from ragcli.evaluate.judgements import Dataset, Judgement

_HEADER = ("query-id", "corpus-id", "score")


def read_beir(queries: Path, split: str) -> RawDataset:
    """Questions, and the judgements of one split in the folder ``qrels`` beside them.

    Raises:
        DataError: There is no such split, or a line is malformed.
    """
    folder = queries.parent / "qrels"
    file = folder / f"{split}.tsv"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.tsv"))) or "none"
        raise DataError(f"there is no split {split!r} in {folder}; there are: {known}", hint="--split NAME")
    rows = [row_of(where, record) for where, record in json_lines(queries)]
    return RawDataset(queries.parent.name, rows, list(read_tsv(file)), split)


def read_tsv(file: Path) -> Iterator[Judgement]:
    """Judgements with names that may hold spaces, as BEIR's own reader takes them."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            for number, row in enumerate(csv.reader(lines, delimiter="\t"), 1):
                if row and not (number == 1 and row[-1:] == ["score"]):
                    yield _judgement(f"{file}:{number}", row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read {file}: {error}") from error


def _judgement(where: str, row: list[str]) -> Judgement:
    try:
        query, document, grade = row
        return Judgement(where, query, document, int(grade))
    except ValueError as error:
        raise DataError(f"{where}: expected query-id, corpus-id and a whole-number score") from error


def write_beir(dataset: Dataset, folder: Path, split: str) -> None:
    """Write questions and judgements; the corpus is not part of a dataset here."""
    questions = ({"_id": query.id, "text": query.text} for query in dataset.queries)
    write_text(folder / "queries.jsonl", (json.dumps(record, ensure_ascii=False) + "\n" for record in questions))
    write_text(folder / "qrels" / f"{split}.tsv", _tsv(dataset))


def _tsv(dataset: Dataset) -> Iterator[str]:
    yield _line(_HEADER)
    for query, grades in dataset.judgements.items():
        for document, grade in grades.items():
            yield _line((query, document, str(grade)))


def _line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter="\t", lineterminator="\n").writerow(values)
    return line.getvalue()
