"""Progress with rate and time left: on stderr, and only when it is a terminal."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import Task, TaskID
    from rich.text import Text

    from ragcli.index.progress import Progress
    from ragcli.ingest.result import Listener
    from ragcli.ingest.result import Progress as Reading


_EVERY_S = 0.1  # more samples than that would crowd the older ones out of those that rich takes a rate from


class Stages:
    """One bar per stage, and one that moves while folders are searched or a model is exported.

    A stage's bar begins with its second tenth of a second: what was done by then comes mostly from a cache, and says
    nothing of how fast the rest will be.
    """

    def __init__(self, bar: "Bar") -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, float] = {}
        self._preparing: TaskID | None = bar.add_task("preparing", total=None)

    def update(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of a stage are finished."""
        now = self._bar.get_time()
        if now - self._told.setdefault(stage, now) < _EVERY_S and done < total:
            return
        self._told[stage] = now
        if self._preparing is not None:
            self._bar.remove_task(self._preparing)
            self._preparing = None
        if stage in self._tasks:
            self._bar.update(self._tasks[stage], completed=done, total=total)
        else:
            self._tasks[stage] = self._bar.add_task(stage, completed=done, total=total)


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
def _bars(unit: str) -> Iterator[Stages | None]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with bars(unit, Console(stderr=True)) as bar:
        yield Stages(bar)


def bars(unit: str, console: "Console", get_time: "Callable[[], float]" = time.monotonic) -> "Bar":
    """Bars that tell how much is done, at what rate and in what time the rest will be."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Rate(TextColumn):
        """Over the last half minute; nothing before a second has passed."""

        def render(self, task: "Task") -> "Text":
            speed = task.finished_speed or task.speed or 0.0
            known = (task.finished_time or task.elapsed or 0) >= 1 and speed
            self.text_format = f"{speed:,.{1 if speed < 10 else 0}f} {unit}/s" if known else ""
            return super().render(task)

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(""), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, get_time=get_time)
