"""Reading test sets, and saying what is wrong with them."""

import json
from pathlib import Path

import pytest

from ragcli.errors import DataError
from ragcli.evaluate.datasets import load_dataset
from ragcli.records import Query


def write_lines(file: Path, *records: object) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def beir(folder: Path, qrels: str = "query-id\tcorpus-id\tscore\n1\td1\t1\n1\td2\t0\n3\td9\t2\n") -> Path:
    write_lines(
        folder / "queries.jsonl", {"_id": "1", "text": "one"}, {"_id": "2", "text": "two"}, {"_id": "3", "text": "x"}
    )
    (folder / "qrels").mkdir()
    (folder / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8")
    return folder


def test_beir_folder(tmp_path: Path) -> None:
    dataset = load_dataset(beir(tmp_path / "tiny"))
    assert dataset.name == "tiny"
    assert dataset.queries == (Query("1", "one"), Query("2", "two"), Query("3", "x"))
    assert dataset.qrels == {"1": {"d1": 1, "d2": 0}, "3": {"d9": 2}}
    assert dataset.judged == (Query("1", "one"), Query("3", "x"))


def test_own_layout_takes_grades_and_lists(tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    write_lines(
        file,
        {"id": "a", "question": "?", "relevant": {"x.md": 2}, "tags": ["t"]},
        {"id": "b", "question": "?", "relevant": ["x.md", "y.md"]},
        {"id": "c", "question": "?", "relevant": {}},
    )
    for path in (tmp_path, file):
        dataset = load_dataset(path)
        assert dataset.qrels == {"a": {"x.md": 2}, "b": {"x.md": 1, "y.md": 1}}
        assert len(dataset.queries) == 3


def test_fingerprint_follows_questions_and_judgements(tmp_path: Path) -> None:
    first = load_dataset(beir(tmp_path / "1")).fingerprint
    assert load_dataset(beir(tmp_path / "2")).fingerprint == first
    assert load_dataset(beir(tmp_path / "3", "1\td1\t2\n")).fingerprint != first


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "queries.jsonl:2: not JSON"),
        ("[]", "queries.jsonl:2: a question must be a JSON object"),
        ('{"id": "b"}', "queries.jsonl:2: a question needs an id"),
        ('{"id": "b", "question": " "}', "queries.jsonl:2: a question needs an id"),
        ('{"id": "b", "question": "?", "relevant": {"x": 1.5}}', "queries.jsonl:2: relevant must be"),
        ('{"id": "a", "question": "?", "relevant": ["x"]}', "'a' is the id of two questions"),
    ],
)
def test_a_bad_question_is_named_by_its_line(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "queries.jsonl").write_text('{"id": "a", "question": "?", "relevant": ["x"]}\n' + line + "\n")
    with pytest.raises(DataError, match=message.replace("[", r"\[")):
        load_dataset(tmp_path)


def test_a_bad_judgement_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test\.tsv:2: expected query-id"):
        load_dataset(beir(tmp_path / "tiny", "1\td1\t1\n1\td2\tmany\n"))


def test_missing_things_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no queries\.jsonl"):
        load_dataset(tmp_path)
    with pytest.raises(DataError, match=r"no split .dev.*there are: test"):
        load_dataset(beir(tmp_path / "tiny"), "dev")
    with pytest.raises(DataError, match="none of the 3 questions has judgements"):
        load_dataset(beir(tmp_path / "other", "77\td1\t1\n"))
