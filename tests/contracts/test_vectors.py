"""Every vector engine, held to brute force: values and rows, filters, tombstones, deltas, ties."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from ragcli.config.index import VectorsConfig
from ragcli.errors import ConfigError, IndexCorruptError
from ragcli.index.vectors import VectorIndex
from ragcli.index.vectors.building import resolve_type
from ragcli.index.vectors.store import VectorsState, open_vectors, write_base, write_delta

DIMENSION, DELTA, QUERIES = 16, 256, 12
FEW, MANY = 2_560, 10_240  # product quantisation cannot be trained on few
EXACT = ("flat-none", "flat-fp16")  # flat-sq8 scores its base with codes and its delta without
CONFIGS = {
    f"{kind}-{quantization}": VectorsConfig(type=kind, quantization=quantization, m=8, ef_construction=60)
    for kind in ("flat", "hnsw", "ivf_flat")
    for quantization in ("none", "fp16", "sq8")
} | {"ivf_pq-none": VectorsConfig(type="ivf_pq", m=8)}
# How far a stored score may be from the true one.
ERROR = {"none": 1e-6, "fp16": 2e-3, "sq8": 2e-2, "ivf_pq": 0.4}
# Share of the ten nearest found, nprobe and ef_search at their defaults.
RECALL = {"flat-none": 1.0, "flat-fp16": 0.97, "flat-sq8": 0.9, "hnsw-none": 0.97, "ivf_flat-none": 0.8}
RECALL |= {"hnsw-fp16": 0.95, "hnsw-sq8": 0.88, "ivf_flat-fp16": 0.8, "ivf_flat-sq8": 0.75, "ivf_pq-none": 0.5}


@dataclass(frozen=True)
class Data:
    """Unit vectors in clusters, the chunk row of each (with gaps), and questions near them."""

    vectors: NDArray[np.float32]
    rows: NDArray[np.int64]
    queries: NDArray[np.float32]
    scores: NDArray[np.float32]

    @property
    def base(self) -> int:
        return len(self.rows) - DELTA

    def best(self, query: int, top_k: int, among: NDArray[np.int64] | None = None) -> list[int]:
        """Brute force: the rows of the best vectors, lowest row first among equals."""
        scores = self.scores[query]
        rows = self.rows[np.lexsort((self.rows, -scores))]
        return [int(row) for row in (rows if among is None else rows[np.isin(rows, among)])[:top_k]]


def unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def make_data(count: int) -> Data:
    random = np.random.default_rng(7)
    centres = random.standard_normal((60, DIMENSION))
    near = centres[random.integers(60, size=count + DELTA + QUERIES)]
    vectors = unit(near + 0.5 * random.standard_normal(near.shape))
    rows = np.sort(random.choice(3 * count, count + DELTA, replace=False)).astype(np.int64)
    queries, vectors = vectors[:QUERIES], vectors[QUERIES:]
    return Data(vectors, rows, queries, queries @ vectors.T)


@dataclass(frozen=True)
class Built:
    name: str
    config: VectorsConfig
    directory: Path
    state: VectorsState
    data: Data

    @property
    def error(self) -> float:
        return ERROR["ivf_pq" if self.config.type == "ivf_pq" else self.config.quantization]

    def open(self, alive: NDArray[np.int64], dead: int = 0) -> VectorIndex:
        return open_vectors(self.directory, replace(self.state, dead=dead), self.config, alive)


@pytest.fixture(scope="module", params=CONFIGS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """An index on disk, a base and a delta."""
    directory = tmp_path_factory.mktemp("vectors")
    config = CONFIGS[request.param]
    data = make_data(MANY if config.type == "ivf_pq" else FEW)
    type_ = write_base(directory, config, data.vectors[: data.base], data.rows[: data.base])
    write_delta(directory, config, data.vectors[data.base :], data.rows[data.base :])
    assert type_ == config.type
    return Built(request.param, config, directory, VectorsState(DIMENSION, type_, data.base, DELTA, 0), data)


@pytest.fixture
def data(built: Built) -> Data:
    return built.data


@pytest.fixture
def index(built: Built, data: Data) -> VectorIndex:
    return built.open(data.rows)


def ordered(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> bool:
    pairs = list(zip((-scores).tolist(), rows.tolist(), strict=True))
    return pairs == sorted(pairs)


def test_scores_are_inner_products_in_order(built: Built, index: VectorIndex, data: Data) -> None:
    scores, rows = index.search(data.queries, 25)
    assert (str(scores.dtype), str(rows.dtype), scores.shape) == ("float32", "int64", (QUERIES, 25))
    assert len(index) == len(data.rows)
    true = data.scores
    for query in range(QUERIES):
        assert len(set(rows[query])) == 25
        assert ordered(scores[query], rows[query])
        at = np.searchsorted(data.rows, rows[query])
        assert data.rows[at].tolist() == rows[query].tolist()
        np.testing.assert_allclose(scores[query], true[query, at], atol=built.error)


def test_finds_the_nearest(built: Built, index: VectorIndex, data: Data) -> None:
    _, rows = index.search(data.queries, 10)
    found = np.mean([len(set(data.best(query, 10)) & set(rows[query].tolist())) / 10 for query in range(QUERIES)])
    assert found >= RECALL[built.name]


@pytest.mark.parametrize("allowed_count", [1, 7, 300, 900, 2_000, FEW + DELTA])
def test_a_filter_neither_leaks_nor_starves(built: Built, index: VectorIndex, data: Data, allowed_count: int) -> None:
    random = np.random.default_rng(allowed_count)
    allowed = np.sort(random.choice(data.rows, allowed_count, replace=False))
    scores, rows = index.search(data.queries, 20, allowed)
    wanted = min(20, allowed_count)
    found = []
    for query in range(QUERIES):
        assert (rows[query] >= 0).sum() == wanted
        assert set(rows[query, :wanted].tolist()) <= set(allowed.tolist())
        assert ordered(scores[query], np.where(rows[query] < 0, np.iinfo(np.int64).max, rows[query]))
        found.append(len(set(data.best(query, wanted, allowed)) & set(rows[query].tolist())) / wanted)
    if allowed_count <= 20:
        assert np.mean(found) == 1
    assert np.mean(found) >= RECALL[built.name] - 0.05


def test_a_filter_far_from_the_question_still_gives_its_best(built: Built, index: VectorIndex, data: Data) -> None:
    """Allowed rows are those least like the question: where a search that filters afterwards finds nothing."""
    scores = data.scores[0]
    allowed = np.sort(data.rows[np.argsort(scores)[:500]])
    _, rows = index.search(data.queries[:1], 5, allowed)
    if built.name == "flat-none":
        assert rows[0].tolist() == data.best(0, 5, allowed)
    assert set(rows[0].tolist()) <= set(allowed.tolist())


def test_unknown_rows_may_be_allowed_and_none_may(index: VectorIndex, data: Data) -> None:
    unknown = np.setdiff1d(np.arange(int(data.rows[-1]) + 50), data.rows)
    for allowed in (unknown, np.empty(0, np.int64)):
        scores, rows = index.search(data.queries[:3], 4, allowed)
        assert (rows == -1).all()
        assert np.isneginf(scores).all()
    some = np.sort(np.append(unknown, data.rows[5]))
    assert index.search(data.queries[:1], 4, some)[1].tolist() == [[int(data.rows[5]), -1, -1, -1]]


@pytest.mark.parametrize("share_dead", [0.01, 0.6, 0.99])
def test_tombstones_are_never_returned(built: Built, data: Data, share_dead: float) -> None:
    random = np.random.default_rng(3)
    alive = np.sort(random.choice(data.rows, int(len(data.rows) * (1 - share_dead)), replace=False))
    index = built.open(alive, dead=len(data.rows) - len(alive))
    assert len(index) == len(alive)
    _, rows = index.search(data.queries, 20)
    assert np.isin(rows, alive).all()
    allowed = np.sort(random.choice(data.rows, 700, replace=False))
    _, rows = index.search(data.queries, 20, allowed)
    expected = np.intersect1d(alive, allowed)
    assert ((rows >= 0).sum(axis=1) == min(20, len(expected))).all()
    assert np.isin(rows[rows >= 0], expected).all()


def test_the_delta_is_searched_too(built: Built, index: VectorIndex, data: Data) -> None:
    """A question that is one of the delta's vectors finds it first: the delta is exact."""
    scores, rows = index.search(data.vectors[data.base : data.base + 20], 1)
    assert rows[:, 0].tolist() == data.rows[data.base : data.base + 20].tolist()
    np.testing.assert_allclose(scores, 1, atol=min(built.error, ERROR["fp16"]))


