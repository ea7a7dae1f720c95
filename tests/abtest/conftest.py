"""Experiments and what is observed of them, without an index."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ragcli.abtest.experiment import Experiment, Variant
from ragcli.abtest.metrics import MetricSpec
from ragcli.abtest.observations import Column, Counts, Observations
from ragcli.abtest.store import ExperimentStore

START = 1_700_000_000.0


def experiment(*metrics: MetricSpec, treatments: Sequence[str] = ("treatment",), **changes: object) -> Experiment:
    """A running one with equal shares."""
    names = ("control", *treatments)
    variants = tuple(Variant(name, f"{name}.yaml", f"print-{name}", {}) for name in names)
    made = Experiment(
        name="exp", variants=variants, metrics=metrics or (MetricSpec.parse("clicked"),), splits=(), salt="exp",
        state="running", created=START, started=START,
    )  # fmt: skip
    share = 1 / len(names)
    return replace(made.with_shares(dict.fromkeys(treatments, share), START), **changes)  # type: ignore[arg-type]  # named by the tests


def observed(
    variant: Sequence[int],
    values: Mapping[str, Sequence[Sequence[float]]],
    earlier: Mapping[str, Sequence[Sequence[float]]] | None = None,
    names: Sequence[str] = ("control", "treatment"),
    **counts: int,
) -> Observations:
    """Users by variant, and the values that each has of a recorded name."""

    def columns(found: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Column]:
        return {
            name: Column(
                np.repeat(np.arange(len(own)), [len(one) for one in own]), np.array([v for one in own for v in one])
            )
            for name, own in found.items()
        }

    nothing = dict.fromkeys(
        ("events", "before", "late", "unknown_users", "duplicates", "crossed", "moved", "overridden"), 0
    )
    size = len(variant)
    return Observations(
        names=tuple(names),
        users=tuple(f"u{place}" for place in range(size)),
        variant=np.array(variant, dtype=np.int64),
        exposed=START + np.arange(size, dtype=np.float64),
        after=columns(values),
        before=columns(earlier or {}),
        counts=Counts(**(nothing | counts)),
    )


@pytest.fixture
def store(tmp_path: Path) -> Callable[[], ExperimentStore]:
    """Opens the experiments of one catalog."""
    return lambda: ExperimentStore(tmp_path / "catalog.db")
