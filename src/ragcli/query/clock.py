"""How long the stages of a search take."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Clock:
    """Adds up milliseconds per stage, in the order in which stages first ran."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, (time.perf_counter() - started) * 1000)

    def add(self, name: str, ms: float) -> None:
        """Count time that was measured elsewhere."""
        self.ms[name] = self.ms.get(name, 0.0) + ms


@contextmanager
def shared(clocks: Sequence[Clock], name: str) -> Iterator[None]:
    """Time what happens inside for all of a batch, in equal parts."""
    whole = Clock()
    try:
        with whole.stage(name):
            yield
    finally:
        for clock in clocks:
            clock.add(name, whole.ms[name] / len(clocks))
