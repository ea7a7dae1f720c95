import json
from pathlib import Path

import pytest

from ragcli.errors import DataError
from ragcli.evaluate.answers.rows import AnswerRow, Citation, read_answers


def written(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "answers.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_all_fields(tmp_path: Path) -> None:
    record = {
        "id": 7,
        "question": "why?",
        "answer": "so",
        "references": ["because", " ", "so"],
        "contexts": ["one", {"text": "two", "score": 1}],
        "citations": ["a.md", {"document": "b.md", "start": 3, "end": 9, "chunk_id": "c1"}],
        "anything": "else",
    }
    assert read_answers(written(tmp_path, json.dumps(record))) == (
        AnswerRow(
            "7", "so", "why?", ("because", "so"), ("one", "two"),
            (Citation("a.md"), Citation("b.md", 3, 9, "c1")),
        ),
    )  # fmt: skip


def test_names_of_other_tools_failed_rows_and_ordinals(tmp_path: Path) -> None:
    ragas = '{"user_input": "q", "response": "r", "ground_truth": "g", "retrieved_contexts": ["c"]}'
    file = written(tmp_path, ragas, "", '{"error": "timeout"}', '{"answer": "", "reference": "x"}')
    assert read_answers(file) == (
        AnswerRow("1", "r", "q", ("g",), ("c",)),
        AnswerRow("2", "", failure="timeout"),
        AnswerRow("3", "", references=("x",)),
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ('{"question": "q"}', "there is no answer"),
        ('{"answer": 3}', "answer must be a text, not a number"),
        ('{"answer": "a", "id": true}', "id must be"),
        ('{"answer": "a", "response": "b"}', "answer and response say the same thing twice"),
        ('{"answer": "a", "references": ["x", null]}', "references must be texts; number 2 is null"),
        ('{"answer": "a", "citations": {}}', "citations must be a list, not an object"),
        ('{"answer": "a", "citations": ["d", 4]}', "citation 2 must be an object or a document's name, not a number"),
        ('{"answer": "a", "citations": [{"start": 1, "end": 2}]}', "names neither"),
        ('{"answer": "a", "citations": [{"document": "d", "start": 5, "end": 5}]}', "0 <= start < end"),
        ('{"answer": "a", "citations": [{"document": "d", "start": 5}]}', "0 <= start < end"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_answers(written(tmp_path, '{"answer": "fine"}', line))
    assert caught.value.message.startswith(f"{tmp_path / 'answers.jsonl'}:2: ")
    assert message in caught.value.message


def test_an_id_twice(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r":2: 'a' is the id of .*:1 too"):
        read_answers(written(tmp_path, '{"id": "a", "answer": "x"}', '{"id": "a", "answer": "y"}'))


def test_no_answers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no answers"):
        read_answers(written(tmp_path, ""))
