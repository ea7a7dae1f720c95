"""The engine from end to end over a real, small index."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ragcli.config.index import HashingEmbedderConfig, NoEmbedderConfig, NoLexicalConfig, RankBm25Config, TantivyConfig
from ragcli.config.settings import Config
from ragcli.errors import (
    ForeignModelError,
    IndexMissingError,
    IndexStaleError,
    IndexStateError,
    UsageError,
)
from ragcli.index.build import build_index
from ragcli.index.history import rollback
from ragcli.models.hashing import HashingEmbedder
from ragcli.query.engine import Engine
from ragcli.query.result import Result
from ragcli.records import Query
from ragcli.workspace import Workspace
from ragcli.workspace.lock import WriterLock

Settings = Callable[..., Config]


def ask(engine: Engine, text: str, **options: object) -> Result:
    (result,) = engine.search([Query("q", text)], **options)  # type: ignore[arg-type]  # named options of search
    return result


def texts(result: Result) -> list[str]:
    return [hit.text for hit in result.hits]


def test_lexical_hits_carry_the_whole_story(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="lexical"), fruit) as engine:
        result = ask(engine, "apples in orchards")
    hit = result.hits[0]
    assert hit.text == "apples grow on apple trees in orchards"
    assert (hit.rank, hit.document, hit.path, hit.title) == (1, "apple.md", "apple.md", "Apple")
    assert (hit.start, hit.end) == (21, 59)
    assert hit.metadata["type"] == "markdown"
    assert set(hit.arms) == {"lexical"}
    assert (hit.arms["lexical"].rank, hit.arms["lexical"].score) == (1, hit.score)
    assert [hit.rank for hit in result.hits] == [1, 2]
    assert result.hits[0].score > result.hits[1].score


def test_hybrid_adds_up_what_both_arms_say(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(fusion={"kind": "minmax", "dense_weight": 0.3}), fruit) as engine:
        assert engine.strategy == "hybrid"
        result = ask(engine, "red cars")
    best = result.hits[0]
    assert best.text == "cars are red machines"
    assert set(best.arms) == {"dense", "lexical"}
    parts = result.contributions[0]
    assert parts["dense"].weighted == pytest.approx(0.3 * parts["dense"].normalised)
    assert best.score == pytest.approx(parts["dense"].weighted + parts["lexical"].weighted) == pytest.approx(1.0)
    assert set(result.timings_ms) >= {"lexical", "embed", "dense", "fuse", "fetch"}
    assert len(result.hits) == 7  # the dense arm ranks everything


def test_dense_scores_are_cosines(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="dense"), fruit) as engine:
        result = ask(engine, "the zebra eats grass")
    assert result.hits[0].text == "the zebra eats grass"
    assert result.hits[0].score == pytest.approx(1.0, abs=1e-5)
    assert set(result.hits[0].arms) == {"dense"}


@pytest.mark.parametrize("strategy", ["dense", "lexical", "hybrid"])
def test_a_batch_is_its_questions_one_by_one(strategy: str, fruit: Workspace, settings: Settings) -> None:
    questions = ["red fruit", "fuel for the car", "grass"]
    with Engine(settings(strategy=strategy), fruit) as engine:
        batch = engine.search([Query(str(place), text) for place, text in enumerate(questions)])
        single = [ask(engine, text) for text in questions]
    assert [texts(result) for result in batch] == [texts(result) for result in single]
    assert [result.query.id for result in batch] == ["0", "1", "2"]


@pytest.mark.parametrize("strategy", ["dense", "lexical", "hybrid"])
def test_a_filter_never_starves(strategy: str, fruit: Workspace, settings: Settings) -> None:
    """The two best hits are filtered out; the third is found although only one candidate is considered."""
    config = settings(strategy=strategy, top_k=1, candidates=1, where=["path=pear.md"])
    with Engine(config, fruit) as engine:
        assert texts(ask(engine, "apples are red fruit")) == ["pears are green fruit"]


@pytest.mark.parametrize("strategy", ["dense", "lexical", "hybrid"])
def test_documents_fill_the_result_although_one_has_the_best_chunks(
    strategy: str, workspace: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    add(workspace, "big.txt", [f"needle needle {number}" for number in range(40)])
    for number in range(6):
        add(workspace, f"small{number}.txt", [f"a needle in the hay of number {number} and other words"])
    config = settings(strategy=strategy, top_k=5, candidates=5)
    build_index(config, workspace)
    with Engine(config, workspace) as engine:
        chunks = ask(engine, "needle needle")
        documents = ask(engine, "needle needle", group_by="document")
    assert {hit.document for hit in chunks.hits} == {"big.txt"}
    names = [hit.document for hit in documents.hits]
    assert len(names) == len(set(names)) == 5
    assert names[0] == "big.txt"
    assert [hit.rank for hit in documents.hits] == [1, 2, 3, 4, 5]


def test_grouping_stops_when_there_are_no_more_documents(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="dense", top_k=50, group_by="document"), fruit) as engine:
        assert sorted(hit.document for hit in ask(engine, "fruit").hits) == [
            "apple.md",
            "car.txt",
            "pear.md",
            "zoo.txt",
        ]


def test_top_k_of_a_call_wins(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(top_k=1), fruit) as engine:
        assert len(ask(engine, "fruit").hits) == 1
        assert len(ask(engine, "fruit", top_k=3).hits) == 3


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_question_is_refused(text: str, fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="lexical"), fruit) as engine, pytest.raises(UsageError, match="'q' is empty"):
        ask(engine, text)


def test_a_question_that_is_no_text_is_asked_all_the_same(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(), fruit) as engine:
        assert ask(engine, "zebra \udce9").hits[0].document == "zoo.txt"
        assert engine.search([]) == []


def test_without_an_index_there_is_a_hint(workspace: Workspace, settings: Settings) -> None:
    with pytest.raises(IndexMissingError) as caught:
        Engine(settings(), workspace)
    assert caught.value.hint == "ragcli ingest PATH, then ragcli index"


def test_hybrid_serves_what_there_is_and_single_arms_say_what_is_missing(
    workspace: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    add(workspace, "a.txt", ["red apple"])
    base = settings()
    words = base.model_copy(update={"index": base.index.model_copy(update={"embedder": NoEmbedderConfig()})})
    build_index(words, workspace)
    with Engine(words, workspace) as engine:
        assert engine.strategy == "lexical"
        assert ask(engine, "apple").hits[0].document == "a.txt"
    dense = words.model_copy(update={"query": settings(strategy="dense").query})
    with pytest.raises(IndexStateError, match="no vectors") as caught:
        Engine(dense, workspace)
    assert "--strategy lexical" in caught.value.hint


def test_an_index_without_words_serves_meaning(
    workspace: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    add(workspace, "a.txt", ["red apple"])
    config = settings(lexical=NoLexicalConfig())
    build_index(config, workspace)
    with Engine(config, workspace) as engine:
        assert engine.strategy == "dense"
        assert ask(engine, "apple").hits[0].document == "a.txt"
    with pytest.raises(IndexStateError, match="no lexical part"):
        Engine(settings(lexical=NoLexicalConfig(), strategy="lexical"), workspace)


def test_other_settings_of_the_lexical_index_are_refused(fruit: Workspace, settings: Settings) -> None:
    with pytest.raises(IndexStaleError):
        Engine(settings(lexical=TantivyConfig(language="de")), fruit)
    with pytest.raises(IndexStaleError):
        Engine(settings(lexical=RankBm25Config()), fruit)


@pytest.mark.parametrize("expected", [(), (Query("q", "apple"),)])
def test_another_model_is_refused(expected: tuple[Query, ...], fruit: Workspace, settings: Settings) -> None:
    base = settings()
    other = base.index.model_copy(update={"embedder": HashingEmbedderConfig(dimension=64)})
    with (
        pytest.raises(ForeignModelError),
        Engine(base.model_copy(update={"index": other}), fruit, expected=expected) as engine,
    ):
        ask(engine, "apple")


def test_a_question_that_was_expected_is_embedded_once_and_found_alike(
    fruit: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[str] = []
    embed = HashingEmbedder.embed_queries

    def counted(self: HashingEmbedder, texts: Sequence[str]) -> "NDArray[np.float32]":
        embedded.extend(texts)
        return embed(self, texts)

    monkeypatch.setattr(HashingEmbedder, "embed_queries", counted)
    with Engine(settings(), fruit, expected=[Query("q", "red cars")]) as engine:
        expected, other = ask(engine, "red cars"), ask(engine, "green apples")
    assert embedded == ["red cars", "green apples"]
    with Engine(settings(), fruit) as engine:
        assert texts(expected) == texts(ask(engine, "red cars"))
        assert texts(other) == texts(ask(engine, "green apples"))


def test_changes_that_are_not_indexed_are_told_or_refused(
    fruit: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    with Engine(settings(), fruit) as engine:
        assert engine.warnings == ()
    add(fruit, "new.txt", ["a new document about apples"])
    with Engine(settings(require_fresh=False), fruit) as engine:
        (warning,) = engine.warnings
        assert "since generation 000001" in warning
        assert "new.txt" not in {hit.document for hit in ask(engine, "new document about apples").hits}
    with pytest.raises(IndexStaleError, match="since generation 000001") as caught:
        Engine(settings(), fruit)
    assert caught.value.hint.startswith("ragcli index")


def test_an_update_at_work_or_cut_short_stops_no_reader(
    fruit: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    add(fruit, "new.txt", ["a new document about apples"])

    def answers() -> bool:
        try:
            with Engine(settings(), fruit) as engine:
                return len(engine.warnings) == 1 and bool(ask(engine, "apple").hits)
        except IndexStaleError:
            return False

    assert not answers()
    with WriterLock(fruit):
        assert answers()
    assert not answers()
    with pytest.raises(ZeroDivisionError), WriterLock(fruit):
        raise ZeroDivisionError
    assert answers()
    with WriterLock(fruit):
        pass
    assert not answers()


def test_a_generation_gone_back_to_answers(fruit: Workspace, settings: Settings, add: Callable[..., None]) -> None:
    add(fruit, "new.txt", ["a new document about apples"])
    build_index(settings(), fruit)
    rollback(settings(), fruit)
    with Engine(settings(), fruit) as engine:
        assert engine.generation.name == "000001"
        assert len(engine.warnings) == 1


def test_known_documents_are_those_of_the_generation(
    fruit: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    add(fruit, "new.txt", ["not indexed"])
    with Engine(settings(strategy="lexical", require_fresh=False), fruit) as engine:
        assert engine.known_documents(["apple.md", "zoo.txt", "new.txt", "none"]) == {"apple.md", "zoo.txt"}


def test_fingerprints_change_with_what_shapes_a_search(fruit: Workspace, settings: Settings) -> None:
    def fingerprints(**query: object) -> dict[str, str]:
        with Engine(settings(strategy="lexical", **query), fruit) as engine:
            return dict(engine.fingerprints)

    assert fingerprints()["generation"] == "000001"
    assert fingerprints(top_k=3) == fingerprints(top_k=5, require_fresh=True)
    assert fingerprints(candidates=7)["query"] != fingerprints()["query"]
    assert {"config", "model", "chunker", "corpus", "query"} <= set(fingerprints())


def test_a_lexical_search_opens_no_vectors(fruit: Workspace, settings: Settings, tmp_path: Path) -> None:
    with Engine(settings(strategy="lexical"), fruit) as engine:
        assert engine.generation.vectors is None
