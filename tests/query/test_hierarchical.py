"""Documents first, then chunks within them."""

from collections.abc import Callable

import numpy as np
import pytest

from ragcli.config.index import NoEmbedderConfig
from ragcli.config.settings import Config
from ragcli.errors import IndexStaleError, IndexStateError
from ragcli.index.build import build_index
from ragcli.query.engine import Engine
from ragcli.query.result import Result
from ragcli.query.retrieve import search_dense
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]
CORPUS = {
    "apples.md": ["Apples grow on trees in orchards.", "An orchard needs a gardener.", "Apples are stored in winter."],
    "cars.md": ["Cars need fuel and good engines.", "A gardener may drive a car to the orchard."],
    "zoo.md": ["The zebra eats grass all day."],
}
QUESTIONS = ["apples and orchards", "cars with engines", "zebra grass", "gardener"]


def with_summaries(config: Config, **changes: object) -> Config:
    index = config.index.model_copy(update=changes)
    summaries = type(config).model_validate({"index": {"summaries": {"kind": "extractive"}}}).index.summaries
    return config.model_copy(update={"index": index.model_copy(update={"summaries": summaries})})


@pytest.fixture
def corpus(workspace: Workspace, settings: Settings, add: Callable[..., None]) -> Workspace:
    for name, chunks in CORPUS.items():
        add(workspace, name, chunks, title=name.partition(".")[0].title())
    build_index(with_summaries(settings()), workspace)
    return workspace


def ask(config: Config, workspace: Workspace, *texts: str) -> list[Result]:
    with Engine(config, workspace) as engine:
        return list(engine.search([Query(str(place), text) for place, text in enumerate(texts)]))


@pytest.mark.parametrize("strategy", ["dense", "lexical", "hybrid"])
def test_hits_are_those_of_the_best_documents_only(strategy: str, corpus: Workspace, settings: Settings) -> None:
    plain = ask(with_summaries(settings(strategy=strategy, top_k=50)), corpus, *QUESTIONS)
    for count in (1, 2, 3):
        narrow = {"kind": "hierarchical", "top_documents": count}
        narrowed = ask(with_summaries(settings(strategy=strategy, top_k=50, narrow=narrow)), corpus, *QUESTIONS)
        for before, after in zip(plain, narrowed, strict=True):
            documents = {hit.document for hit in after.hits}
            assert len(documents) <= count
            assert after.plan is not None
            assert after.plan.documents is not None
            assert after.plan.documents <= count
            kept = [hit.text for hit in before.hits if hit.document in documents]
            if strategy != "hybrid":  # whose normalisation depends on what else is found
                assert [hit.text for hit in after.hits] == kept
            assert {hit.text for hit in after.hits} == set(kept)


def test_each_question_has_its_own_documents(corpus: Workspace, settings: Settings) -> None:
    narrow = {"kind": "hierarchical", "top_documents": 1}
    results = ask(with_summaries(settings(narrow=narrow)), corpus, *QUESTIONS[:3])
    assert [{hit.document for hit in result.hits} for result in results] == [{"apples.md"}, {"cars.md"}, {"zoo.md"}]


def test_filters_hold_before_documents_are_chosen(corpus: Workspace, settings: Settings) -> None:
    narrow = {"kind": "hierarchical", "top_documents": 1}
    config = with_summaries(settings(narrow=narrow, where=["path!=apples.md"]))
    (result,) = ask(config, corpus, "orchards with apples and a gardener")
    assert {hit.document for hit in result.hits} == {"cars.md"}


def test_words_alone_are_enough(workspace: Workspace, settings: Settings, add: Callable[..., None]) -> None:
    for name, chunks in CORPUS.items():
        add(workspace, name, chunks)
    config = with_summaries(settings(narrow={"kind": "hierarchical", "top_documents": 1}), embedder=NoEmbedderConfig())
    build_index(config, workspace)
    (result,) = ask(config, workspace, "zebra grass")
    assert {hit.document for hit in result.hits} == {"zoo.md"}


def test_without_summaries_it_is_refused_with_the_way_to_have_them(fruit: Workspace, settings: Settings) -> None:
    config = settings(narrow={"kind": "hierarchical"})
    with pytest.raises(IndexStateError, match="no summaries") as caught:
        Engine(config, fruit)
    assert "index.summaries.kind=extractive" in caught.value.hint
    with pytest.raises(IndexStaleError, match=r"index\.summaries"):
        Engine(with_summaries(config), fruit)
    with Engine(with_summaries(settings()), fruit) as engine:  # who does not ask for them does not miss them
        assert engine.generation.summaries is None


def test_questions_with_filters_of_their_own_are_searched_like_one_by_one(
    corpus: Workspace, settings: Settings
) -> None:
    """Against brute force over the vectors."""
    config = with_summaries(settings())
    draw = np.random.default_rng(3)
    with Engine(config, corpus) as engine:
        index, rows = engine.generation.vectors, engine.generation.chunk_rows
        assert index is not None
        queries = draw.standard_normal((6, index.dimension)).astype(np.float32)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        shared = np.array(rows[::2])
        allowed = [None, shared, np.array(rows[:2]), shared, np.array([], dtype=np.int64), None]
        found = search_dense(index, queries, 4, allowed)
        every, order = index.search(queries, len(rows))
    for place, (ranking, own) in enumerate(zip(found, allowed, strict=True)):
        passing = np.ones(len(rows), dtype=bool) if own is None else np.isin(order[place], own)
        assert ranking.rows.tolist() == order[place][passing][:4].tolist()
        assert ranking.scores == pytest.approx(every[place][passing][:4], abs=1e-6)
