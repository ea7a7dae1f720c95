"""What a dataset's files say before anything is refused: to be loaded strictly, or looked over for faults."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ragcli.errors import DataError
from ragcli.evaluate.judgements import Dataset, Judgement, Span
from ragcli.records import Query


@dataclass(frozen=True, slots=True)
class Row:
    """One question as it stands in a file.

    Attributes:
        where: File and line.
        answers: Reference answers, empty ones included.
    """

    where: str
    query: Query
    spans: tuple[Span, ...] = ()
    answers: tuple[str, ...] = ()
    must_pass: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RawDataset:
    """Questions and judgements in the order of their files, repetitions included."""

    name: str
    rows: Sequence[Row]
    judgements: Sequence[Judgement] = field(default_factory=tuple)
    split: str = ""


def assemble(raw: RawDataset) -> Dataset:
    """The dataset, if nothing in it contradicts itself.

    Raises:
        DataError: A question or a judgement is there twice, or no question has judgements.
    """
    rows: dict[str, Row] = {}
    for row in raw.rows:
        if row.query.id in rows:
            raise DataError(f"{row.where}: {row.query.id!r} is the id of two questions", hint=_FIX)
        rows[row.query.id] = row
    dataset = replace(gathered(raw.name, raw.rows, _grades(raw.judgements)), split=raw.split)
    if not dataset.judged:
        raise DataError(f"{raw.name}: none of the {len(rows)} questions has judgements")
    return dataset


_FIX = "ragcli eval validate --fix FILE writes a clean copy"


def gathered(name: str, rows: Iterable[Row], qrels: dict[str, dict[str, int]]) -> Dataset:
    """A dataset of rows with ids of their own."""
    rows = tuple(rows)
    answers = {row.query.id: tuple(answer for answer in row.answers if answer.strip()) for row in rows}
    return Dataset(
        name=name,
        queries=tuple(row.query for row in rows),
        qrels=qrels,
        spans={row.query.id: row.spans for row in rows if row.spans},
        answers={query: references for query, references in answers.items() if references},
        must_pass=frozenset(row.query.id for row in rows if row.must_pass),
        tags={row.query.id: row.tags for row in rows if row.tags},
    )


def _grades(judgements: Iterable[Judgement]) -> dict[str, dict[str, int]]:
    qrels: dict[str, dict[str, int]] = {}
    for judgement in judgements:
        grades = qrels.setdefault(judgement.query, {})
        if judgement.document in grades:
            what = f"{judgement.document!r} is judged twice for question {judgement.query!r}"
            raise DataError(f"{judgement.where}: {what}", hint=_FIX)
        grades[judgement.document] = judgement.grade
    return qrels
