"""From one layout of datasets to another, telling what is lost on the way."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias, assert_never

from ragcli.errors import UsageError
from ragcli.evaluate.datasets.beir import write_beir
from ragcli.evaluate.datasets.csv import write_csv
from ragcli.evaluate.datasets.jsonl import write_jsonl
from ragcli.evaluate.datasets.trec import write_trec
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.runs import trec_name

Layout: TypeAlias = Literal["beir", "trec", "jsonl", "csv"]


def layout_of(target: Path) -> Layout:
    """The layout that a target's suffix stands for.

    Raises:
        UsageError: It has none of the suffixes.
    """
    match target.suffix:
        case ".jsonl":
            return "jsonl"
        case ".csv":
            return "csv"
        case _:
            raise UsageError(f"{target} does not say which layout to write", hint="--to beir|trec|jsonl|csv")


def write_dataset(dataset: Dataset, target: Path, layout: Layout, split: str = "test") -> tuple[str, ...]:
    """Write a dataset: ``jsonl`` and ``csv`` to a file, ``beir`` and ``trec`` to a folder.

    Returns:
        What the layout cannot hold and is therefore lost; empty when nothing is.

    Raises:
        DataError: It cannot be written.
    """
    match layout:
        case "beir":
            write_beir(dataset, target, split)
            return (*_finer(dataset),)
        case "trec":
            write_trec(dataset, target)
            return (*_finer(dataset), *_white_space(dataset))
        case "jsonl":
            write_jsonl(dataset, target)
            return (*_unknown_questions(dataset),)
        case "csv":
            write_csv(dataset, target)
            return (*_unknown_questions(dataset),)
        case _:
            assert_never(layout)


def _finer(dataset: Dataset) -> Iterator[str]:
    """What layouts of questions and judgements on documents alone cannot hold."""
    if dataset.spans:
        derived = sum(query not in dataset.qrels for query in dataset.spans)
        became = f" ({derived} became judgements on their documents)" if derived else ""
        yield f"spans of {len(dataset.spans)} questions{became}"
    if dataset.answers:
        yield f"reference answers of {len(dataset.answers)} questions"
    if dataset.must_pass:
        yield f"must_pass of {len(dataset.must_pass)} questions"
    if dataset.tags:
        yield f"tags of {len(dataset.tags)} questions"


def _white_space(dataset: Dataset) -> Iterator[str]:
    texts = sum(" ".join(query.text.split()) != query.text for query in dataset.queries)
    if texts:
        yield f"line breaks and repeated spaces in {texts} questions"
    ids = {query.id for query in dataset.queries} | {name for own in dataset.judgements.values() for name in own}
    if changed := sum(trec_name(name) != name for name in ids):
        yield f"white space in {changed} ids, now percent-encoded"


def _unknown_questions(dataset: Dataset) -> Iterator[str]:
    if unknown := len(dataset.qrels.keys() - {query.id for query in dataset.queries}):
        yield f"judgements of {unknown} ids that no question has"
