"""Progress with rate and time left: on stderr, and only when it is a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from ragcli.index.progress import Progress
    from ragcli.ingest.result import Listener
    from ragcli.ingest.result import Progress as Reading


class _Stages:
    """One bar per stage, and one that moves while folders are searched or a model is exported."""

    def __init__(self, bar: "Bar", unit: str) -> None:
        self._bar = bar
        self._unit = unit
        self._tasks: dict[str, tuple[TaskID, float]] = {}
        self._preparing: TaskID | None = bar.add_task("preparing", total=None, rate="")

    def update(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of a stage are finished."""
        if self._preparing is not None:
            self._bar.remove_task(self._preparing)
            self._preparing = None
        if stage not in self._tasks:
            self._tasks[stage] = (self._bar.add_task(stage, total=total, rate=""), time.monotonic())
        task, started = self._tasks[stage]
        rate = done / max(time.monotonic() - started, 1e-3)
        self._bar.update(task, completed=done, total=total, rate=f"{rate:,.0f} {self._unit}/s")


@contextmanager
def indexing() -> "Iterator[Progress | None]":
    """Bars while the index is built; None where stderr is no terminal."""
    with _bars("chunks") as stages:
        yield stages


@contextmanager
def reading() -> "Iterator[Listener | None]":
    """A bar while files are read; None where stderr is no terminal."""
    with _bars("files") as stages:
        if stages is None:
            yield None
            return

        def listen(at: "Reading") -> None:
            stages.update("reading", at.files, at.total_files)

        yield listen


@contextmanager
def _bars(unit: str) -> Iterator[_Stages | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _Stages(bar, unit)
