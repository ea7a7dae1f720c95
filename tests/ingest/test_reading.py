"""Which runs are worth worker processes, and which files are never read in the process that writes."""

import os

import pytest

from ragcli.ingest.reading import _processes
from ragcli.ingest.scan import FoundFile

KIB, MIB = 2**10, 2**20


@pytest.mark.parametrize(
    ("files", "workers", "processes"),
    [
        ({"a.md": 10 * KIB}, 0, 0),
        ({"a.md": 10 * KIB}, 8, 0),  # a small run gains nothing
        ({f"{number}.md": 60 * KIB for number in range(40)}, 1, 0),
        ({f"{number}.md": 60 * KIB for number in range(40)}, 3, 3),
        ({"a.md": 70 * KIB}, 1, 1),  # large enough to be slow: only a worker can be stopped
        ({"A.PDF": KIB}, 1, 1),
        ({"a.docx": KIB, "b.md": KIB}, 8, 1),
        ({"a.pdf": 3 * MIB, "b.pdf": 3 * MIB}, 8, 2),
    ],
)
def test_workers_by_what_there_is_to_read(files: dict[str, int], workers: int, processes: int) -> None:
    found = [FoundFile(path, "", size, 0) for path, size in files.items()]
    assert _processes(found, sum(files.values()), workers) == processes


def test_as_many_workers_as_there_are_cores() -> None:
    found = [FoundFile(f"{number}.md", "", MIB, 0) for number in range(200)]
    assert _processes(found, 200 * MIB, 0) == len(os.sched_getaffinity(0))
