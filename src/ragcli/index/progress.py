"""How long work tells how far it is, without knowing who listens."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Listens to the progress of a run."""

    def update(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of a stage are finished. Called often: must be cheap."""
        ...


class NoProgress:
    """Listens to nothing."""

    def update(self, stage: str, done: int, total: int) -> None:
        """See ``Progress``."""


def told(items: Iterable[T], stage: str, total: int, progress: Progress) -> Iterator[T]:
    """The items as they are, each one told to ``progress`` when the next is asked for."""
    for done, item in enumerate(items, 1):
        yield item
        progress.update(stage, done, total)
