"""What a run does to the catalog: as little as the change asks for, and never less than what was there."""

import os
from typing import Any

import pytest
from tests.ingest.conftest import LONG_AGO_NS, Site, paths, reasons

from ragcli.errors import BusyError, DataError, UsageError
from ragcli.index.build import build_index
from ragcli.ingest.sync import sync
from ragcli.workspace import Workspace
from ragcli.workspace.lock import WriterLock

A, B, C = "# Alpha\n\nThe first text.\n", "Beta, the second text.\n", "Gamma, the third text.\n"


@pytest.fixture
def filled(site: Site) -> Site:
    site.write("a.md", A)
    site.write("b.txt", B)
    site.write("deep/c.txt", C)
    result = site.run()
    assert (paths(result.added), site.read) == (["a.md", "b.txt", "deep/c.txt"], 3)
    return site


def test_a_first_run(filled: Site) -> None:
    assert filled.texts() == {"a.md": A, "b.txt": B, "deep/c.txt": C}
    assert filled.facts("title") == {"a.md": "Alpha", "b.txt": "b", "deep/c.txt": "c"}
    assert filled.facts("type") == {"a.md": "markdown", "b.txt": "text", "deep/c.txt": "text"}
    assert filled.facts("source") == dict.fromkeys(("a.md", "b.txt", "deep/c.txt"), "docs")
    assert filled.facts("modified_ns") == dict.fromkeys(("a.md", "b.txt", "deep/c.txt"), LONG_AGO_NS)


def test_an_unchanged_tree_is_not_read(filled: Site) -> None:
    result = filled.run()
    assert (filled.read, result.unchanged, result.is_change) == (0, 3, False)
    assert result.summary.startswith("ingest: 0 added, 0 changed, 0 removed, 3 unchanged; 3 chunks; ")


def test_an_unchanged_tree_is_not_even_opened(filled: Site) -> None:
    filled.write("b.txt", B.replace("second", "SECOND"))  # same size and time: only opening it could tell
    assert filled.run().unchanged == 3


def test_a_file_written_just_now_is_compared_by_content(site: Site) -> None:
    file = site.write("a.txt", "old words", aged=False)
    site.run()
    status = file.stat()
    file.write_text("new words")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))  # within the grain of the file system's clock
    assert paths(site.run().changed) == ["a.txt"]
    assert site.texts() == {"a.txt": "new words"}


def test_a_touched_file_is_hashed_but_not_parsed(filled: Site) -> None:
    os.utime(filled.docs / "a.md", ns=(LONG_AGO_NS + 5, LONG_AGO_NS + 5))
    result = filled.run()
    assert (filled.read, result.unchanged, result.is_change) == (0, 3, False)
    assert filled.facts("modified_ns")["a.md"] == LONG_AGO_NS + 5


def test_a_changed_file_costs_its_own_documents(filled: Site) -> None:
    rows = filled.facts("row")
    filled.write("b.txt", "Beta again.\n")
    result = filled.run()
    assert (filled.read, paths(result.changed), result.unchanged) == (1, ["b.txt"], 2)
    assert (result.documents_added, result.documents_removed) == (1, 1)
    assert filled.texts() == {"a.md": A, "b.txt": "Beta again.\n", "deep/c.txt": C}
    kept = {name: row for name, row in filled.facts("row").items() if name != "b.txt"}
    assert kept == {name: row for name, row in rows.items() if name != "b.txt"}


def test_only_the_records_that_changed_are_new(site: Site) -> None:
    lines = [f'{{"_id": "{n}", "text": "record {n}"}}\n' for n in range(4)]
    site.write("c.jsonl", "".join(lines))
    assert site.run().documents_added == 4
    rows = site.facts("row")
    site.write("c.jsonl", "".join([lines[0], lines[2].replace("record", "changed"), lines[3]]))
    result = site.run()
    assert (result.documents_added, result.documents_removed) == (1, 2)
    assert site.texts() == {"0": "record 0", "2": "changed 2", "3": "record 3"}
    assert (site.facts("row")["0"], site.facts("row")["3"]) == (rows["0"], rows["3"])


def test_a_renamed_file_is_told_and_keeps_its_vectors(filled: Site) -> None:
    workspace = Workspace(filled.workspace)
    assert build_index(filled.config(), workspace).embedded == 3
    (filled.docs / "b.txt").rename(filled.docs / "deep/beta.txt")
    result = filled.run()
    (renamed,) = result.renamed
    assert (renamed.from_source, renamed.from_path, renamed.source, renamed.path) == (
        "docs",
        "b.txt",
        "docs",
        "deep/beta.txt",
    )
    assert (result.added, result.removed, result.unchanged) == ((), (), 2)
    assert "1 renamed" in result.summary
    assert filled.texts() == {"a.md": A, "deep/beta.txt": B, "deep/c.txt": C}
    indexed = build_index(filled.config(tokenizer="embedder"), workspace)
    assert (indexed.added, indexed.removed, indexed.chunks) == (1, 1, 3)


