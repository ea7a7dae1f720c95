"""Questions from files and lines."""

from pathlib import Path

import pytest

from ragcli.errors import DataError
from ragcli.query.questions import numbered, read_questions
from ragcli.records import Query


def test_json_lines_may_name_their_fields_in_several_ways(tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text(
        '{"_id": "a", "text": "one"}\n\n{"id": 7, "question": " two "}\n{"id": "c", "query": "drei\\u00df"}\n', "utf-8"
    )
    assert read_questions(file) == [Query("a", "one"), Query("7", "two"), Query("c", "dreiß")]


def test_any_other_file_is_a_question_a_line(tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text("\ufefffirst?\r\n\r\n  second?  \n", "utf-8")
    assert read_questions(file) == [Query("1", "first?"), Query("2", "second?")]


def test_lines_are_numbered_without_blank_ones() -> None:
    assert list(numbered(["", "x", " ", "y\n"])) == [Query("1", "x"), Query("2", "y")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"_id": "a", "text": "x"}\n{"text": "y"}\n', ":2: a question needs an id in one of id, _id"),
        ('{"_id": "a"}\n', ":1: a question needs a text in one of question, text, query"),
        ('{"_id": "a", "text": "  "}\n', ":1: a question needs a text"),
        ('{"_id": true, "text": "x"}\n', ":1: a question needs an id"),
        ('["a", "b"]\n', ":1: a question needs a text"),
        ('\n{"_id": \n', ":2: not JSON"),
        ('{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n', "'a' is the id of two questions"),
        ("\n", "holds no question"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(content: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "queries.jsonl"
    file.write_text(content, "utf-8")
    with pytest.raises(DataError) as caught:
        read_questions(file)
    assert str(file) in caught.value.message
    assert message in caught.value.message
    assert caught.value.hint


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_questions(tmp_path / "none.jsonl")
    assert caught.value.message == f"cannot read the questions in {tmp_path / 'none.jsonl'}: No such file or directory"
    assert caught.value.hint.startswith("give a file of questions: one a line")
    (tmp_path / "latin.txt").write_bytes(b"one\ncaf\xe9")
    with pytest.raises(DataError) as caught:
        read_questions(tmp_path / "latin.txt")
    assert caught.value.message == f"{tmp_path / 'latin.txt'}:2: the questions are not UTF-8 text"
    assert caught.value.hint == "save the file as UTF-8"
