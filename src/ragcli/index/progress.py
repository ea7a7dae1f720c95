"""How long work tells how far it is, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """Listens to the progress of a run."""

    def update(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` units of a stage are finished. Called often: must be cheap."""
        ...


class NoProgress:
    """Listens to nothing."""

    def update(self, stage: str, done: int, total: int) -> None:
        """See ``Progress``."""
