"""``ragcli status``: what is there, without opening it."""

import json
import os
from pathlib import Path
from typing import Any

Ragcli = Any


def rows(text: str) -> dict[str, str]:
    """The lines of the table by their first word."""
    return {line.split()[0]: line.split(maxsplit=1)[1] for line in text.splitlines()}


def test_a_fresh_index(indexed: Ragcli, work: Path) -> None:
    ran = indexed("status")
    assert (ran.status, ran.err) == (0, "")
    shown = rows(ran.out)
    assert shown["workspace"] == str(work / ".ragcli")
    assert shown["catalog"] == "3 documents, 3 chunks, 3 files"
    assert shown["generation"].startswith("000001, made ")
    assert shown["generation"].endswith(" seconds ago, 1 kept")
    assert shown["chunks"] == "3 indexed"
    assert shown["vectors"] == "flat, 256 components; 3 in the base, 0 in the delta, 0 dead"
    assert shown["model"].startswith("hashing-256")
    assert shown["lexical"] == "tantivy"
    assert shown["fresh"] == "the index has everything that was ingested"
    assert "writer" not in shown
    assert indexed("status", "--format", "json").result["index"]["fresh"] is True


def test_before_the_first_index(ragcli: Ragcli) -> None:
    ragcli("ingest", "docs")
    assert rows(ragcli("status").out)["index"] == "none yet: run ragcli index"
    assert ragcli("status", "--format", "json").result["index"] is None


def test_what_is_not_indexed_yet(indexed: Ragcli, work: Path, write: Any) -> None:
    write("new.txt", "Another page.\n")
    (work / "docs" / "keys.txt").unlink()
    (work / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    indexed("ingest", "docs")
    shown = rows(indexed("status").out)
    assert shown["catalog"] == "3 documents, 3 chunks, 4 files, 1 of them failed"
    assert shown["pending"] == "1 chunks to add, 1 to remove: run ragcli index"
    assert "fresh" not in shown
    index = indexed("status", "--format", "json").result["index"]
    assert (index["pending_added"], index["pending_removed"], index["changed_settings"]) == (1, 1, [])
    assert index["fresh"] is False


def test_failed_files_are_those_of_the_run_and_named(indexed: Ragcli, work: Path) -> None:
    docs = work / "docs"
    for place in range(6):
        (docs / f"{place}.pdf").write_bytes(b"%PDF-1.4 nothing more")
    (docs / "loop").symlink_to("loop")
    (docs / "out.md").symlink_to(work)
    ran = indexed("sync", "docs")
    assert "3 unchanged, 1 skipped, 7 failed" in ran.out
    shown = indexed("status").out.splitlines()
    assert "catalog     3 documents, 3 chunks, 10 files, 7 of them failed" in shown
    failed = [line for line in shown if line.startswith("failed")]
    assert len(failed) == 6
    assert failed[0].startswith("failed      0.pdf: ")
    assert failed[-1] == "failed      2 more; --format json lists them all"
    listed = indexed("status", "--format", "json").result["failed"]
    assert [one["path"] for one in listed] == [*(f"{place}.pdf" for place in range(6)), "loop"]
    assert listed[-1] == {"source": "docs", "path": "loop", "reason": "a symbolic link that leads back to itself"}
    (docs / "loop").unlink()
    again = indexed("sync", "docs", "--strict")
    assert (again.status, "0 removed, 3 unchanged, 1 skipped, 6 failed" in again.out) == (4, True)
    assert "skipped" not in again.err
    assert len(indexed("status", "--format", "json").result["failed"]) == 6


def test_other_settings(indexed: Ragcli) -> None:
    shown = rows(indexed("status", "--set", "index.lexical.language=de").out)
    assert shown["stale"] == "built with other settings of index.lexical.language: run ragcli index"


def test_a_lexical_index_has_no_vectors(ragcli: Ragcli) -> None:
    lexical = ["--set", "index.embedder.kind=none"]
    ragcli("sync", "docs", *lexical)
    shown = rows(ragcli("status", *lexical).out)
    assert not {"vectors", "model"} & set(shown)
    assert shown["lexical"] == "tantivy"


def test_the_writer_is_named_while_it_lives(indexed: Ragcli, work: Path) -> None:
    lock = work / ".ragcli" / "lock"
    lock.write_text(json.dumps({"pid": os.getpid(), "started": "2026-01-02T03:04:05+00:00", "command": "ragcli index"}))
    assert rows(indexed("status").out)["writer"] == (
        f"process {os.getpid()} (ragcli index) since 2026-01-02T03:04:05+00:00"
    )
    lock.write_text(json.dumps({"pid": 2**22 + 1, "started": "2026-01-02T03:04:05+00:00"}))
    assert "writer" not in rows(indexed("status").out)


def test_no_workspace_is_an_error_with_its_own_status(ragcli: Ragcli, work: Path) -> None:
    ran = ragcli("status", "--workspace", "elsewhere", "--format", "json")
    assert (ran.status, ran.envelope["ok"], ran.result) == (5, False, None)
    assert ran.envelope["error"] == {
        "code": "index_missing",
        "exit_status": 5,
        "message": f"there is no workspace at {work / 'elsewhere'}",
        "hint": "ragcli ingest PATH",
    }
    assert not (work / "elsewhere").exists()
