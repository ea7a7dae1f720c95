"""A process that reads files for the pool: started by it, fed over a socket, gone when the socket closes.

A file that takes its reader down takes only this process down.
"""

import math
import os
import pickle
import queue
import resource
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple

from ragcli.errors import RagcliError
from ragcli.ingest.parse import FileOutcome, FileTask, Parser
from ragcli.ingest.recipe import Recipe

_SLICE_BYTES = 8 * 2**20


class Job(NamedTuple):
    """A file to read: its place in the order of results, the recipe to use, and its size."""

    number: int
    recipe: int
    size: int
    task: FileTask


class Fatal(NamedTuple):
    """Something is wrong that concerns every file; the class travels by itself, with what its instance is made of."""

    error: type[RagcliError]
    message: str
    hint: str


class Answer(NamedTuple):
    """What became of a job."""

    number: int
    outcome: FileOutcome | Fatal


def main(descriptor: int) -> None:
    """Read files until the other end of the socket closes."""
    _isolate()
    connection = Connection(descriptor)
    recipes: Sequence[Recipe] = connection.recv()
    parsers = [Parser(recipe) for recipe in recipes]
    connection.send_bytes(b"ready")
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, jobs), daemon=True).start()
    while True:
        job = jobs.get()
        _limit_time(recipes[job.recipe].limits.max_parse_s * math.ceil((job.size + 1) / _SLICE_BYTES))
        answer = Answer(job.number, _read(parsers[job.recipe], job))
        _limit_time(0)
        connection.send_bytes(pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))


def _read(parser: Parser, job: Job) -> FileOutcome | Fatal:
    try:
        return parser.read(job.task)
    except RagcliError as error:
        return Fatal(type(error), error.message, error.hint)


def _receive(connection: Connection, jobs: "queue.SimpleQueue[Job]") -> None:
    """Take jobs off the socket at once, so that neither end ever waits for the other to read."""
    while True:
        try:
            batch: list[Job] = connection.recv()
        except (EOFError, OSError):
            os._exit(0)  # the pool is gone, whatever the main thread is stuck in
        for job in batch:
            jobs.put(job)


def _limit_time(seconds: float) -> None:
    """Let the kernel end this process after so much processor time; 0 lifts the limit."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _isolate() -> None:
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1) if os.environ.get("RAGCLI_DEBUG") else (0, 1, 2):
        os.dup2(nothing, standard)
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123 - no file of ours
            file.write("800")  # when memory runs out, the kernel is to end this process, not the one that writes
    except OSError:
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]))
