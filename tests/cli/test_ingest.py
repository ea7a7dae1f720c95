"""``ragcli ingest``: what it says, what it takes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

Ragcli = Any


def summary(text: str) -> str:
    """A summary line without its duration."""
    return text.strip().rpartition("; ")[0]


def test_what_changed_is_one_line(ragcli: Ragcli, work: Path, write: Any) -> None:
    ran = ragcli("ingest", "docs")
    assert (ran.status, ran.err) == (0, "")
    assert summary(ran.out) == "ingest: 3 added, 0 changed, 0 removed, 0 unchanged; 3 chunks"
    assert ran.out.count("\n") == 1
    write("keys.txt", "Signing keys rotate once a month.\n")
    write("new.txt", "Another page.\n")
    (work / "docs" / "guides" / "restore.md").unlink()
    ran = ragcli("ingest", "docs")
    assert summary(ran.out) == "ingest: 1 added, 1 changed, 1 removed, 1 unchanged; 3 chunks"


def test_json_names_the_files(ragcli: Ragcli) -> None:
    ran = ragcli("ingest", "docs", "--format", "json")
    assert ran.envelope["command"] == "ingest"
    assert [change["path"] for change in ran.result["added"]] == ["backup.md", "guides/restore.md", "keys.txt"]
    assert (ran.result["documents"], ran.result["chunks"], ran.result["dry_run"]) == (3, 3, False)


def test_a_dry_run_shows_everything_and_changes_nothing(indexed: Ragcli, work: Path, write: Any) -> None:
    write("new.txt", "Another page.\n")
    write("keys.txt", "Signing keys rotate once a month.\n")
    (work / "docs" / "backup.md").unlink()
    before = indexed("status", "--format", "json").result["catalog"]
    ran = indexed("ingest", "docs", "--dry-run")
    assert ran.out.splitlines()[:3] == ["+ new.txt", "~ keys.txt", "- backup.md"]
    assert summary(ran.out.splitlines()[3]) == "plan: 1 added, 1 changed, 1 removed, 1 unchanged"
    assert indexed("status", "--format", "json").result["catalog"] == before


def test_globs_choose_files(ragcli: Ragcli) -> None:
    ran = ragcli("ingest", "docs", "--include", "*.md", "--include", "guides/**", "--exclude", "backup*", "--dry-run")
    assert ran.out.splitlines()[:-1] == ["+ guides/restore.md"]


def test_gitignore_is_honoured_unless_told_otherwise(ragcli: Ragcli, write: Any) -> None:
    write(".gitignore", "keys.txt\n")
    assert "+ keys.txt" not in ragcli("ingest", "docs", "--dry-run").out
    assert "+ keys.txt" in ragcli("ingest", "docs", "--dry-run", "--no-gitignore").out


def test_an_unreadable_file_is_listed_and_stops_nothing(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    ran = ragcli("ingest", "docs")
    assert ran.status == 0
    assert ran.err.startswith("failed: broken.pdf: ")
    assert summary(ran.out) == "ingest: 3 added, 0 changed, 0 removed, 0 unchanged, 1 failed; 3 chunks"


def test_a_source_that_is_no_file_is_named(ragcli: Ragcli) -> None:
    ran = ragcli("ingest", "docs", "/dev/null")
    assert ran.err == "failed: null: a device, not a file\n"


def test_strict_makes_an_unreadable_file_a_failure_that_still_has_its_result(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    ran = ragcli("ingest", "docs", "--strict", "--format", "json")
    assert ran.status == 4
    assert (ran.envelope["ok"], ran.envelope["error"]["code"]) == (False, "data")
    assert ran.envelope["error"]["message"] == "1 file could not be read"
    assert [problem["path"] for problem in ran.result["failed"]] == ["broken.pdf"]
    assert len(ran.result["added"]) == 3
    people = ragcli("ingest", "docs", "--strict")
    assert (people.status, people.err.splitlines()[-1]) == (4, "error: 1 file could not be read")
    assert summary(people.out).endswith("1 failed; 3 chunks")


def test_only_the_first_of_many_problems_are_listed(ragcli: Ragcli, work: Path) -> None:
    for number in range(23):
        (work / "docs" / f"broken{number:02}.pdf").write_bytes(b"%PDF-1.4 nothing more")
    lines = ragcli("ingest", "docs").err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "failed: 3 more; --format json lists them all"


def test_duplicates_are_told_and_can_be_held_back(ragcli: Ragcli, write: Any) -> None:
    write("other.txt", "Signing keys rotate once a quarter.\n")
    ran = ragcli("ingest", "docs")
    assert ran.err == "duplicate: other.txt repeats keys.txt\n"
    assert summary(ran.out).endswith("0 unchanged; 1 duplicate kept; 4 chunks")
    ran = ragcli("ingest", "docs", "--dedupe")
    assert summary(ran.out).endswith("1 duplicate held back; 3 chunks")


def test_standard_input_is_a_document(ragcli: Ragcli) -> None:
    ran = ragcli("ingest", "-", "--name", "notes.md", "--type", "markdown", stdin=b"# Title\n\nA page from a pipe.\n")
    assert summary(ran.out) == "ingest: 1 added, 0 changed, 0 removed, 0 unchanged; 1 chunks"
    assert ragcli("index").status == 0
    (hit,) = ragcli("query", "pipe", "-s", "lexical", "--format", "jsonl").out.splitlines()
    assert (json.loads(hit)["document"], json.loads(hit)["title"]) == ("notes.md", "Title")


def test_a_source_can_be_forgotten(indexed: Ragcli) -> None:
    assert summary(indexed("ingest", "--forget", "docs", "--yes").out).startswith(
        "ingest: 0 added, 0 changed, 3 removed"
    )
    assert indexed("status", "--format", "json").result["catalog"]["documents"] == 0


def test_a_mass_deletion_is_refused_until_it_is_meant(indexed: Ragcli, work: Path) -> None:
    for name in ("backup.md", "keys.txt"):
        (work / "docs" / name).unlink()
    refused = indexed("ingest", "docs")
    assert (refused.status, refused.out) == (4, "")
    assert "--yes" in refused.err
    assert indexed("status", "--format", "json").result["catalog"]["documents"] == 3
    assert indexed("ingest", "docs", "--max-delete-fraction", "0.7").status == 0
    assert indexed("status", "--format", "json").result["catalog"]["documents"] == 1


def test_the_name_of_a_file_cannot_drive_the_terminal(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / "a\x1b[31mb\n.pdf").write_bytes(b"%PDF-1.4 nothing more")
    ran = ragcli("ingest", "docs")
    assert ran.err.startswith("failed: a\\x1b[31mb\\n.pdf: ")
    assert "\x1b" not in ran.out + ran.err


def test_a_name_that_is_not_utf8_is_no_obstacle(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / b"caf\xe9.txt".decode("utf-8", "surrogateescape")).write_text("A page.\n")
    ran = ragcli("ingest", "docs", "--dry-run")
    assert (ran.status, ran.out.splitlines()[1]) == (0, "+ caf\\xe9.txt")
    assert ragcli("ingest", "docs", "--format", "json").result["added"][1]["path"] == "caf\\xe9.txt"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["nowhere"], 4, "nowhere does not exist"),
        ([], 2, "ingest.sources"),
        (["docs", "--type", "word"], 2, "--type: there is no type 'word'"),
        (["docs", "docs/guides", "--name", "x"], 2, "--name names one document or folder"),
        (["docs", "--forget", "docs"], 2, "--forget takes no PATH"),
        (["--forget", "nothing"], 2, "there is no source 'nothing'"),
        (["docs", "--max-delete-fraction", "2"], 3, "max_delete_fraction: 2.0 is not in range"),
        (["docs", "--max-delete-fraction", "half"], 2, "--max-delete-fraction: 'half' is not a number"),
    ],
)
def test_failures(ragcli: Ragcli, words: list[str], status: int, message: str) -> None:
    ran = ragcli("ingest", *words)
    assert (ran.status, ran.out) == (status, "")
    assert message in ran.err