def test_one_by_one_is_the_same_as_together(index: VectorIndex, data: Data) -> None:
    scores, rows = index.search(data.queries, 10)
    for query in range(QUERIES):
        one_scores, one_rows = index.search(data.queries[query : query + 1], 10)
        assert one_rows[0].tolist() == rows[query].tolist()
        assert one_scores[0].tolist() == scores[query].tolist()


def test_more_than_there_is(index: VectorIndex, data: Data) -> None:
    scores, rows = index.search(data.queries[:1], len(data.rows) + 100)
    assert sorted(rows[0, : len(data.rows)].tolist()) == data.rows.tolist()
    assert (rows[0, len(data.rows) :] == -1).all()
    assert np.isneginf(scores[0, len(data.rows) :]).all()


def test_same_vectors_same_bytes(built: Built, data: Data, tmp_path: Path) -> None:
    write_base(tmp_path, built.config, data.vectors[: data.base], data.rows[: data.base])
    assert (tmp_path / "base.faiss").read_bytes() == (built.directory / "base.faiss").read_bytes()


@pytest.mark.parametrize("keep", [0, 5, 100])
def test_a_damaged_file_is_named(built: Built, data: Data, tmp_path: Path, keep: int) -> None:
    for path in built.directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    target = tmp_path / "base.faiss"
    target.write_bytes(target.read_bytes()[:keep])
    with pytest.raises(IndexCorruptError, match=r"base\.faiss"):
        open_vectors(tmp_path, built.state, built.config, data.rows)


