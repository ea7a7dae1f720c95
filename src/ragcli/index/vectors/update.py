"""The next generation's vectors from its parent's: link what holds, write what is new, rebuild when that pays."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.index import VectorsConfig
from ragcli.index.vectors.segments import contains
from ragcli.index.vectors.store import VectorsState, link_segment, read_delta, read_rows, write_base, write_delta

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectorise = Callable[[NDArray[np.int64]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Parent:
    """The vectors that the next ones start from: their folder and what it holds."""

    directory: Path
    state: VectorsState


@dataclass(frozen=True, slots=True)
class VectorsPlan:
    """Which chunk rows need a vector, and what becomes of the parent's segments.

    Attributes:
        rebuild: Whether a new base is built of all rows; otherwise the parent's is linked.
        rows: Chunk rows whose vectors are needed, ascending: all, or those of neither of the parent's segments.
        kept: Positions of the parent's delta that stay, when it is not rebuilt.
        dead: Rows of the base that are no longer in the generation.
    """

    rebuild: bool
    rows: "NDArray[np.int64]"
    kept: "NDArray[np.int64]"
    dead: int


def plan(live: "NDArray[np.int64]", parent: Parent | None, compact_fraction: float, rebuild: bool) -> VectorsPlan:
    """What to do for the chunk rows ``live``, ascending.

    Args:
        live: Rows of the generation to be made.
        parent: None when there are no vectors that could be built upon.
        compact_fraction: Rebuild when the delta or the dead rows exceed this share of the base.
        rebuild: Rebuild in any case.
    """
    import numpy as np

    nothing = np.empty(0, np.int64)
    if parent is None or rebuild:
        return VectorsPlan(True, live, nothing, 0)
    base, delta = read_rows(parent.directory, "base"), read_rows(parent.directory, "delta")
    kept = np.flatnonzero(contains(live, delta))
    new = live[~contains(base, live) & ~contains(delta, live)]
    dead = len(base) - int(contains(live, base).sum())
    bound = compact_fraction * len(base)
    if len(kept) + len(new) > bound or dead > bound:
        return VectorsPlan(True, live, nothing, 0)
    return VectorsPlan(False, new, kept, dead)


def write(
    directory: Path, chosen: VectorsPlan, parent: Parent | None, config: VectorsConfig, vectors: "NDArray[np.float32]"
) -> VectorsState:
    """Write what was planned; ``vectors`` [n, d] are those of ``chosen.rows``."""
    import numpy as np

    dimension = vectors.shape[1]
    if chosen.rebuild or parent is None:
        type_ = write_base(directory, config, vectors, chosen.rows)
        return VectorsState(dimension, type_, len(chosen.rows), 0, 0)
    link_segment(parent.directory, directory, "base")
    count = len(chosen.kept) + len(chosen.rows)
    if count == len(chosen.kept) == parent.state.delta > 0:
        link_segment(parent.directory, directory, "delta")
    elif count:
        kept_rows = read_rows(parent.directory, "delta")[chosen.kept]
        kept = read_delta(parent.directory)[chosen.kept] if len(chosen.kept) else vectors[:0]
        rows = np.concatenate([kept_rows, chosen.rows])
        order = np.argsort(rows)
        write_delta(directory, config, np.concatenate([kept, vectors])[order], rows[order])
    return VectorsState(parent.state.dimension, parent.state.type, parent.state.base, count, chosen.dead)