def test_each_removed_file_explains_one_new_file(filled: Site) -> None:
    (filled.docs / "b.txt").unlink()
    filled.write("x.txt", B)
    filled.write("y.txt", B)
    result = filled.run()
    assert [(one.from_path, one.path) for one in result.renamed] == [("b.txt", "x.txt")]
    assert paths(result.added) == ["y.txt"]


def test_a_vanished_file_is_retired(filled: Site) -> None:
    (filled.docs / "deep/c.txt").unlink()
    result = filled.run()
    assert (paths(result.removed), result.documents_removed, result.documents) == (["deep/c.txt"], 1, 2)
    assert filled.texts() == {"a.md": A, "b.txt": B}
    assert filled.run().removed == ()


def test_a_part_of_a_source_says_nothing_of_the_rest(filled: Site) -> None:
    (filled.docs / "b.txt").unlink()
    (filled.docs / "deep/c.txt").unlink()
    assert paths(filled.run("docs/deep").removed) == ["deep/c.txt"]
    assert paths(filled.run("docs/a.md").removed) == []
    assert paths(filled.run(selection={"include": ("*.md",)}, accept_deletions=True).removed) == ["b.txt"]


def test_what_was_there_stays_when_a_file_fails(filled: Site) -> None:
    filled.write("a.md", b"\0 binary now")
    filled.write("b.txt", b"text \0 no more")
    result = filled.run()
    assert reasons(result.failed) == {
        "a.md": "binary content, not a document although it is named .md",
        "b.txt": "binary content, not a document although it is named .txt",
    }
    assert (result.changed, result.removed, result.is_change) == ((), (), False)
    assert filled.texts() == {"a.md": A, "b.txt": B, "deep/c.txt": C}
    again = filled.run()
    assert (reasons(again.failed), filled.read) == (reasons(result.failed), 0)  # told again, not read again
    assert {problem.new for problem in result.failed} == {True}
    assert {problem.new for problem in again.failed} == {False}
    filled.write("a.md", A + "More.\n")
    assert paths(filled.run().changed) == ["a.md"]


def test_a_failed_file_that_comes_back_as_it_was_is_unchanged(filled: Site) -> None:
    filled.write("a.md", b"\0")
    filled.run()
    filled.write("a.md", A)
    result = filled.run()
    assert (result.unchanged, result.failed, result.is_change) == (3, (), False)


def test_a_failed_file_that_vanishes(filled: Site) -> None:
    filled.write("a.md", b"\0")
    filled.write("never.json", "{")
    filled.run()
    (filled.docs / "a.md").unlink()
    (filled.docs / "never.json").unlink()
    assert paths(filled.run().removed) == ["a.md"]  # the other one never gave a document
    assert filled.texts() == {"b.txt": B, "deep/c.txt": C}


def test_files_of_no_document_are_skipped_once_and_told_again(site: Site) -> None:
    site.write("photo.png", b"\x89PNG\0")
    site.write("empty.md", "\n")
    site.write("a.txt", "a")
    result = site.run()
    expected = {"photo.png": "not supported: an image; text in it needs OCR", "empty.md": "there is no text in it"}
    assert (reasons(result.skipped), result.failed) == (expected, ())
    again = site.run()
    assert (reasons(again.skipped), site.read, again.unchanged) == (expected, 0, 1)
    (site.docs / "photo.png").unlink()
    assert site.run().removed == ()


def test_a_document_that_lost_its_text_is_retired(filled: Site) -> None:
    filled.write("b.txt", " \n")
    result = filled.run()
    assert (reasons(result.skipped), result.documents_removed) == ({"b.txt": "there is no text in it"}, 1)
    assert sorted(filled.texts()) == ["a.md", "deep/c.txt"]


def test_other_settings_read_again(filled: Site) -> None:
    result = filled.run(chunker={"kind": "fixed", "size_tokens": 3, "overlap_tokens": 0})
    assert (filled.read, paths(result.changed), result.unchanged) == (3, ["a.md", "b.txt", "deep/c.txt"], 0)
    assert filled.facts("chunk_count")["b.txt"] > 1
    result = filled.run(chunker={"kind": "fixed", "size_tokens": 3, "overlap_tokens": 0})
    assert (filled.read, result.unchanged) == (0, 3)


def test_settings_that_change_nothing_keep_the_documents(filled: Site) -> None:
    rows = filled.facts("row")
    result = filled.run(loaders={"csv": {"rows_per_document": 1}})
    assert (filled.read, result.unchanged, result.is_change) == (3, 3, False)
    assert filled.facts("row") == rows


