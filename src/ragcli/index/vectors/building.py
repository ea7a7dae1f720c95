"""Which FAISS index to build for how many vectors, and building it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, assert_never

from ragcli.config.index import VectorsConfig
from ragcli.errors import ConfigError
from ragcli.index.vectors.library import load_faiss

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VectorType: TypeAlias = Literal["flat", "hnsw", "ivf_flat", "ivf_pq"]

AUTO_FLAT_MAX = 50_000
"""``auto`` is exact up to this many vectors, then HNSW. Measured: docs/adr/0004-vector-index.md."""
TRAINING_PER_CELL = 39
"""Fewest training vectors per k-means centroid, below which FAISS warns."""
_PQ_BITS = 8


def resolve_type(config: VectorsConfig, count: int, dimension: int) -> VectorType:
    """The type to build for ``count`` vectors: too few to train IVF are kept flat.

    Raises:
        ConfigError: ``ivf_pq`` whose ``m`` does not divide the dimension.
    """
    match config.type:
        case "auto":
            return "flat" if count <= AUTO_FLAT_MAX else "hnsw"
        case "ivf_pq":
            _check_parts(config.m, dimension)
            return "ivf_pq" if count >= 2**_PQ_BITS * TRAINING_PER_CELL else "flat"
        case "ivf_flat":
            return "ivf_flat" if count >= 4 * TRAINING_PER_CELL else "flat"
        case "flat" | "hnsw":
            return config.type
        case _:
            assert_never(config.type)


def shaping_settings(config: VectorsConfig, type_: VectorType) -> dict[str, str | int | None]:
    """The settings that shape the files of an index of this type: when they change, it is rebuilt."""
    match type_:
        case "flat":
            return {"type": type_, "quantization": config.quantization}
        case "hnsw":
            shape = {"type": type_, "quantization": config.quantization, "m": config.m}
            return {**shape, "ef_construction": config.ef_construction}
        case "ivf_flat":
            return {"type": type_, "quantization": config.quantization, "nlist": config.nlist}
        case "ivf_pq":
            return {"type": type_, "m": config.m, "nlist": config.nlist}
        case _:
            assert_never(type_)


def _check_parts(m: int, dimension: int) -> None:
    if dimension % m == 0:
        return
    divisors = sorted((n for n in range(2, 129) if dimension % n == 0), key=lambda n: abs(n - m))[:4]
    raise ConfigError(
        f"index.vectors.m is {m}, but ivf_pq cuts a vector into m equal parts and {dimension} components cannot be",
        hint=f"--set index.vectors.m={divisors[0]} (one of {sorted(divisors)})" if divisors else "use another type",
    )


def cells(config: VectorsConfig, count: int) -> int:
    """Number of IVF cells: as configured, else the square root of the count; never more than can be trained."""
    wanted = config.nlist if config.nlist is not None else round(count**0.5)
    return max(1, min(wanted, count // TRAINING_PER_CELL))


def build(config: VectorsConfig, type_: VectorType, vectors: "NDArray[np.float32]") -> Any:
    """A FAISS index of unit vectors, shape [n, d]; the same vectors give the same bytes.

    HNSW inserts on one thread: with more, links depend on the order in which threads win their locks.
    """
    count, dimension = vectors.shape
    index = _empty(config, type_, count, dimension)
    with _one_thread(type_ == "hnsw"):
        index.train(vectors)
        index.add(vectors)
    return index


def build_delta(config: VectorsConfig, vectors: "NDArray[np.float32]") -> Any:
    """An index that is searched exactly. Codes that need no training are as in the base, so that scores are too."""
    quantization: Literal["none", "fp16"] = "fp16" if config.quantization == "fp16" else "none"
    return build(VectorsConfig(type="flat", quantization=quantization), "flat", vectors)


def _empty(config: VectorsConfig, type_: VectorType, count: int, dimension: int) -> Any:
    faiss = load_faiss()

    metric, code = faiss.METRIC_INNER_PRODUCT, _codes(config)
    match type_:
        case "flat":
            return faiss.IndexFlatIP(dimension) if code is None else faiss.IndexScalarQuantizer(dimension, code, metric)
        case "hnsw":
            plain = code is None
            index = (
                faiss.IndexHNSWFlat(dimension, config.m, metric)
                if plain
                else faiss.IndexHNSWSQ(dimension, code, config.m, metric)
            )
            index.hnsw.efConstruction = config.ef_construction
            return index
        case "ivf_flat":
            coarse, lists = faiss.IndexFlatIP(dimension), cells(config, count)
            if code is None:
                return faiss.IndexIVFFlat(coarse, dimension, lists, metric)
            return faiss.IndexIVFScalarQuantizer(coarse, dimension, lists, code, metric, False)
        case "ivf_pq":
            coarse, lists = faiss.IndexFlatIP(dimension), cells(config, count)
            return faiss.IndexIVFPQ(coarse, dimension, lists, config.m, _PQ_BITS, metric)
        case _:
            assert_never(type_)


def _codes(config: VectorsConfig) -> int | None:
    faiss = load_faiss()

    match config.quantization:
        case "none":
            return None
        case "fp16":
            return int(faiss.ScalarQuantizer.QT_fp16)
        case "sq8":
            return int(faiss.ScalarQuantizer.QT_8bit)
        case _:
            assert_never(config.quantization)


@contextmanager
def _one_thread(wanted: bool) -> Iterator[None]:
    faiss = load_faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1 if wanted else len(os.sched_getaffinity(0)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
