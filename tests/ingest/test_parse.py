"""One file: whatever is wrong with it ends as a reason."""

import os
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.ingest import SourceConfig
from ragcli.config.settings import Config
from ragcli.errors import DataError, MissingModelError
from ragcli.ingest.parse import FileOutcome, FileTask, Parser, content_digest, file_digest
from ragcli.ingest.recipe import recipe_of
from ragcli.ingest.sources import Source
from ragcli.records import DocumentType, document_id


def parser(embedder: dict[str, Any] | None = None, source: dict[str, Any] | None = None, **ingest: Any) -> Parser:
    config = Config.model_validate({"ingest": ingest, "index": {"embedder": embedder or {"kind": "hashing"}}})
    settings = SourceConfig.model_validate({"path": Path("/docs"), **source} if source else {"path": Path("/docs")})
    return Parser(recipe_of(config, Source("docs", Path("/docs"), "path", settings)))


def task(path: Path, type: DocumentType | None = None) -> FileTask:
    return FileTask(path.name, str(path), 0, type)


def read(path: Path, **ingest: Any) -> FileOutcome:
    return parser(**ingest).read(task(path))


def test_a_file_that_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("# Top\n\ntext\n")
    outcome = read(file)
    (record,) = outcome.records
    assert (outcome.state, outcome.reason, outcome.size) == ("read", "", 12)
    assert outcome.digest == content_digest(file.read_bytes()) == file_digest(str(file))
    assert outcome.mtime_ns == file.stat().st_mtime_ns
    assert record.text == "# Top\n\ntext\n"
    (document,) = parser().documents(task(file))
    assert (document.id, document.name, document.title) == (document_id("docs", "a.md"), "a.md", "Top")


def test_what_is_stored_already_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"_id": "1", "text": "a"}\n{"_id": "2", "text": "b"}\n')
    one, two = (document_id("docs", "c.jsonl", name) for name in "12")
    versions = {record.values[0]: record.values[8] for record in read(file).records}
    assert set(versions) == {one, two}
    outcome = parser().read(task(file)._replace(versions=versions))
    assert (set(outcome.kept), outcome.records) == ({one, two}, ())
    outcome = parser().read(task(file)._replace(versions={**versions, two: b"other"}))
    assert (outcome.kept, len(outcome.records)) == ((one,), 1)
    outcome = parser(source={"metadata": {"team": "x"}}).read(task(file)._replace(versions=versions))
    assert (outcome.kept, len(outcome.records)) == ((), 2)


def test_metadata_of_the_source_is_below_that_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("---\nteam: file\n---\ntext")
    (document,) = parser(source={"metadata": {"team": "source", "n": 1}}).documents(task(file))
    assert document.metadata == {"team": "file", "n": 1}


def test_names_of_records_without_an_id_are_the_path_and_their_place(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"text": "a"}\n{"id": "x\\ud800", "text": "b"}\n')
    assert [document.name for document in parser().documents(task(file))] == ["c.jsonl#1", "x\ufffd"]


def test_a_type_of_ones_choice(tmp_path: Path) -> None:
    file = tmp_path / "page.weird"
    file.write_text("<h1>Head</h1><p>text</p>")
    (document,) = parser().documents(task(file, "html"))
    assert (document.type, document.title, document.text) == ("html", "Head", "Head\n\ntext")


def test_a_file_that_vanished(tmp_path: Path) -> None:
    outcome = read(tmp_path / "gone.md")
    assert (outcome.state, outcome.reason, outcome.digest) == ("failed", "no such file or directory", "")
    assert file_digest(str(tmp_path / "gone.md")) == ""


def test_what_was_put_in_the_place_of_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link.md").symlink_to("secret")
    (tmp_path / "folder.md").mkdir()
    assert read(tmp_path / "pipe.md").reason == "not a file"
    assert read(tmp_path / "folder.md").reason == "not a file"
    assert read(tmp_path / "link.md").reason == "too many levels of symbolic links"
    assert [file_digest(str(tmp_path / name)) for name in ("pipe.md", "folder.md", "link.md")] == ["", "", ""]


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.md"
    file.write_text("text")
    opened = os.open

    def refuse(path: Any, *more: Any, **others: Any) -> int:
        if path == str(file):
            raise PermissionError(13, "Permission denied", path)  # as the system does for anyone but root
        return opened(path, *more, **others)

    monkeypatch.setattr(os, "open", refuse)
    assert read(file).reason == "permission denied"


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with file.open("wb") as sparse:
        sparse.truncate(2**40)
    reason = "it is larger than ingest.limits.max_file_bytes (1,099,511,627,776 > 268,435,456)"
    assert (read(file).reason, read(file).digest) == (reason, "")
    given = FileTask("stdin", "", 0, None, b"12345")
    assert "(5 > 4)" in parser(limits={"max_file_bytes": 4}).read(given).reason


def test_reasons_say_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("too many words")
    expected = "longer than 3 characters of text (14); raise ingest.limits.max_text_chars to take it"
    assert read(file, limits={"max_text_chars": 3}).reason == expected


def test_what_is_refused_and_what_is_passed_over(tmp_path: Path) -> None:
    for name in ("a.md", "photo.png", "data"):
        (tmp_path / name).write_bytes(b"\x89PNG\0\0")
    (tmp_path / "blank.md").write_text(" \n")
    states = {name: read(tmp_path / name).state for name in ("a.md", "photo.png", "data", "blank.md")}
    assert states == {"a.md": "failed", "photo.png": "skipped", "data": "skipped", "blank.md": "skipped"}
    before = task(tmp_path / "data")._replace(versions={"x": b""})
    assert parser().read(before).state == "failed"  # it was a document before: that is not given up silently


def test_what_concerns_every_file_is_raised(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("text")
    missing = {"kind": "sentence-transformers", "model": str(tmp_path / "no-model")}
    with pytest.raises(MissingModelError):
        parser(embedder=missing).read(task(file))


@pytest.mark.parametrize(
    ("name", "content", "message", "hint"),
    [
        ("gone.md", None, "gone.md: no such file or directory", ""),
        ("a.weird", b"x", "a.weird: not supported: no loader for .weird files", "--type"),
        ("a.json", b"{", "a.json: line 1: not JSON", ""),
        ("a.md", b"", "a.md: there is no text in it", ""),
        ("a.txt", b"x" * 99, "a.txt: longer than 50 characters", "max_text_chars"),
    ],
)
def test_errors_about_one_file_name_it(
    tmp_path: Path, name: str, content: bytes | None, message: str, hint: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        list(parser(limits={"max_text_chars": 50}).documents(task(tmp_path / name)))
    assert hint in caught.value.hint
