"""Test sets: questions with judgements, from the layouts that the field uses."""

from pathlib import Path

from ragcli.errors import DataError
from ragcli.evaluate.datasets.beir import read_beir
from ragcli.evaluate.datasets.csv import read_csv
from ragcli.evaluate.datasets.jsonl import read_jsonl
from ragcli.evaluate.datasets.raw import RawDataset, assemble
from ragcli.evaluate.datasets.trec import TOPICS, read_topics, read_trec
from ragcli.evaluate.judgements import Dataset, read_judgements


def load_dataset(path: Path, split: str = "test", qrels: Path | None = None) -> Dataset:
    """Read a dataset; see ``read_dataset``.

    Raises:
        DataError: Something is missing or malformed, or there twice; the message names file and line.
    """
    return assemble(read_dataset(path, split, qrels))


def read_dataset(path: Path, split: str = "test", qrels: Path | None = None) -> RawDataset:
    """What a dataset's files say: a BEIR folder, TREC topics, JSONL or CSV.

    Args:
        path: Folder or file.
        split: Which ``qrels/<split>.tsv`` of a BEIR folder.
        qrels: File of judgements instead of the dataset's own.

    Raises:
        DataError: Something is missing or malformed; the message names file and line.
    """
    file = _file_in(path) if path.is_dir() else path
    if not file.is_file():
        raise DataError(f"no dataset at {path}: there is no {file.name}", hint="see docs/formats.md for the layouts")
    if qrels is not None:
        rows = list(read_topics(file)) if _is_topics(file) else read_jsonl_or_csv(file).rows
        return RawDataset(path.stem, rows, list(read_judgements(qrels)))
    if _is_topics(file):
        return read_trec(file, None)
    if file.suffix != ".csv" and (file.parent / "qrels").is_dir():
        return read_beir(file, split)
    raw = read_jsonl_or_csv(file)
    return RawDataset(path.name, raw.rows, raw.judgements)


def read_jsonl_or_csv(file: Path) -> RawDataset:
    """Questions of a file that holds their judgements too."""
    return read_csv(file) if file.suffix == ".csv" else read_jsonl(file, file.name)


def _file_in(folder: Path) -> Path:
    """The questions of a folder."""
    names = ("queries.jsonl", *TOPICS)
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def _is_topics(file: Path) -> bool:
    return file.suffix in {".tsv", ".txt", ".trec", ".topics"} or file.name == "topics"
