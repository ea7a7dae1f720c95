"""Who is asked when, and what work that two engines share counts for each of them."""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.abtest.compare.conftest import Load

from ragcli.abtest.compare.engines import RememberingCrossEncoder, ask_in_turn, opened, warm_up
from ragcli.errors import BackendError, ForeignModelError, IndexMissingError, IndexStaleError
from ragcli.evaluate.evaluation import Evaluation, evaluate
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.sweep.stages import Stages
from ragcli.models.hashing import HashingEmbedder
from ragcli.query.engine import Engine
from ragcli.records import Query
from ragcli.workspace import Workspace

QUERIES = tuple(Query(f"q{number}", f"question {number}") for number in range(200))


class Recorder:
    """Notes who is asked what; each question takes ``cost`` of the machine's ticks."""

    def __init__(
        self, name: str, log: list[tuple[str, str]], cost: float = 1.0, machine: "Machine | None" = None
    ) -> None:
        self.questions = QUERIES
        self.took: list[float] = []
        self._name, self._log, self._cost, self._machine = name, log, cost, machine or Machine(0.0)

    def ask(self, query: Query) -> None:
        self._log.append((self._name, query.id))
        self.took.append(self._machine.work(self._cost))


class Machine:
    """Grows slower by ``drift`` with every tick of work."""

    def __init__(self, drift: float) -> None:
        self._drift, self._ticks = drift, 0.0

    def work(self, ticks: float) -> float:
        before, self._ticks = self._ticks, self._ticks + ticks
        return ticks + self._drift * (self._ticks**2 - before**2) / 2


@pytest.mark.parametrize(("names", "first"), [("AB", "ABBAABBA"), ("ABC", "ABCCBAABC"), ("A", "AAAA")])
def test_the_order_turns_round_with_each_question(names: str, first: str) -> None:
    log: list[tuple[str, str]] = []
    between: list[int] = []
    ask_in_turn([Recorder(name, log) for name in names], after_each=lambda: between.append(len(log)))
    assert "".join(name for name, _ in log).startswith(first)
    asked = [query for _, query in log]
    assert asked == [query.id for query in QUERIES for _ in names]  # a question is done before the next one begins
    assert between == list(range(len(names), len(log) + 1, len(names)))


@pytest.mark.parametrize("drift", [0.01, 0.1])
def test_a_machine_that_slows_down_picks_no_winner_and_hides_none(drift: float) -> None:
    machine = Machine(drift)
    alike = [Recorder(name, [], machine=machine) for name in "AB"]
    ask_in_turn(alike)
    assert machine.work(1.0) > 4  # it is several times slower by now
    assert np.mean(alike[0].took) == pytest.approx(np.mean(alike[1].took), rel=1e-9)
    machine = Machine(drift)
    slow = [Recorder("A", [], cost=1.1, machine=machine), Recorder("B", [], machine=machine)]
    ask_in_turn(slow)
    assert np.mean(slow[0].took) / np.mean(slow[1].took) == pytest.approx(1.1, rel=0.01)
    machine = Machine(drift)
    blocks = [Recorder(name, [], machine=machine) for name in "AB"]
    for one in blocks:  # what this is held against
        for query in QUERIES:
            one.ask(query)
    assert np.mean(blocks[1].took) > 1.5 * np.mean(blocks[0].took)


