"""``ragcli index`` and the generations it leaves."""

import re
from pathlib import Path
from typing import Any

import pytest

Ragcli = Any


@pytest.fixture
def three(indexed: Ragcli, write: Any) -> Ragcli:
    """Three generations of 3, 4 and 5 chunks; the third is live."""
    for number in (1, 2):
        write(f"new{number}.txt", f"Page number {number}.\n")
        assert indexed("sync", "docs").status == 0
    return indexed


def live(ragcli: Ragcli) -> str:
    return str(ragcli("status", "--format", "json").result["index"]["generation"])


def test_a_run_is_one_line(ragcli: Ragcli, write: Any) -> None:
    ragcli("ingest", "docs")
    ran = ragcli("index")
    assert (ran.status, ran.err) == (0, "")
    first = r"index: 3 added, 0 removed, 3 chunks; 3 embedded, 0 from cache; generation 000001; \d+\.\d s\n"
    assert re.fullmatch(first, ran.out)
    assert re.fullmatch(r"index: up to date, 3 chunks; generation 000001; \d+\.\d s\n", ragcli("index").out)
    write("new.txt", "Another page.\n")
    ragcli("ingest", "docs")
    again = r"index: 1 added, 0 removed, 4 chunks; 1 embedded, \d from cache; generation 000002; \d+\.\d s\n"
    assert re.fullmatch(again, ragcli("index").out)


def test_a_full_run_embeds_nothing_again(indexed: Ragcli) -> None:
    result = indexed("index", "--full", "--format", "json").result
    assert (result["generation"], result["changed"], result["rebuilt"]) == ("000002", True, True)
    assert (result["embedded"], result["cached"], result["chunks"]) == (0, 3, 3)


def test_compacting_folds_the_delta_in(three: Ragcli) -> None:
    before = three("status", "--format", "json").result["index"]["vectors"]
    result = three("index", "--compact", "--format", "json").result
    after = three("status", "--format", "json").result["index"]["vectors"]
    assert before["base"] + before["delta"] == 5
    assert (after["base"], after["delta"], after["dead"]) == (5, 0, 0)
    assert (result["embedded"], result["generation"]) == (0, "000004")


def test_history_lists_the_newest_first_and_marks_the_live_one(three: Ragcli) -> None:
    ran = three("index", "history")
    header, *rows = [line.split() for line in ran.out.splitlines()]
    assert header == ["generation", "made", "(UTC)", "chunks", "added", "removed", "MB", "model"]
    assert [row[:2] for row in rows] == [["000003", "*"], ["000002", rows[1][1]], ["000001", rows[2][1]]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", " ".join(rows[1][1:3]))
    assert len(ran.out.splitlines()[1].partition("hashing")[0]) <= 62  # room for the name of most models
    assert not [line for line in ran.out.splitlines() if line != line.rstrip()]
    result = three("index", "history", "--format", "json").result["generations"]
    assert [(row["name"], row["live"], row["chunks"], row["added"]) for row in result] == [
        ("000003", True, 5, 1),
        ("000002", False, 4, 1),
        ("000001", False, 3, 3),
    ]


def test_history_without_an_index(ragcli: Ragcli) -> None:
    ragcli("ingest", "docs")
    assert ragcli("index", "history").out == "no generation yet: run ragcli index\n"
    assert ragcli("index", "history", "--format", "json").result == {"generations": []}


def test_a_damaged_generation_is_listed_as_such(three: Ragcli, work: Path) -> None:
    (work / ".ragcli" / "generations" / "000001" / "manifest.json").write_text("{")
    last = three("index", "history").out.splitlines()[-1]
    assert last.split()[:2] == ["000001", "damaged"]
    assert "manifest" in last
    assert three("index", "rollback", "000001").status == 5


def test_rolling_back_answers_from_the_older_generation(three: Ragcli) -> None:
    ran = three("index", "rollback")
    assert (ran.status, ran.out) == (0, "index rollback: generation 000002 is live, 000003 was\n")
    assert live(three) == "000002"
    found = three("query", "page number", "-s", "lexical", "--format", "json")
    assert [hit["document"] for hit in found.result["queries"][0]["hits"]] == ["new1.txt"]
    assert three("index", "rollback", "000003", "--format", "json").result == {
        "generation": "000003",
        "before": "000002",
    }
    assert live(three) == "000003"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rollback", "000009"], "there is no generation 000009"),
        (["rollback", "../../docs"], "there is no generation ../../docs"),
        (["rollback"], "there is no generation before the live one"),
    ],
)
def test_there_must_be_something_to_go_back_to(indexed: Ragcli, words: list[str], message: str) -> None:
    ran = indexed("index", *words)
    assert (ran.status, ran.out) == (5, "")
    assert message in ran.err
    assert "ragcli index history" in ran.err
    assert live(indexed) == "000001"


def test_old_generations_go_with_what_only_they_needed(three: Ragcli, work: Path) -> None:
    (work / "docs" / "new1.txt").unlink()
    assert three("sync", "docs").status == 0
    keep = ["--set", "workspace.keep_generations=1"]
    shown = three("index", "gc", "--dry-run", *keep)
    assert shown.out == "index gc: would remove generations: 000002, 000003; leftovers: none\n"
    ran = three("index", "gc", *keep)
    assert ran.out == (
        "index gc: removed generations: 000002, 000003; 0 leftovers, 1 retired documents with 1 chunks,"
        " 0 cached embeddings\n"
    )
    assert [row["name"] for row in three("index", "history", "--format", "json").result["generations"]] == ["000004"]
    assert three("index", "gc", "--embeddings", *keep, "--format", "json").result["embeddings"] == 1
    assert three("doctor").status == 0


def test_leftovers_of_a_killed_run_are_removed(indexed: Ragcli, work: Path) -> None:
    (work / ".ragcli" / "generations" / ".building-1").mkdir()
    assert indexed("index", "gc", "--dry-run").out.endswith("leftovers: .building-1\n")
    assert indexed("index", "gc", "--format", "json").result["leftovers"] == [".building-1"]
    assert not (work / ".ragcli" / "generations" / ".building-1").exists()


@pytest.mark.parametrize("words", [["index"], ["index", "gc"], ["index", "rollback"], ["index", "history"]])
def test_nothing_ingested_is_an_error_with_its_own_status(ragcli: Ragcli, words: list[str]) -> None:
    ran = ragcli(*words)
    assert (ran.status, ran.out) == (5, "")
    assert "  try: ragcli " in ran.err


def test_options_of_index_do_not_stand_before_its_commands(indexed: Ragcli) -> None:
    ran = indexed("index", "--workspace", "elsewhere", "gc")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "error: --workspace stands before 'gc': put it behind\n  try: ragcli index gc --help\n"
