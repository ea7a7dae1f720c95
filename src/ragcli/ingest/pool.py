"""Worker processes that read files side by side, with results in the order of the jobs.

A worker that dies costs the one file it was reading: the file is reported, the rest goes to a fresh worker.
"""

import json
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Self

from ragcli.errors import BackendError
from ragcli.ingest.parse import FileOutcome
from ragcli.ingest.recipe import Recipe
from ragcli.ingest.worker import Answer, Fatal, Job

_BATCH_FILES = 16
_BATCH_BYTES = 256 * 1024
_AHEAD = 512  # how many files may be ahead of the oldest unfinished one: bounds what waits in memory
_AHEAD_BYTES = 64 * 2**20
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[2])\n"
    "from ragcli.ingest.worker import main; main(int(sys.argv[1]))"
)


class _Worker:
    """One process, and the jobs it was given and has not answered, in order."""

    def __init__(self, recipes: Sequence[Recipe]) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"}
        with ours, theirs:  # ours is detached once the process is there
            command = [sys.executable, "-P", "-c", _START, str(theirs.fileno()), json.dumps(sys.path)]
            # In a group of its own: Ctrl-C goes to the whole group of the terminal, and the pool decides what it means.
            self.process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), env=environment, process_group=0)
            self.connection = Connection(ours.detach())
        self.jobs: deque[Job] = deque()
        self.ready = False
        with suppress(OSError):  # when it died already, the reading end tells
            self.connection.send(list(recipes))

    @property
    def hungry(self) -> bool:
        """Whether it would soon have nothing to do."""
        return len(self.jobs) < _BATCH_FILES and sum(job.size for job in self.jobs) < _BATCH_BYTES

    def give(self, batch: list[Job]) -> None:
        self.jobs.extend(batch)
        self.connection.send_bytes(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))

    def stop(self) -> int:
        """End the process; return how it ended, negative for a signal."""
        self.connection.close()
        return self.process.wait()

    def kill(self) -> None:
        self.process.kill()
        self.stop()


class WorkerPool:
    """Processes that read files; a context manager.

    Args:
        recipes: What jobs refer to by number.
        workers: How many processes.
    """

    def __init__(self, recipes: Sequence[Recipe], workers: int) -> None:
        self._recipes = recipes
        self._count = workers
        self._workers: list[_Worker] = []
        self._again: deque[Job] = deque()  # given to a worker that died over an earlier job
        self._done: dict[int, FileOutcome] = {}

    def __enter__(self) -> Self:
        for _ in range(self._count):
            try:
                self._start()
            except BackendError:
                self.__exit__()
                raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()

    def run(self, jobs: Iterable[Job]) -> Iterator[FileOutcome]:
        """Outcomes in the order of the jobs, which are numbered from 0 and taken only as fast as results are used.

        Raises:
            RagcliError: what a worker raised, if it concerns every file.
            BackendError: a worker cannot be started.
        """
        source = _Source(jobs)
        number = 0
        while True:
            self._feed(source, number)
            while number in self._done:
                outcome = self._done.pop(number)
                source.finished(number)
                yield outcome
                number += 1
                self._feed(source, number)
            if not any(worker.jobs for worker in self._workers):
                return
            self._listen()

    def _feed(self, source: "_Source", oldest: int) -> None:
        for worker in self._workers:
            # A second batch waits at the worker, so that it need not wait for us.
            while worker.hungry:
                batch = self._batch(source, oldest)
                if not batch:
                    return
                try:
                    worker.give(batch)
                except OSError:
                    break  # it died; the reading end tells

    def _batch(self, source: "_Source", oldest: int) -> list[Job]:
        if self._again:
            return [self._again.popleft()]
        return source.batch(oldest)

    def _listen(self) -> None:
        by_connection = {worker.connection: worker for worker in self._workers}
        for connection in wait(list(by_connection)):
            worker = by_connection[connection]  # type: ignore[index]  # what goes into wait() comes out of it
            try:
                message = worker.connection.recv_bytes()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            if not worker.ready:
                worker.ready = True
                continue
            self._take(worker, pickle.loads(message))  # noqa: S301 - from our own process

    def _take(self, worker: _Worker, answer: Answer) -> None:
        worker.jobs.popleft()
        if isinstance(answer.outcome, Fatal):
            raise answer.outcome.error(answer.outcome.message, hint=answer.outcome.hint)
        self._done[answer.number] = answer.outcome

    def _bury(self, worker: _Worker) -> None:
        status = worker.stop()
        self._workers.remove(worker)
        if not worker.ready:
            raise BackendError(
                f"a process that reads files ended as it started, with status {status}",
                hint="set RAGCLI_DEBUG=1 to see why, or read without such processes: --set ingest.workers=1",
            )
        if worker.jobs:
            job = worker.jobs.popleft()
            task = job.task
            self._done[job.number] = FileOutcome(
                task.path, job.size, task.mtime_ns, 0, "", "failed", _how_it_ended(status)
            )
            self._again.extend(worker.jobs)
        self._start()

    def _start(self) -> None:
        try:
            self._workers.append(_Worker(self._recipes))
        except OSError as error:
            raise BackendError(
                f"a process that reads files cannot be started: {error.strerror or error}",
                hint="read with fewer of them, or with none: --set ingest.workers=1",
            ) from error


class _Source:
    """Jobs in order, in batches, never too far ahead of the oldest that is unfinished."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = iter(jobs)
        self._next = next(self._jobs, None)
        self._sizes: dict[int, int] = {}
        self._bytes = 0

    def finished(self, number: int) -> None:
        """A job's result was used."""
        self._bytes -= self._sizes.pop(number)

    def batch(self, oldest: int) -> list[Job]:
        """The next jobs; none when the rest must wait."""
        batch: list[Job] = []
        size = 0
        while self._next is not None and len(batch) < _BATCH_FILES and size < _BATCH_BYTES:
            job = self._next
            if job.number - oldest >= _AHEAD or (self._sizes and self._bytes + job.size > _AHEAD_BYTES):
                break
            batch.append(job)
            size += job.size
            self._sizes[job.number] = job.size
            self._bytes += job.size
            self._next = next(self._jobs, None)
        return batch


def _how_it_ended(status: int) -> str:
    if status == -signal.SIGPROF:
        return "reading it took longer than ingest.limits.max_parse_s allows"
    if status == -signal.SIGKILL:
        return "reading it was ended by the system, most likely for want of memory"
    if status < 0:
        return f"reading it crashed the parser ({signal.Signals(-status).name})"
    return f"reading it ended the parser with status {status}"
