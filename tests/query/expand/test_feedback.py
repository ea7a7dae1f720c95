"""Variations from the corpus alone."""

from collections.abc import Callable

import numpy as np
import pytest

from ragcli.config.index import NoLexicalConfig, RankBm25Config
from ragcli.config.settings import Config
from ragcli.errors import IndexStateError
from ragcli.index.build import build_index
from ragcli.query.engine import Engine
from ragcli.query.result import Result
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]
CORPUS = {
    "pitr.md": ["Point in time recovery (PITR) replays the journal."],
    "journal.md": ["The journal of point in time recovery is kept for a week."],
    "disk.md": ["Replace a broken disk with the lever of its carrier."],
    "lever.md": ["Carriers have a lever made of steel."],
    "zoo.md": ["The zebra eats grass."],
    "tea.md": ["Green tea is drunk warm."],
}


@pytest.fixture
def corpus(workspace: Workspace, settings: Settings, add: Callable[..., None]) -> Workspace:
    for name, chunks in CORPUS.items():
        add(workspace, name, chunks)
    build_index(settings(), workspace)
    return workspace


def ask(config: Config, workspace: Workspace, text: str) -> Result:
    with Engine(config, workspace) as engine:
        return engine.search([Query("q", text)])[0]


def variations(result: Result) -> dict[str, str]:
    assert result.plan is not None
    return {variation.text: variation.origin for variation in result.plan.variations}


def test_an_acronym_is_spelt_out_as_the_corpus_does(corpus: Workspace, settings: Settings) -> None:
    config = settings(strategy="lexical", expand={"kind": "feedback", "variations": 1})
    result = ask(config, corpus, "PITR for beginners")
    assert variations(result) == {
        "PITR for beginners": "the question",
        "Point in time recovery for beginners": "PITR is Point in time recovery in pitr.md",
    }
    assert [hit.document for hit in result.hits] == ["pitr.md", "journal.md"]
    assert [[way.variation for way in ways] for ways in result.found] == [[0, 1], [1]]


def test_a_long_form_is_shortened(corpus: Workspace, settings: Settings) -> None:
    config = settings(expand={"kind": "feedback", "variations": 1})
    assert "when does PITR end" in variations(ask(config, corpus, "when does point in time recovery end"))


def test_words_of_what_is_found_first_find_more(corpus: Workspace, settings: Settings) -> None:
    """lever.md shares no word with the question; it is found by the words of disk.md."""
    assert [hit.document for hit in ask(settings(strategy="lexical"), corpus, "broken disk").hits] == ["disk.md"]
    config = settings(strategy="lexical", expand={"kind": "feedback", "variations": 1, "terms": 3})
    result = ask(config, corpus, "broken disk")
    assert variations(result)["broken disk replace carrier lever"] == "words of the best chunks"
    assert [hit.document for hit in result.hits] == ["disk.md", "lever.md"]


@pytest.mark.parametrize("strategy", ["dense", "hybrid", "lexical"])
def test_a_batch_is_its_questions_one_by_one(strategy: str, corpus: Workspace, settings: Settings) -> None:
    config = settings(strategy=strategy, expand={"kind": "feedback"})
    questions = ["broken disk", "PITR", "zebra", "nothing known"]
    with Engine(config, corpus) as engine:
        batch = engine.search([Query(str(place), text) for place, text in enumerate(questions)])
    single = [ask(config, corpus, text) for text in questions]
    assert [result.hits for result in batch] == [result.hits for result in single]
    assert [result.found for result in batch] == [result.found for result in single]


def test_feedback_keeps_to_the_filter(corpus: Workspace, settings: Settings) -> None:
    config = settings(strategy="lexical", where=["path!=disk.md"], expand={"kind": "feedback"})
    assert variations(ask(config, corpus, "broken disk")) == {"broken disk": "the question"}


def test_other_words_of_the_same_meaning_are_not_embedded(corpus: Workspace, settings: Settings) -> None:
    with Engine(settings(expand={"kind": "feedback"}), corpus) as engine:
        (disk, pitr) = engine.search([Query("1", "broken disk"), Query("2", "PITR days")])
        assert engine.embedded == {"broken disk": 1, "PITR days": 1, "Point in time recovery days": 1}
    alone = ask(settings(strategy="dense"), corpus, "broken disk")
    dense = {hit.document: hit.arms["dense"] for hit in disk.hits}
    assert dense == {hit.document: hit.arms["dense"] for hit in alone.hits}
    assert pitr.plan is not None
    assert [variation.arm for variation in pitr.plan.variations][:2] == [None, None]


def test_scores_add_up(corpus: Workspace, settings: Settings) -> None:
    result = ask(settings(expand={"kind": "feedback"}), corpus, "broken disk")
    for hit, ways in zip(result.hits, result.found, strict=True):
        assert hit.score == pytest.approx(sum(way.weighted for way in ways))
    assert np.all(np.diff([hit.score for hit in result.hits]) <= 0)


def test_the_other_lexical_engine_gives_the_same_words(
    workspace: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    for name, chunks in CORPUS.items():
        add(workspace, name, chunks)
    config = settings(lexical=RankBm25Config(), expand={"kind": "feedback", "variations": 1, "terms": 3})
    build_index(config, workspace)
    assert "broken disk replace carrier lever" in variations(ask(config, workspace, "broken disk"))


def test_without_a_lexical_part_it_is_refused(
    workspace: Workspace, settings: Settings, add: Callable[..., None]
) -> None:
    add(workspace, "a.txt", ["red apple"])
    config = settings(lexical=NoLexicalConfig(), expand={"kind": "feedback"})
    build_index(config, workspace)
    with pytest.raises(IndexStateError, match="no lexical part"):
        Engine(config, workspace)
