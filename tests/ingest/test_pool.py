"""Worker processes: results in order, and a file that takes its reader down costs only itself."""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.ingest import SourceConfig
from ragcli.config.settings import Config
from ragcli.errors import BackendError, MissingModelError
from ragcli.ingest.parse import FileOutcome, FileTask, Parser
from ragcli.ingest.pool import WorkerPool
from ragcli.ingest.recipe import Recipe, recipe_of
from ragcli.ingest.sources import Source
from ragcli.ingest.worker import Job

SLOW = "|a\n" * 60_000  # docutils takes time that grows with the square of these lines


def recipe(embedder: dict[str, Any] | None = None, **limits: Any) -> Recipe:
    config = Config.model_validate(
        {"ingest": {"limits": limits}, "index": {"embedder": embedder or {"kind": "hashing"}}}
    )
    return recipe_of(config, Source("docs", Path("/docs"), "path", SourceConfig(path=Path("/docs"))))


def job(number: int, name: str, text: str) -> Job:
    return Job(number, 0, len(text), FileTask(name, "", 0, None, text.encode()))


def run(jobs: list[Job], made: Recipe | None = None, workers: int = 2) -> list[FileOutcome]:
    with WorkerPool([made or recipe()], workers) as pool:
        return list(pool.run(iter(jobs)))


def children() -> list[int]:
    """Processes that this one started and that read files."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid() and b"ragcli.ingest.worker" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it ended meanwhile
    return found


def test_outcomes_are_those_of_this_process_in_the_order_of_the_jobs() -> None:
    jobs = [job(number, f"{number}.txt", f"text {number} " * (1 + number % 7 * 400)) for number in range(120)]
    here = [Parser(recipe()).read(one.task) for one in jobs]
    there = run(jobs)
    assert [one._replace(read_ns=0) for one in there] == [one._replace(read_ns=0) for one in here]
    assert children() == []


def test_jobs_are_taken_only_as_fast_as_results_are_used() -> None:
    taken = 0

    def jobs() -> Iterator[Job]:
        nonlocal taken
        for number in range(3000):
            taken += 1
            yield job(number, "slow.rst", SLOW) if number == 0 else job(number, f"{number}.txt", "text")

    with WorkerPool([recipe(max_parse_s=2)], 2) as pool:
        outcomes = pool.run(jobs())
        assert next(outcomes).state == "failed"
        assert 500 < taken < 600  # the other worker had time for all of them
        assert sum(1 for _ in outcomes) == 2999


def test_a_file_that_takes_too_long_costs_only_itself() -> None:
    jobs = [job(0, "a.txt", "a"), job(1, "slow.rst", SLOW), *(job(n, f"{n}.txt", f"text {n}") for n in range(2, 40))]
    started = time.monotonic()
    outcomes = run(jobs, recipe(max_parse_s=0.3))
    assert time.monotonic() - started < 30
    assert [one.path for one in outcomes if one.state != "read"] == ["slow.rst"]
    assert outcomes[1].reason == "reading it took longer than ingest.limits.max_parse_s allows"
    assert outcomes[1].digest == ""  # it is tried again by the next run
    assert [one.records[0].text for one in outcomes[2:]] == [f"text {n}" for n in range(2, 40)]


def test_a_worker_that_is_killed_costs_one_file() -> None:
    jobs = [job(0, "slow.rst", SLOW), *(job(n, f"{n}.txt", f"text {n}") for n in range(1, 30))]
    killed: list[int] = []

    def kill() -> None:
        while not killed:
            time.sleep(0.05)
            for process in children():
                used = sum(map(int, Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]))
                if used > 150:  # hundredths of a second: it is at the slow file
                    os.kill(process, signal.SIGKILL)
                    killed.append(process)

    thread = threading.Thread(target=kill)
    thread.start()
    outcomes = run(jobs, workers=1)
    thread.join()
    assert outcomes[0].reason == "reading it was ended by the system, most likely for want of memory"
    assert [one.state for one in outcomes] == ["failed"] + ["read"] * 29


def test_what_concerns_every_file_ends_the_run(tmp_path: Path) -> None:
    missing = recipe({"kind": "sentence-transformers", "model": str(tmp_path / "no-model")})
    with pytest.raises(MissingModelError) as caught:
        run([job(0, "a.txt", "text")], missing)
    assert caught.value.hint
    assert children() == []


def test_workers_that_cannot_start_are_told_not_started_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(BackendError, match="ended as it started, with status 1") as caught:
        run([job(0, "a.txt", "text")])
    assert "ingest.workers=1" in caught.value.hint


def test_a_program_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/program")
    with pytest.raises(BackendError, match="cannot be started: No such file or directory"):
        run([job(0, "a.txt", "text")])


def test_ctrl_c_in_a_terminal_does_not_reach_the_workers() -> None:
    with WorkerPool([recipe()], 1):
        (worker,) = children()
        assert os.getpgid(worker) != os.getpgrp()


def test_leaving_early_leaves_no_process() -> None:
    with WorkerPool([recipe()], 2) as pool:
        next(pool.run(iter([job(0, "a.txt", "a"), job(1, "slow.rst", SLOW)])))
    assert children() == []
