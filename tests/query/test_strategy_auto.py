"""``strategy: auto`` in the engine."""

from collections.abc import Callable

from ragcli.config.index import NoEmbedderConfig, NoLexicalConfig
from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.query.engine import Engine
from ragcli.query.result import Result
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]


def ask(engine: Engine, *texts: str) -> list[Result]:
    return list(engine.search([Query(str(place), text) for place, text in enumerate(texts)]))


def test_each_question_of_a_batch_goes_its_own_way(fruit: Workspace, settings: Settings) -> None:
    questions = ['"red fruit"', "what is red fruit"]
    with Engine(settings(strategy="auto"), fruit) as engine:
        assert engine.strategy == "auto"
        words, both = ask(engine, *questions)
        assert list(engine.embedded) == ["what is red fruit"]
    with Engine(settings(strategy="lexical"), fruit) as engine:
        assert words.hits == ask(engine, *questions)[0].hits
    with Engine(settings(strategy="hybrid"), fruit) as engine:
        assert both.hits == ask(engine, *questions)[1].hits
    assert words.plan is not None
    assert both.plan is not None
    assert (words.plan.arms, words.plan.reason) == (("lexical",), '"red fruit" is a quoted phrase')
    assert (both.plan.arms, both.plan.reason) == (("dense", "lexical"), "a question")
    assert "embed" not in words.timings_ms


def test_a_lookup_loads_no_model(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="auto"), fruit) as engine:
        ask(engine, '"red fruit"')
        assert "wait for model" not in engine.opening_ms


def test_an_index_with_one_part_serves_that(workspace: Workspace, settings: Settings, add: Callable[..., None]) -> None:
    add(workspace, "a.txt", ["red apple"])
    dense = settings(strategy="auto", lexical=NoLexicalConfig())
    build_index(dense, workspace)
    with Engine(dense, workspace) as engine:
        assert engine.strategy == "dense"
        assert ask(engine, '"red apple"')[0].hits[0].document == "a.txt"
    base = settings(strategy="auto")
    words = base.model_copy(update={"index": base.index.model_copy(update={"embedder": NoEmbedderConfig()})})
    build_index(words, workspace)
    with Engine(words, workspace) as engine:
        assert engine.strategy == "lexical"
        assert ask(engine, "what is an apple")[0].hits[0].document == "a.txt"


def test_a_lookup_is_not_expanded(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="auto", expand={"kind": "feedback"}), fruit) as engine:
        words, both = ask(engine, '"red fruit"', "which red fruit")
    assert words.plan is not None
    assert both.plan is not None
    assert len(words.plan.variations) == 1 < len(both.plan.variations)
