"""A generation's vectors on disk: ``base.faiss`` and ``delta.faiss``, each with ``*.rows.npy``."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ragcli.config.index import VectorsConfig
from ragcli.errors import IndexCorruptError
from ragcli.index.row_numbers import read_row_numbers
from ragcli.index.vectors.building import VectorType, build, build_delta, resolve_type
from ragcli.index.vectors.engines import wrap
from ragcli.index.vectors.library import load_faiss
from ragcli.index.vectors.segments import Segment, SegmentedIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SegmentName: TypeAlias = Literal["base", "delta"]


@dataclass(frozen=True, slots=True)
class VectorsState:
    """What the vector files of a generation hold.

    Attributes:
        type: What the base was built as (``auto`` and its fallbacks resolved).
        base: Vectors in the base, dead ones included.
        delta: Vectors in the delta, which is always flat.
        dead: How many of both are no longer in the generation.
    """

    dimension: int
    type: VectorType
    base: int
    delta: int
    dead: int


def write_base(
    directory: Path, config: VectorsConfig, vectors: "NDArray[np.float32]", rows: "NDArray[np.int64]"
) -> VectorType:
    """Build the base of unit vectors [n, d] whose chunk rows [n] ascend; return the type it became."""
    type_ = resolve_type(config, *vectors.shape)
    _write(directory, "base", build(config, type_, vectors), rows)
    return type_


def write_delta(
    directory: Path, config: VectorsConfig, vectors: "NDArray[np.float32]", rows: "NDArray[np.int64]"
) -> None:
    """Write the delta of unit vectors [n, d] whose chunk rows [n] ascend."""
    _write(directory, "delta", build_delta(config, vectors), rows)


def _write(directory: Path, name: SegmentName, index: Any, rows: "NDArray[np.int64]") -> None:
    faiss = load_faiss()
    import numpy as np

    directory.mkdir(exist_ok=True)
    with (directory / f"{name}.faiss").open("wb") as file:
        # FAISS's own file writer loses an error in the last, buffered write: a full disk would pass unnoticed.
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))
    np.save(directory / f"{name}.rows.npy", rows)


def link_segment(parent: Path, directory: Path, name: SegmentName) -> None:
    """Take a segment over from the parent generation without copying it."""
    directory.mkdir(exist_ok=True)
    for suffix in ("faiss", "rows.npy"):
        os.link(parent / f"{name}.{suffix}", directory / f"{name}.{suffix}")


def read_rows(directory: Path, name: SegmentName) -> "NDArray[np.int64]":
    """Chunk rows of a segment by position; empty when there is no such segment."""
    import numpy as np

    path = directory / f"{name}.rows.npy"
    if not path.exists():
        return np.empty(0, np.int64)
    return read_row_numbers(path)


def read_delta(directory: Path) -> "NDArray[np.float32]":
    """The vectors of the delta, shape [n, d]."""
    index = _read(directory / "delta.faiss")
    vectors: NDArray[np.float32] = index.reconstruct_n(0, index.ntotal)
    return vectors


def read_base(directory: Path) -> "NDArray[np.float32]":
    """The vectors of a flat base, shape [n, d]."""
    index = _read(directory / "base.faiss")
    vectors: NDArray[np.float32] = index.reconstruct_n(0, index.ntotal)
    return vectors


def open_vectors(
    directory: Path, state: VectorsState, config: VectorsConfig, alive: "NDArray[np.int64]"
) -> SegmentedIndex:
    """Map a generation's vectors into memory.

    Args:
        directory: The generation's ``vectors`` folder.
        state: What it holds.
        config: How thoroughly to search (``ef_search``, ``nprobe``).
        alive: The generation's chunk rows, ascending.

    Raises:
        IndexCorruptError: a file is damaged or does not hold what ``state`` says.
        FileNotFoundError: a file is not there: the generation was removed, or damaged.
    """
    kinds: list[tuple[SegmentName, VectorType, int]] = [
        ("base", state.type, state.base),
        ("delta", "flat", state.delta),
    ]
    segments = []
    for name, type_, count in kinds:
        if count == 0:
            continue
        index, rows = _read(directory / f"{name}.faiss"), read_rows(directory, name)
        if not index.ntotal == len(rows) == count or index.d != state.dimension:
            raise IndexCorruptError(
                f"{directory / name}.faiss holds {index.ntotal} vectors of {index.d} components and {len(rows)} rows,"
                f" but the manifest says {count} of {state.dimension}",
                hint="ragcli doctor",
            )
        segments.append(Segment(wrap(type_, index, config), rows, alive if state.dead else None))
    return SegmentedIndex(state.dimension, segments)


def _read(path: Path) -> Any:
    faiss = load_faiss()

    if not path.exists():
        raise FileNotFoundError(path)
    try:
        return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise IndexCorruptError(f"{path} is damaged: FAISS cannot read it", hint="ragcli doctor") from error
