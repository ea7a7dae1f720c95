"""TREC topics, classic (``<top>``) or tab-separated, with judgements in a file of their own."""

import re
from collections.abc import Iterator
from pathlib import Path

from ragcli.errors import DataError
from ragcli.evaluate.datasets.jsonl import write_text
from ragcli.evaluate.datasets.raw import RawDataset, Row
from ragcli.evaluate.judgements import Dataset, read_judgements
from ragcli.evaluate.runs import trec_name
from ragcli.records import Query

TOPICS = ("topics.tsv", "topics.txt", "topics.trec", "topics")
QRELS = ("qrels.txt", "qrels.tsv", "qrels.trec", "qrels")

_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_FIELD = re.compile(r"<(num|title|desc)>(.*?)(?=<[a-z]+>|</|\Z)", re.DOTALL | re.IGNORECASE)
_LABEL = re.compile(r"\s*(?:Number|Topic|Description)\s*:", re.IGNORECASE)


def read_trec(topics: Path, qrels: Path | None) -> RawDataset:
    """Questions, and judgements from a file or from ``qrels.txt`` beside them.

    Raises:
        DataError: A file is missing or malformed.
    """
    file = qrels or next((topics.parent / name for name in QRELS if (topics.parent / name).is_file()), None)
    if file is None:
        raise DataError(f"there are no judgements beside {topics}: no {QRELS[0]}", hint="--qrels FILE")
    return RawDataset(topics.parent.name or topics.stem, list(read_topics(topics)), list(read_judgements(file)))


def read_topics(file: Path) -> Iterator[Row]:
    """Questions from topics: the title of each, or its description when it has no title."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the topics {file}: {error}") from error
    return _classic(file, text) if re.search(r"<top>", text, re.IGNORECASE) else _tabbed(file, text)


def _classic(file: Path, text: str) -> Iterator[Row]:
    for topic in _TOPIC.finditer(text):
        where = f"{file}:{text.count(chr(10), 0, topic.start()) + 1}"
        fields = {name.lower(): " ".join(_LABEL.sub("", value, count=1).split()) for name, value in
                  _FIELD.findall(topic[1])}  # fmt: skip
        question = fields.get("title") or fields.get("desc") or ""
        if not fields.get("num") or not question:
            raise DataError(f"{where}: a topic needs <num> and a <title> or <desc>")
        yield Row(where, Query(fields["num"], question))


def _tabbed(file: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        name, tab, question = line.partition("\t")
        if not tab or not name.strip() or not question.strip():
            raise DataError(f"{file}:{number}: expected an id, a tab and a question")
        yield Row(f"{file}:{number}", Query(name.strip(), question.strip()))


def write_trec(dataset: Dataset, folder: Path) -> None:
    """Write ``topics.tsv`` and ``qrels.txt``; white space in names is percent-encoded, in questions made one space."""
    topics = (f"{trec_name(query.id)}\t{' '.join(query.text.split())}\n" for query in dataset.queries)
    write_text(folder / TOPICS[0], topics)
    write_text(folder / QRELS[0], _qrels(dataset))


def _qrels(dataset: Dataset) -> Iterator[str]:
    for query, grades in dataset.judgements.items():
        for document, grade in grades.items():
            yield f"{trec_name(query)} 0 {trec_name(document)} {grade}\n"