def test_settings_that_do_not_shape_documents_read_nothing(filled: Site) -> None:
    result = filled.run(workers=2, dedupe=True, max_delete_fraction=0.1)
    assert (filled.read, result.unchanged) == (0, 3)


def test_duplicates_are_told_and_held_back_on_demand(site: Site) -> None:
    for name, text in (("a.txt", A), ("b/copy.txt", A), ("c.md", A), ("d.txt", B)):
        site.write(name, text)
    kept = site.run()
    assert [(one.name, one.of) for one in kept.duplicates] == [("b/copy.txt", "a.txt"), ("c.md", "a.txt")]
    assert (kept.documents, kept.documents_removed) == (4, 0)
    assert "2 duplicates kept" in kept.summary

    deduped = site.run(dedupe=True)
    assert (deduped.documents, deduped.documents_removed, site.read) == (2, 2, 0)
    assert "2 duplicates held back" in deduped.summary
    assert (sorted(site.texts()), sorted(site.texts(live=2))) == (["a.txt", "d.txt"], ["b/copy.txt", "c.md"])
    assert not site.run(dedupe=True).is_change

    (site.docs / "a.txt").unlink()
    result = site.run(dedupe=True)
    assert [(one.name, one.of) for one in result.duplicates] == [("c.md", "b/copy.txt")]
    assert sorted(site.texts()) == ["b/copy.txt", "d.txt"]

    back = site.run(dedupe=False)
    assert (back.documents_added, sorted(site.texts())) == (1, ["b/copy.txt", "c.md", "d.txt"])


def test_the_first_configured_source_keeps_a_duplicate(site: Site) -> None:
    site.write("a/x.txt", A)
    site.write("b/x.txt", A)
    sources = [{"path": site.docs / name, "name": name} for name in ("b", "a")]
    (duplicate,) = site.run(sources=sources, dedupe=True).duplicates
    assert (duplicate.source, duplicate.of_source) == ("a", "b")
    assert site.facts("source") == {"x.txt": "b"}


def test_a_dry_run_changes_nothing(filled: Site) -> None:
    filled.write("new.md", "new")
    filled.write("b.txt", "changed")
    (filled.docs / "a.md").rename(filled.docs / "moved.md")
    (filled.docs / "deep/c.txt").unlink()
    before = filled.on_disk()
    result = filled.run(dry_run=True)
    assert filled.on_disk() == before
    assert (paths(result.added), paths(result.changed), paths(result.removed)) == (
        ["new.md"],
        ["b.txt"],
        ["deep/c.txt"],
    )
    assert [(one.from_path, one.path) for one in result.renamed] == [("a.md", "moved.md")]
    assert (result.dry_run, filled.read) == (True, 0)
    assert result.summary.startswith("plan: 1 added, 1 changed, 1 renamed, 1 removed, 0 unchanged; ")


def test_a_dry_run_makes_no_workspace(site: Site) -> None:
    site.write("a.md", A)
    assert paths(site.run(dry_run=True).added) == ["a.md"]
    assert sorted(site.on_disk()) == ["docs/a.md"]


def test_too_many_deletions_are_refused(filled: Site) -> None:
    for name in ("a.md", "b.txt"):
        (filled.docs / name).unlink()
    filled.write("new.txt", "new")
    before = filled.texts()
    with pytest.raises(
        DataError, match=r"would remove 2 of 3 documents, more than the allowed share of 0\.5"
    ) as caught:
        filled.run()
    assert "--dry-run" in caught.value.hint
    assert filled.texts() == before
    with pytest.raises(DataError, match="would remove"):
        filled.run(dry_run=True)
    assert paths(filled.run(max_delete_fraction=0.7).removed) == ["a.md", "b.txt"]
    (filled.docs / "new.txt").unlink()
    (filled.docs / "deep/c.txt").unlink()
    assert paths(filled.run(accept_deletions=True).removed) == ["deep/c.txt", "new.txt"]
    assert filled.texts() == {}


def test_renames_are_no_deletions(filled: Site) -> None:
    for name in ("a.md", "b.txt"):
        (filled.docs / name).rename(filled.docs / f"new-{name}")
    (filled.docs / "deep/c.txt").rename(filled.docs / "c.txt")
    assert len(filled.run(max_delete_fraction=0).renamed) == 3


def test_a_source_that_is_gone_removes_nothing(filled: Site) -> None:
    (filled.docs).rename(filled.base / "elsewhere")
    with pytest.raises(DataError, match="does not exist"):
        filled.run()
    assert len(filled.texts()) == 3


def test_forgetting_a_source(filled: Site) -> None:
    with pytest.raises(UsageError, match="there is no source 'dox'") as caught:
        filled.run(forget=("dox",))
    assert caught.value.hint == "known sources: docs"
    planned = filled.run(forget=("docs",), dry_run=True)
    assert (paths(planned.removed), len(filled.texts())) == (["a.md", "b.txt", "deep/c.txt"], 3)
    result = filled.run(forget=("docs",))
    assert (paths(result.removed), result.documents, filled.texts()) == (["a.md", "b.txt", "deep/c.txt"], 0, {})
    assert paths(filled.run().added) == ["a.md", "b.txt", "deep/c.txt"]


