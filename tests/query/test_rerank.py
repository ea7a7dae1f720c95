"""Reranking: the stage of the engine, its cache and limits, MMR, and lists from elsewhere."""

import itertools
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragcli.config.models import ModelsConfig
from ragcli.config.rerank import RerankEndpointConfig
from ragcli.config.settings import Config
from ragcli.errors import BackendError, IndexStateError
from ragcli.evaluate.journeys import RERANKED_DOWN, Tracker
from ragcli.query.diversify import diversify
from ragcli.query.engine import Engine
from ragcli.query.fuse import min_max
from ragcli.query.lists import read_lists, rerank_lists
from ragcli.query.rerank import Scorer, combined
from ragcli.query.result import Result
from ragcli.query.scores import ScoreCache, score_key
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]


def lengths(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """A service that likes long texts."""
    results = [{"index": place, "relevance_score": len(text)} for place, text in enumerate(body["documents"])]
    return 200, {}, json.dumps({"results": results}).encode()


@pytest.fixture
def long_first(service: Any) -> Any:
    service.always = lengths
    return service


def endpoint(service: Any, **settings: Any) -> dict[str, Any]:
    return {"kind": "endpoint", "base_url": service.url, "model": "long", "max_retries": 0, **settings}


def ask(config: Config, workspace: Workspace, *texts: str, **options: Any) -> list[Result]:
    with Engine(config, workspace) as engine:
        return engine.search([Query(str(place), text) for place, text in enumerate(texts)], **options)


def rows(result: Result) -> list[str]:
    return [hit.text for hit in result.hits]


def test_the_models_order_is_the_order(fruit: Workspace, settings: Settings, long_first: Any) -> None:
    (before,) = ask(settings(), fruit, "red fruit")
    (result,) = ask(settings(rerank=endpoint(long_first)), fruit, "red fruit")
    assert rows(result) == sorted(rows(before), key=lambda text: -len(text))
    assert [hit.score for hit in result.hits] == [len(hit.text) for hit in result.hits]
    for hit, moved in zip(result.hits, result.reranked, strict=True):
        assert moved is not None
        first = before.hits[moved.rank - 1]
        assert (hit.chunk_id, moved.score, moved.model_score) == (first.chunk_id, first.score, len(hit.text))
    assert "rerank" in result.timings_ms
    assert not result.late
    assert [one.row for one in result.considered] == [one.row for one in before.considered]


def test_what_is_behind_the_candidates_stays_behind(fruit: Workspace, settings: Settings, long_first: Any) -> None:
    (before,) = ask(settings(), fruit, "red fruit")
    (result,) = ask(settings(rerank=endpoint(long_first, candidates=3)), fruit, "red fruit")
    assert rows(result)[:3] == sorted(rows(before)[:3], key=lambda text: -len(text))
    assert rows(result)[3:] == rows(before)[3:]
    assert result.reranked[3:] == (None,) * 4
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    gaps = [one.score - before.hits[2].score for one in before.hits[3:]]
    assert [score - scores[2] for score in scores[3:]] == pytest.approx(gaps)
    assert [len(body["documents"]) for body in long_first.bodies] == [3]


def test_a_batch_is_scored_together_and_a_repetition_pays_nothing(
    fruit: Workspace, settings: Settings, long_first: Any
) -> None:
    config = settings(rerank=endpoint(long_first))
    first = ask(config, fruit, "red fruit", "fuel", "red fruit")
    assert [body["query"] for body in long_first.bodies] == ["red fruit", "fuel"]  # the same question once
    again = ask(config, fruit, "red fruit", "fuel", "red fruit")
    assert len(long_first.bodies) == 2
    assert [rows(result) for result in again] == [rows(result) for result in first]
    ask(settings(rerank=endpoint(long_first, model="other")), fruit, "fuel")
    assert len(long_first.bodies) == 3


def test_documents_keep_their_best_chunk(fruit: Workspace, settings: Settings, long_first: Any) -> None:
    config = settings(rerank=endpoint(long_first), candidates=2)
    (result,) = ask(config, fruit, "red fruit", group_by="document", top_k=4)
    best = {"apple.md": 38, "car.txt": 37, "pear.md": 21, "zoo.txt": 20}
    assert {hit.document: hit.score for hit in result.hits} == {name: float(size) for name, size in best.items()}
    assert [hit.document for hit in result.hits] == list(best)


def test_the_first_stage_has_its_share(fruit: Workspace, settings: Settings, long_first: Any) -> None:
    (before,) = ask(settings(), fruit, "red fruit")
    (result,) = ask(settings(rerank=endpoint(long_first, first_stage_weight=0.25)), fruit, "red fruit")
    first = dict(zip(rows(before), min_max([hit.score for hit in before.hits]), strict=True))
    model = dict(zip(rows(before), min_max([float(len(text)) for text in rows(before)]), strict=True))
    for hit in result.hits:
        assert hit.score == pytest.approx(0.75 * model[hit.text] + 0.25 * first[hit.text])
    (alone,) = ask(settings(rerank=endpoint(long_first, first_stage_weight=1)), fruit, "red fruit")
    assert rows(alone) == rows(before)
    assert combined([3, 1], [0, 9], 0) == [3, 1]


def test_after_the_time_limit_the_first_order_stands_and_the_next_time_is_quicker(
    fruit: Workspace, settings: Settings, long_first: Any
) -> None:
    def slowly(body: dict[str, Any]) -> Any:
        time.sleep(0.15)
        return lengths(body)

    long_first.always = slowly
    config = settings(rerank=endpoint(long_first, time_limit_ms=100))
    (before,) = ask(settings(), fruit, "red fruit")
    (late,) = ask(config, fruit, "red fruit")
    assert late.late
    assert rows(late) == rows(before)
    assert late.reranked == (None,) * 7
    (result,) = ask(config, fruit, "red fruit")  # what was finished is known, the rest takes one request
    assert not result.late
    assert rows(result) == sorted(rows(before), key=lambda text: -len(text))
    assert [len(body["documents"]) for body in long_first.bodies] == [4, 3]


def test_a_workspace_that_cannot_be_written_is_served_all_the_same(
    fruit: Workspace, settings: Settings, long_first: Any
) -> None:
    fruit.scores.mkdir()  # whatever keeps the file from being written; root may write anywhere
    (result,) = ask(settings(rerank=endpoint(long_first)), fruit, "red fruit")
    assert not result.late
    assert len(result.hits[0].text) == 38


def test_a_damaged_cache_is_told(fruit: Workspace, settings: Settings, long_first: Any) -> None:
    fruit.scores.write_bytes(b"no database at all, but long enough to look like one " * 9)
    with pytest.raises(BackendError, match="cannot use the cache") as raised:
        ask(settings(rerank=endpoint(long_first)), fruit, "red fruit")
    assert "remove" in raised.value.hint


def test_the_cache_holds_by_model_question_and_text(tmp_path: Path) -> None:
    keys = [score_key(*parts) for parts in (("m", "q", "t"), ("m", "qt", ""), ("mq", "", "t"), ("m", "q", "u"))]
    assert len(set(keys)) == 4
    ScoreCache(tmp_path / "scores.db").store({keys[0]: 1.25, keys[1]: -11.5})
    assert ScoreCache(tmp_path / "scores.db").find(keys) == {keys[0]: 1.25, keys[1]: -11.5}
    with sqlite3.connect(tmp_path / "scores.db") as connection:
        assert connection.execute("SELECT COUNT(*) FROM scores").fetchone() == (2,)
    connection.close()


def test_runs_tell_rerankers_apart(fruit: Workspace, settings: Settings, long_first: Any) -> None:
    def fingerprints(**query: Any) -> dict[str, str]:
        with Engine(settings(**query), fruit) as engine:
            return dict(engine.fingerprints)

    plain, one = fingerprints(), fingerprints(rerank=endpoint(long_first))
    other = fingerprints(rerank=endpoint(long_first, model="other"))
    assert "reranker" not in plain
    assert one["reranker"] != other["reranker"]
    assert plain["query"] != one["query"]
    assert not long_first.bodies  # nobody was asked


def test_a_failing_service_fails_the_question(fruit: Workspace, settings: Settings, service: Any) -> None:
    service.always = lambda _: (500, {}, b"no")
    with pytest.raises(BackendError, match="answered 500"):
        ask(settings(rerank=endpoint(service)), fruit, "red fruit")


def test_a_relevant_document_can_be_reranked_down(fruit: Workspace, settings: Settings, long_first: Any) -> None:
    with Engine(settings(rerank=endpoint(long_first)), fruit) as engine:
        tracker = Tracker(engine, ["zoo.txt"])
        (result,) = engine.search([Query("q", "the zebra eats grass")], top_k=2, group_by="document")
        (journey,) = tracker.follow(result, ["zoo.txt"])
    assert (journey.rank, journey.fused, journey.lost) == (0, 1, RERANKED_DOWN)


# -- diversity ------------------------------------------------------------------------------------------------------


def greedy(relevance: list[float], vectors: Any, diversity: float) -> list[int]:
    """The definition, one choice after the other."""
    left = list(range(len(relevance)))
    chosen: list[int] = []
    while left:

        def value(place: int) -> float:
            nearest = max((max(0.0, float(vectors[place] @ vectors[above])) for above in chosen), default=0.0)
            return (1 - diversity) * relevance[place] - diversity * nearest

        best = max(left, key=lambda place: (value(place), -place))
        chosen.append(best)
        left.remove(best)
    return chosen


@given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.floats(0, 0.95))
def test_mmr_is_greedy_and_its_values_never_rise(count: int, seed: int, diversity: float) -> None:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    relevance = random.random(count).tolist()
    found = diversify(relevance, vectors, diversity)
    assert [place for place, _ in found] == greedy(relevance, vectors, diversity)
    assert all(above >= below for (_, above), (_, below) in itertools.pairwise(found))