@pytest.fixture
def slowing(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """A clock on which each look takes longer than the one before; tells how often it was looked at."""
    calls = itertools.count()
    seen = [0, 0.0]

    def look() -> float:
        seen[0] = next(calls)
        seen[1] += 0.001 * (1 + 0.01 * seen[0])
        return seen[1]

    monkeypatch.setattr(time, "perf_counter", look)
    return lambda: int(seen[0])


def test_real_engines_take_the_same_time_on_a_machine_that_slows_down(
    configured: Load, dataset: Dataset, slowing: Callable[[], int]
) -> None:
    with opened([configured("good")] * 2, share=False) as engines:
        evaluations = [Evaluation(engine, dataset, ["nDCG@3"], 5) for engine in engines]
        warm_up([Path("a"), Path("b")], engines, dataset.judged, 5)
        begun = slowing()
        ask_in_turn(evaluations)
        grown = (1 + 0.01 * slowing()) / (1 + 0.01 * begun)
        first, second = (evaluation.finish()[0].values["latency_ms"] for evaluation in evaluations)
    assert grown > 2
    assert first.mean() == pytest.approx(second.mean(), rel=1e-6)
    assert not np.allclose(first, second)  # question by question the one asked second is slower


def test_in_blocks_the_second_would_have_been_slower(
    configured: Load, dataset: Dataset, slowing: Callable[[], int]
) -> None:
    means = []
    for _ in range(2):
        _, config = configured("good")
        with Engine(config, Workspace(config.workspace.path)) as engine:
            means.append(evaluate(engine, dataset, ["nDCG@3"], 5)[0].mean("latency_ms"))
    assert means[1] > 1.5 * means[0]


class Ticks:
    """A clock that only the model's work moves: 20 ms a question."""

    def __init__(self) -> None:
        self.now = 0.0
        self.embedded: list[str] = []

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    clock = Ticks()
    embed = HashingEmbedder.embed_queries

    def slowly(self: HashingEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
        clock.now += 0.020 * len(texts)
        clock.embedded += texts
        return embed(self, texts)

    monkeypatch.setattr(time, "perf_counter", clock)
    monkeypatch.setattr(HashingEmbedder, "embed_queries", slowly)
    return clock


@pytest.mark.parametrize("overrides", [(), ("query.strategy=hybrid",), ("query.candidates=7",)])
def test_a_shared_question_is_embedded_once_and_its_time_counts_for_both(
    configured: Load, ticks: Ticks, overrides: tuple[str, ...]
) -> None:
    with opened([configured("bad"), configured("bad", *overrides)]) as engines:
        took = [engine.search([Query("q", "who lives here")])[0].timings_ms["embed"] for engine in engines]
    assert ticks.embedded == ["who lives here"]
    assert took == [20.0, 20.0]


def test_what_differs_is_not_shared(configured: Load, ticks: Ticks) -> None:
    with opened([configured("bad"), configured("bad")], share=False) as engines:
        took = [engine.search([Query("q", "who lives here")])[0].timings_ms["embed"] for engine in engines]
    assert ticks.embedded == ["who lives here"] * 2
    assert took == [20.0, 20.0]
    with opened([configured("bad"), configured("good")]) as engines:
        dense, lexical = (engine.search([Query("q", "who lives here")])[0].timings_ms for engine in engines)
    assert dense["embed"] == 20.0
    assert "embed" not in lexical


def test_searches_are_shared_by_configurations_of_one_index_and_forgotten_after_each_question(configured: Load) -> None:
    with opened([configured("good"), configured("good", "query.strategy=hybrid")]) as engines:
        stages = engines[0]._stages
        for engine in engines:
            engine.search([Query("q", "who lives here")])
        assert (stages.searches, stages.spared) == (2, 1)  # the words of both, the vectors of one
        engines[0].forget()
        assert not stages.found
        assert engines[1]._stages is stages


def test_sharing_changes_no_value(configured: Load, dataset: Dataset) -> None:
    names = ["good", "bad"]
    alone = []
    for name in names:
        _, config = configured(name)
        with Engine(config, Workspace(config.workspace.path)) as engine:
            alone.append(evaluate(engine, dataset, ["nDCG@3", "recall@5"], 5)[0])
    with opened([configured(name) for name in names]) as engines:
        evaluations = [Evaluation(engine, dataset, ["nDCG@3", "recall@5"], 5) for engine in engines]
        ask_in_turn(evaluations)
        together = [evaluation.finish()[0] for evaluation in evaluations]
    for one, other in zip(alone, together, strict=True):
        assert one.queries == other.queries
        assert one.hits == other.hits
        for metric in ("nDCG@3", "recall@5"):
            np.testing.assert_array_equal(one.values[metric], other.values[metric])
    assert alone[0].mean("nDCG@3") > alone[1].mean("nDCG@3") + 0.2


def test_warming_up_asks_none_of_the_questions_and_survives_a_failure(configured: Load, dataset: Dataset) -> None:
    class Failing:
        def __init__(self) -> None:
            self.asked: list[str] = []

        def search(self, queries: Sequence[Query], **_: object) -> None:
            self.asked += [query.text for query in queries]
            raise BackendError("no answer")

    engine = Failing()
    warm_up([Path("a")], [engine], dataset.judged, 5)  # type: ignore[list-item]  # all of an engine that it needs
    assert engine.asked == [
        "warm-up ant the lives where", "warm-up bear the lives where", "warm-up camel the lives where",
    ]  # fmt: skip
    assert not {query.text for query in dataset.judged} & set(engine.asked)


def test_an_error_names_the_configuration_and_what_to_do(configured: Load, tmp_path: Path) -> None:
    named = [configured("good"), configured("bad", f"workspace.path={tmp_path / 'none'}")]
    with pytest.raises(IndexMissingError, match=r"^bad\.yaml: there is no index in ") as missing, opened(named):
        pass
    assert missing.value.hint == "ragcli sync -c bad.yaml"
    named = [configured("good"), configured("same", "index.lexical.language=none")]
    with (
        pytest.raises(IndexStaleError, match=r"^same\.yaml: .* other settings of index\.lexical") as stale,
        opened(named),
    ):
        pass
    assert "a workspace of its own (workspace.path in same.yaml)" in stale.value.hint


def test_a_foreign_model_is_told_of_its_configuration(configured: Load, dataset: Dataset) -> None:
    named = [configured("good"), configured("bad", "index.embedder.dimension=16")]
    files = [file for file, _ in named]
    with opened(named) as engines, pytest.raises(ForeignModelError, match=r"^bad\.yaml: ") as foreign:
        warm_up(files, engines, dataset.judged, 5)
    assert foreign.value.hint.endswith("then ragcli sync -c bad.yaml")


class Pairs:
    """A cross-encoder of one's own: the longer text is the better one; 5 ms a pair."""

    fingerprint = name = "longer"

    def __init__(self, clock: Ticks) -> None:
        self._clock = clock
        self.scored = 0

    def score(self, pairs: Sequence[tuple[str, str]]) -> NDArray[np.float32]:
        self.scored += len(pairs)
        self._clock.now += 0.005 * len(pairs)
        return np.array([len(text) for _, text in pairs], dtype=np.float32)


def test_a_pair_is_scored_once_for_all_who_rerank_it(ticks: Ticks) -> None:
    model, stages = Pairs(ticks), Stages()
    first, second = (RememberingCrossEncoder(model, stages) for _ in range(2))
    assert first.score([("q", "a"), ("q", "bbb")]).tolist() == [1.0, 3.0]
    assert stages.owed_ms == {}
    assert second.score([("q", "cc"), ("q", "bbb")]).tolist() == [2.0, 3.0]
    assert model.scored == 3
    assert stages.owed_ms == {"rerank": pytest.approx(5.0)}
    stages.forget()
    assert second.score([("q", "bbb")]).tolist() == [3.0]
    assert model.scored == 4
