"""``ragcli sync``: both steps, told in one line."""

import re
import shutil
from pathlib import Path
from typing import Any

from ragcli.workspace import Workspace
from ragcli.workspace.lock import WriterLock

Ragcli = Any


def test_one_line_fit_for_a_mail(ragcli: Ragcli, work: Path, write: Any) -> None:
    ran = ragcli("sync", "docs")
    assert (ran.status, ran.err) == (0, "")
    assert re.fullmatch(r"sync: 3 added, 0 changed, 0 removed, 0 unchanged; generation 000001; \d+\.\d s\n", ran.out)
    write("keys.txt", "Signing keys rotate once a month.\n")
    (work / "docs" / "backup.md").unlink()
    ran = ragcli("sync", "docs")
    assert re.fullmatch(r"sync: 0 added, 1 changed, 1 removed, 1 unchanged; generation 000002; \d+\.\d s\n", ran.out)
    ran = ragcli("sync", "docs")
    assert re.fullmatch(r"sync: 0 added, 0 changed, 0 removed, 2 unchanged; generation 000002; \d+\.\d s\n", ran.out)


def test_the_line_in_the_readme_is_one() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = r"^sync: \d+ added, \d+ changed, \d+ removed, \d+ unchanged; generation \d{6}; \d+\.\d s$"
    assert re.search(shown, readme, re.MULTILINE)


def test_without_paths_it_reads_the_configured_sources(ragcli: Ragcli, work: Path) -> None:
    (work / "ragcli.yaml").write_text("ingest:\n  sources:\n    - path: docs\n      include: ['/*.md']\n")
    assert "sync: 1 added," in ragcli("sync").out
    (hit,) = ragcli("query", "snapshots", "-s", "lexical", "--format", "json").result["queries"][0]["hits"]
    assert hit["document"] == "backup.md"


def test_json_has_what_both_steps_did(ragcli: Ragcli) -> None:
    ran = ragcli("sync", "docs", "--format", "json")
    assert (ran.envelope["command"], ran.envelope["ok"]) == ("sync", True)
    assert (len(ran.result["ingest"]["added"]), ran.result["index"]["added"]) == (3, 3)
    assert ran.result["index"]["generation"] == "000001"
    assert ran.result["seconds"] > 0


def test_an_unreadable_file_does_not_keep_the_rest_from_the_index(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more")
    ran = ragcli("sync", "docs")
    assert ran.status == 0
    assert ran.out.startswith("sync: 3 added, 0 changed, 0 removed, 0 unchanged, 1 failed; generation 000001")
    strict = ragcli("sync", "docs", "--strict")
    assert (strict.status, strict.err.splitlines()[-1]) == (4, "error: 1 file could not be read")
    assert strict.out.startswith("sync: 0 added")


def test_a_mass_deletion_stops_before_the_index(indexed: Ragcli, work: Path) -> None:
    for name in ("backup.md", "keys.txt"):
        (work / "docs" / name).unlink()
    ran = indexed("sync", "docs")
    assert (ran.status, ran.out) == (4, "")
    assert indexed("status", "--format", "json").result["index"]["generation"] == "000001"
    assert "2 removed" in indexed("sync", "docs", "--yes").out


def test_standard_input_is_for_ingest(ragcli: Ragcli) -> None:
    ran = ragcli("sync", "-", stdin=b"text")
    assert (ran.status, ran.out) == (2, "")
    assert "ragcli ingest -" in ran.err


def test_what_was_removed_altogether_is_no_longer_found(indexed: Ragcli, work: Path) -> None:
    shutil.rmtree(work / "docs")
    (work / "docs").mkdir()
    assert indexed("sync", "docs", "--yes").status == 4
    ran = indexed("query", "signing keys")
    assert (ran.status, ran.out) == (5, "")
    assert "everything that was indexed has been removed since" in ran.err


def test_a_dry_run_shows_the_plan_and_changes_nothing(indexed: Ragcli, work: Path, write: Any) -> None:
    write("new.md", "# New\n\nText.\n")
    (work / "docs" / "backup.md").unlink()
    ran = indexed("sync", "docs", "--dry-run")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("+ new.md\n- backup.md\nplan: 1 added, 0 changed, 1 removed, 2 unchanged; ")
    told = indexed("sync", "docs", "--dry-run", "--format", "json").result
    assert (told["index"], [one["path"] for one in told["ingest"]["added"]]) == (None, ["new.md"])
    assert indexed("query", "signing keys").status == 0  # nothing was ingested, so nothing is stale


def test_both_steps_hold_one_lock(indexed: Ragcli, work: Path, write: Any) -> None:
    with WriterLock(Workspace(work / ".ragcli"), command="another"):
        ran = indexed("sync", "docs")
    assert (ran.status, "(another)" in ran.err) == (8, True)


def test_a_failed_index_run_leaves_the_old_answers(indexed: Ragcli, write: Any) -> None:
    """Ingested but not indexed: the live generation goes on answering, and says so."""
    write("new.md", "# New\n\nText.\n")
    nothing = ["--set", "index.embedder.kind=none", "--set", "index.lexical.kind=none"]
    assert indexed("sync", "docs", *nothing).status == 3
    ran = indexed("query", "signing keys", "-s", "lexical")
    assert (ran.status, "warning: documents were ingested" in ran.err) == (0, True)
    assert indexed("sync", "docs").status == 0
    assert indexed("query", "signing keys", "-s", "lexical").err == ""


def test_what_is_skipped_is_told_once(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / "empty.md").write_text("\n", encoding="utf-8")
    (work / "docs" / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 photo")
    first = ragcli("sync", "docs")
    assert re.fullmatch(r"skipped: empty\.md: .+\nskipped: photo\.jpg: .+\n", first.err)
    assert "2 skipped" in first.out
    again = ragcli("sync", "docs")
    assert (again.err, "2 skipped" in again.out) == ("", True)
    assert ragcli("sync", "docs", "--dry-run").err == first.err
    told = ragcli("sync", "docs", "--format", "json").result["ingest"]["skipped"]
    assert [(one["path"], one["new"]) for one in told] == [("empty.md", False), ("photo.jpg", False)]


def test_the_configuration_in_use_is_no_document(ragcli: Ragcli, work: Path) -> None:
    (work / "docs" / "other.yaml").write_text("query:\n  top_k: 3\n", encoding="utf-8")
    assert "sync: 3 added" in ragcli("sync", "docs", "-c", "docs/other.yaml", "-w", ".ragcli").out
    assert "sync: 1 added" in ragcli("sync", "docs", "-w", ".ragcli").out  # without it, a file like any other