def test_mmr_puts_the_like_apart(fruit: Workspace, settings: Settings) -> None:
    (plain,) = ask(settings(rerank={"kind": "mmr", "diversity": 0}), fruit, "apple trees in orchards and red fruit")
    (before,) = ask(settings(), fruit, "apple trees in orchards and red fruit")
    assert rows(plain) == rows(before)
    (result,) = ask(settings(rerank={"kind": "mmr", "diversity": 0.9}), fruit, "apple trees in orchards and red fruit")
    assert rows(result)[0] == rows(before)[0]
    assert rows(result) != rows(before)
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)


def test_diversity_needs_vectors(workspace: Workspace, add: Callable[..., None]) -> None:
    from ragcli.config.index import IndexConfig, NoEmbedderConfig
    from ragcli.config.query import QueryConfig
    from ragcli.index.build import build_index

    index = IndexConfig(embedder=NoEmbedderConfig())
    add(workspace, "a.txt", ["some words"])
    build_index(Config(index=index), workspace)
    query = QueryConfig.model_validate({"rerank": {"kind": "mmr"}})
    with pytest.raises(IndexStateError, match="compares vectors"):
        Engine(Config(index=index, query=query), workspace)


# -- lists ----------------------------------------------------------------------------------------------------------


def test_lists_are_scored_together(long_first: Any) -> None:
    scorer = Scorer(RerankEndpointConfig(base_url=long_first.url, model="long"), ModelsConfig(), None)
    lines = [
        '{"query": "a", "documents": ["xx", "x", "xxx", "xxxx"]}',
        "",
        '{"id": "z", "question": "b", "documents": [{"id": "d", "text": "x", "score": 3}, {"text": "xx", "score": 1}]}',
        '{"query": "c", "documents": []}',
    ]
    lists = list(read_lists(enumerate(lines, 1), "stdin"))
    assert [own.query.id for own in lists] == ["1", "z", "4"]
    first, second, third = rerank_lists(scorer, lists, candidates=3, first_stage_weight=0)
    assert [(one.index, one.score) for one in first.placed] == [(2, 3), (0, 2), (1, 1), (3, 0)]
    assert [(one.index, one.score) for one in second.placed] == [(1, 2), (0, 1)]
    assert third.placed == ()
    assert [document.name for document in second.source.documents] == ["d", "1"]
