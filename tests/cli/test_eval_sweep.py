"""``ragcli eval sweep`` and ``ragcli eval make-dataset`` through the real command line."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.evaluate.sweep.conftest import write_documents

PAGES = {
    "backup.md": "# Taking snapshots\n\nA snapshot is a read-only copy of all files of a host at one moment.\n",
    "restore.md": "# Restoring files\n\nA restore copies the files of a snapshot back to the host they came from.\n",
    "keys.md": "# Rotating keys\n\nA signing key is a secret that the release server uses once a quarter.\n",
    "zoo.md": "# Animals of the zoo\n\nThe zebra eats grass all day, and the lion sleeps near the wall at night.\n",
}
QUESTIONS = [
    ("copy of files", {"backup.md": 2, "restore.md": 1}),
    ("when does the server use a key", {"keys.md": 1}),
    ("who sleeps at night", {"zoo.md": 1}),
    ("what is a secret", {"keys.md": 1}),
    ("files come back", {"restore.md": 1}),
    ("grass", {"zoo.md": 1}),
    ("one moment", {"backup.md": 1}),
    ("release once a quarter", {"keys.md": 1}),
]
CONFIG = """\
ingest:
  sources: [{path: docs}]
index:
  embedder: {kind: hashing, dimension: 8}
evaluate:
  dataset: queries.jsonl
  top_k: 3
"""
GRID = "query.fusion.kind: [rrf, minmax]\nquery.fusion.dense_weight: [0.1, 0.9]\n"


def ragcli(*words: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ragcli", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    write_documents(root, PAGES, QUESTIONS)
    (root / "ragcli.yaml").write_text(CONFIG, encoding="utf-8")
    (root / "grid.yaml").write_text(GRID, encoding="utf-8")
    return root


def test_a_sweep_needs_no_index_writes_the_winner_and_resumes(project: Path) -> None:
    words = ["eval", "sweep", "-c", "ragcli.yaml", "--grid", "grid.yaml", "--metric", "nDCG@3"]
    done = ragcli(*words, "--write", "best.yaml", cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("queries.jsonl: nDCG@3 on the ")
    assert "eval sweep: 5 points (0 from earlier runs), 1 way to cut, 1 index, 24 searches run" in done.stdout
    assert done.stdout.endswith("wrote best.yaml\n")
    again = ragcli(*words, "--format", "json", cwd=project)
    result = json.loads(again.stdout)["result"]
    assert result["work"]["resumed"] == len(result["points"]) == 5
    (chosen,) = [point for point in result["points"] if point["chosen"]]
    assert chosen["number"] == result["winner"]["number"]
    assert chosen["tune"] == max(point["tune"] for point in result["points"])
    assert result["winner"]["interval"]["low"] <= result["winner"]["held_out"] <= result["winner"]["interval"]["high"]
    shown = ragcli("config", "show", "-c", "best.yaml", "--format", "json", cwd=project)
    assert shown.returncode == 0, shown.stderr


def test_csv_has_a_row_for_each_point(project: Path) -> None:
    done = ragcli("eval", "sweep", "--grid", "grid.yaml", "--metric", "nDCG@3", "--format", "csv", cwd=project)
    header, *rows = list(csv.reader(io.StringIO(done.stdout)))
    assert header == ["point", "query.fusion.kind", "query.fusion.dense_weight", "tune nDCG@3", "chosen"]
    assert [row[:3] for row in rows] == [
        ["0", "minmax", "0.6"],
        ["1", "rrf", "0.1"],
        ["2", "rrf", "0.9"],
        ["3", "minmax", "0.1"],
        ["4", "minmax", "0.9"],
    ]
    assert [row[4] for row in rows].count("true") == 1


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--max-points", "3"], 2, "the grid has 4 points (2 x 2), more than the 3 allowed"),
        (["--holdout", "1"], 2, "--holdout 1 is no share"),
        (["--metric", "ncdg@3"], 2, "unknown metric"),
        (["--metric", "nDCG@50"], 2, "nDCG@50 needs 50 results"),
        (["--write", "ragcli.yaml"], 2, "--write would overwrite the base configuration"),
        (["--dataset", "none.jsonl"], 4, "no dataset at"),
    ],
)
def test_failures_have_their_status(project: Path, words: list[str], status: int, message: str) -> None:
    done = ragcli("eval", "sweep", "--grid", "grid.yaml", *words, cwd=project)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert message in done.stderr
    assert (project / "ragcli.yaml").read_text() == CONFIG


def test_candidates_below_top_k_are_warned_of(project: Path) -> None:
    (project / "grid.yaml").write_text("query.candidates: [1, 2]\n")
    done = ragcli("eval", "sweep", "--grid", "grid.yaml", "--metric", "nDCG@3", cwd=project)
    assert "query.candidates below evaluate.top_k changes nothing" in done.stderr


def test_made_questions_are_valid_and_can_be_scored(project: Path) -> None:
    assert ragcli("sync", cwd=project).returncode == 0
    done = ragcli("eval", "make-dataset", "made.jsonl", "--count", "4", cwd=project)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("eval make-dataset: 4 synthetic questions (")
    first = (project / "made.jsonl").read_text()
    assert ragcli("eval", "validate", "made.jsonl", cwd=project).returncode == 0
    assert ragcli("eval", "--dataset", "made.jsonl", "--metric", "hit@3", cwd=project).returncode == 0
    refused = ragcli("eval", "make-dataset", "made.jsonl", cwd=project)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "made.jsonl is there already" in refused.stderr
    ragcli("eval", "make-dataset", "made.jsonl", "--count", "4", "--force", cwd=project)
    assert (project / "made.jsonl").read_text() == first


def test_fewer_questions_than_asked_for_are_told(project: Path) -> None:
    assert ragcli("ingest", cwd=project).returncode == 0
    done = ragcli("eval", "make-dataset", "made.jsonl", "--format", "json", cwd=project)
    envelope = json.loads(done.stdout)
    assert envelope["result"]["questions"] == len((project / "made.jsonl").read_text().splitlines())
    assert envelope["warnings"] == [f"the documents yield only {envelope['result']['questions']} of 100 questions"]


def test_making_questions_needs_documents(project: Path) -> None:
    done = ragcli("eval", "make-dataset", "made.jsonl", cwd=project)
    assert done.returncode == 5
    assert "ragcli ingest" in done.stderr


def test_questions_are_written_by_a_model(project: Path, service: Any, reply: Callable[..., Any]) -> None:
    quote = "A signing key is a secret that the release server uses once a quarter."
    written = json.dumps({"question": "How often does the release server sign?", "quote": quote})
    service.always = lambda body: reply(written if "Write one question" in body["messages"][0]["content"] else "Yes.")
    assert ragcli("ingest", cwd=project).returncode == 0
    words = ["made.jsonl", "--model", "tiny", "--base-url", service.url, "--format", "json"]
    done = ragcli("eval", "make-dataset", *words, cwd=project)
    result = json.loads(done.stdout)["result"]
    assert (done.returncode, result["kinds"], result["refused"]["quote_elsewhere"]) == (0, {"llm": 1}, 3)
    assert result["tokens"] == 120 * len(service.bodies) == 120 * 5
    made = json.loads((project / "made.jsonl").read_text())
    assert (made["question"], made["relevant"]) == ("How often does the release server sign?", {"keys.md": 1})
