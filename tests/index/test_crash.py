"""Killed at any instruction, twice; a full disk; readers that never notice."""

import json
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.index.conftest import Corpus, settings

from ragcli.index.history import leftovers
from ragcli.index.reader import open_generation
from ragcli.workspace import generations

WORKLOAD = Path(__file__).with_name("crash_workload.py")
ROUNDS = 10


def test_killed_twice_the_next_run_completes_and_readers_never_notice(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(WORKLOAD), str(tmp_path / "workspace"), str(ROUNDS)],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["reader"] == 0, run.stderr
    assert int((tmp_path / "stop.rounds").read_text()) > ROUNDS
    assert report["kills"] >= ROUNDS
    for outcome in report["outcomes"]:
        assert set(outcome["killed"]) <= {0, 9}, run.stderr  # done before that step, or killed at it; never failed
        assert (outcome["final"], outcome["complete"], outcome["left"]) == (0, True, [])
    names = [int(outcome["generation"]) for outcome in report["outcomes"]]
    assert names == sorted(set(names))
    embedded = Counter((tmp_path / "embedded.log").read_text().splitlines())
    # Twice is what was in the making when the process was killed; what was finished is never made again.
    assert max(embedded.values()) <= 3
    assert sum(count > 1 for count in embedded.values()) <= 4 * report["kills"] / 4


def _limit_file_size(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [1_000, 30_000, 50_000])
def test_a_full_disk_loses_nothing(corpus: Corpus, tmp_path: Path, size: int) -> None:
    """No file may grow beyond a limit: what a full disk looks like to a process."""
    corpus.fill(2)
    corpus.index()
    corpus.write("more", [f"text number {number} of many" for number in range(200)])
    command = [
        *(sys.executable, "-m", "ragcli", "index", "-w", str(corpus.workspace.root)),
        *("--set", "index.embedder={kind: hashing, dimension: 64}"),
    ]
    full = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, preexec_fn=_limit_file_size(size))
    assert full.returncode == 7, full.stderr
    assert full.stderr.startswith("error: cannot ")
    assert "free some space" in full.stderr
    assert generations.list_generations(corpus.workspace) == ["000001"]
    assert leftovers(corpus.workspace) == []
    with open_generation(corpus.workspace, settings().index) as generation:
        assert len(generation.chunk_rows) == 6
        assert generation.pending
    enough = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert enough.returncode == 0, enough.stderr
    assert enough.stdout.startswith("index: 200 added, 0 removed, 206 chunks; ")
