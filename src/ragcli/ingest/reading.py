"""Read the files of a plan: in this process while they are few and harmless, otherwise in workers."""

import os
from collections.abc import Iterator, Sequence

from ragcli.ingest.parse import FileOutcome, FileTask, Parser
from ragcli.ingest.plan import SourcePlan
from ragcli.ingest.recipe import Recipe
from ragcli.ingest.result import Listener, Progress
from ragcli.ingest.scan import FoundFile
from ragcli.ingest.worker import Job
from ragcli.workspace.ledger import Ledger

_ISOLATED = (".pdf", ".docx", ".pptx", ".xlsx", ".epub")
"""Formats whose parsers are large C libraries or unpack archives: never in the process that writes."""
_SMALL_FILE_BYTES = 2**16  # whatever is in it, no parser takes minutes over it
_SMALL_RUN_BYTES = 2**20
_BYTES_PER_WORKER = 2**18


def read_files(
    plans: Sequence[SourcePlan],
    recipes: Sequence[Recipe],
    ledger: Ledger,
    workers: int,
    listener: Listener | None = None,
) -> Iterator[tuple[SourcePlan, FileOutcome]]:
    """Outcomes of all files to read, in the order of plans and paths.

    Args:
        plans: What to read.
        recipes: How, one per plan.
        ledger: Asked for the stored documents of changed files.
        workers: How many processes; 0 takes every core this process may use, 1 reads harmless files right here.
        listener: Told of every file.
    """
    todo = [(number, file) for number, plan in enumerate(plans) for file in plan.to_read]
    if not todo:
        return
    total = sum(file.size for _, file in todo)
    jobs = (
        Job(index, number, file.size, _task(plans[number], file, ledger)) for index, (number, file) in enumerate(todo)
    )
    processes = _processes([file for _, file in todo], total, workers)
    done = 0
    for index, outcome in enumerate(_outcomes(jobs, recipes, processes)):
        number, file = todo[index]
        done += file.size
        if listener is not None:
            listener(Progress(index + 1, len(todo), done, total))
        yield plans[number], outcome


def _outcomes(jobs: Iterator[Job], recipes: Sequence[Recipe], processes: int) -> Iterator[FileOutcome]:
    if not processes:
        parsers = [Parser(recipe) for recipe in recipes]
        for job in jobs:
            yield parsers[job.recipe].read(job.task)
        return
    from ragcli.ingest.pool import WorkerPool

    with WorkerPool(recipes, processes) as pool:
        yield from pool.run(jobs)


def _task(plan: SourcePlan, file: FoundFile, ledger: Ledger) -> FileTask:
    stored = ledger.versions(plan.source.name, file.path)
    versions = {id_: row.version for id_, row in stored.items()}
    return FileTask(file.path, file.location, file.mtime_ns, plan.source.type, plan.data.get(file.path), versions)


def _processes(files: Sequence[FoundFile], total: int, workers: int) -> int:
    """How many workers pay; none while the run is small and nothing in it is known for trouble."""
    trouble = any(file.size > _SMALL_FILE_BYTES or file.path.lower().endswith(_ISOLATED) for file in files)
    if not trouble and (workers == 1 or total < _SMALL_RUN_BYTES):
        return 0
    wanted = workers or len(os.sched_getaffinity(0))
    return max(1, min(wanted, len(files), -(-total // _BYTES_PER_WORKER)))