@pytest.mark.parametrize("name", CONFIGS)
def test_equal_vectors_come_in_order_of_rows(name: str, tmp_path: Path) -> None:
    """Two hundred copies of each of three vectors, cut in the middle: the lowest rows win, over all segments."""
    vectors = np.repeat(np.eye(3, DIMENSION, dtype=np.float32), 200, axis=0)[np.argsort(np.arange(600) % 200)]
    rows = np.arange(600, dtype=np.int64)
    base, delta = rows % 2 == 0, rows % 2 == 1
    type_ = write_base(tmp_path, CONFIGS[name], vectors[base], rows[base])
    write_delta(tmp_path, CONFIGS[name], vectors[delta], rows[delta])
    index = open_vectors(tmp_path, VectorsState(DIMENSION, type_, 300, 300, 0), CONFIGS[name], rows)
    query = np.zeros((1, DIMENSION), np.float32)
    query[0, 1] = 1
    expected = np.flatnonzero(vectors[:, 1] == 1)
    scores, found = index.search(query, 50)
    np.testing.assert_allclose(scores, 1, atol=ERROR["ivf_pq" if "pq" in name else name.split("-")[1]])
    assert ordered(scores[0], found[0])
    if name in EXACT:
        assert found[0].tolist() == expected[:50].tolist()
    everything = np.sort(index.search(query, 200)[1][0])
    assert everything.tolist() == expected.tolist()


def test_auto_is_exact_while_small_then_hnsw() -> None:
    auto = VectorsConfig()
    assert resolve_type(auto, 10, 384) == "flat"
    assert resolve_type(auto, 50_000, 384) == "flat"
    assert resolve_type(auto, 50_001, 384) == "hnsw"


def test_too_few_vectors_to_train_are_kept_flat() -> None:
    assert resolve_type(VectorsConfig(type="ivf_flat"), 155, 384) == "flat"
    assert resolve_type(VectorsConfig(type="ivf_flat"), 156, 384) == "ivf_flat"
    assert resolve_type(VectorsConfig(type="ivf_pq"), 9_983, 384) == "flat"
    assert resolve_type(VectorsConfig(type="ivf_pq"), 9_984, 384) == "ivf_pq"


def test_ivf_pq_wants_equal_parts() -> None:
    with pytest.raises(ConfigError, match=r"m is 16.*100 components") as caught:
        resolve_type(VectorsConfig(type="ivf_pq", m=16), 10, 100)
    assert "index.vectors.m=20" in caught.value.hint
    assert "10, 20" in caught.value.hint


Quantization = Literal["none", "fp16", "sq8"]


@pytest.mark.parametrize(("quantization", "bytes_each"), [("none", 4), ("fp16", 2), ("sq8", 1)])
def test_quantisation_saves_what_it_says(tmp_path: Path, quantization: Quantization, bytes_each: int) -> None:
    data = make_data(FEW)
    write_base(tmp_path, VectorsConfig(type="flat", quantization=quantization), data.vectors, data.rows)
    size = (tmp_path / "base.faiss").stat().st_size - len(data.rows) * DIMENSION * bytes_each
    assert 0 <= size <= 1_000