def test_standard_input_is_one_document_that_replaces_itself(filled: Site) -> None:
    first = filled.run(stdin=("note", b"First words."))
    assert (paths(first.added), first.documents) == (["note"], 4)
    same = filled.run(stdin=("note", b"First words."))
    assert (same.unchanged, same.is_change) == (1, False)
    other = filled.run(stdin=("note", b"Other words."))
    assert (paths(other.changed), filled.texts()["note"]) == (["note"], "Other words.")
    filled.run(stdin=("page", b"# Title\n\ntext"), type="markdown")
    assert filled.facts("title")["page"] == "Title"
    assert filled.run().unchanged == 3  # a run over files leaves it alone
    assert sorted(filled.texts()) == ["a.md", "b.txt", "deep/c.txt", "note", "page"]
    assert filled.facts("source")["note"] == "stdin"
    failed = filled.run(stdin=("note", b"\0"))
    assert (reasons(failed.failed), filled.texts()["note"]) == (
        {"note": "binary content, not a document"},
        "Other words.",
    )
    assert paths(filled.run(forget=("stdin",)).removed) == ["note", "page"]


def test_standard_input_is_recognised_by_its_bytes(site: Site) -> None:
    site.run(stdin=("stdin", b"<!DOCTYPE html><h1>Head</h1><p>text</p>"))
    assert site.facts("type") == {"stdin": "html"}
    assert site.texts() == {"stdin": "Head\n\ntext"}


def test_sources_have_their_own_settings(site: Site) -> None:
    site.write("guide/a.md", "# One\n\n" + "words and more words. " * 40)
    site.write("data/b.csv", "name,n\nx,1\ny,2\n")
    site.write("data/skip.txt", "left out")
    sources: list[dict[str, Any]] = [
        {"path": site.docs / "guide", "name": "guide", "metadata": {"team": "docs"}, "chunker": {"kind": "whole"}},
        {
            "path": site.docs / "data",
            "name": "data",
            "exclude": ["*.txt"],
            "metadata": {"team": "data", "row": 0},
            "loaders": {"csv": {"rows_per_document": 1}},
        },
    ]
    assert paths(site.run(sources=sources).added) == ["a.md", "b.csv"]
    assert site.texts() == {
        "a.md": "# One\n\n" + "words and more words. " * 40,
        "b.csv#1": "name: x\nn: 1",
        "b.csv#2": "name: y\nn: 2",
    }
    assert site.facts("chunk_count")["a.md"] == 1
    metadata = site.facts("metadata")
    assert '"team":"docs"' in metadata["a.md"].replace(" ", "")
    assert '"row":2' in metadata["b.csv#2"].replace(" ", "")  # the file knows better than the source
    changed = [{**sources[0], "metadata": {"team": "web"}}, sources[1]]
    assert paths(site.run(sources=changed).changed) == ["a.md"]
    result = site.run(sources=changed[:1], accept_deletions=True)
    assert paths(result.removed) == ["b.csv"]


def test_gitignore_can_be_switched_off(site: Site) -> None:
    site.write("a.md", A)
    site.write("draft.md", B)
    site.write(".gitignore", "draft.md\n")
    assert paths(site.run().added) == ["a.md"]
    assert paths(site.run(selection={"gitignore": False}).added) == ["draft.md"]
    assert paths(site.run().removed) == ["draft.md"]


def test_a_larger_folder_takes_over_without_reading_twice_the_same_words(site: Site) -> None:
    site.write("api/a.md", A)
    site.run("docs/api")
    result = site.run("docs")
    assert [(one.from_source, one.source, one.path) for one in result.renamed] == [("docs/api", "docs", "api/a.md")]
    assert site.facts("source") == {"api/a.md": "docs"}


def test_one_writer_at_a_time(filled: Site) -> None:
    with WriterLock(Workspace(filled.workspace), 0, "another"), pytest.raises(BusyError):
        filled.run()
    with WriterLock(Workspace(filled.workspace), 0, "another"):
        assert filled.run(dry_run=True).unchanged == 3


def test_nothing_to_read(site: Site) -> None:
    with pytest.raises(UsageError, match="there is nothing to ingest"):
        sync(site.config(), site.base)


def test_two_records_of_one_name(site: Site) -> None:
    site.write("c.jsonl", '{"_id": "1", "text": "a"}\n{"_id": "1", "text": "b"}\n')
    assert reasons(site.run().failed) == {"c.jsonl": "line 2: the id '1' is used a second time"}
    assert site.texts() == {}
