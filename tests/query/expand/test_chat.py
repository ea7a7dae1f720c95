"""Variations that a language model writes, from the engine's side."""

from collections.abc import Callable
from typing import Any

import pytest

from ragcli.config.settings import Config
from ragcli.errors import BackendError
from ragcli.query.engine import Engine
from ragcli.query.expand.chat import lines_of
from ragcli.query.result import Result
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]
COMPOUND = "what do zebras eat and which fruit is green"


def ask(config: Config, workspace: Workspace, *texts: str) -> list[Result]:
    with Engine(config, workspace) as engine:
        return list(engine.search([Query(str(place), text) for place, text in enumerate(texts)]))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("1. one\n2) two\n- three\n* four\n", ["one", "two", "three", "four"]),
        ('Here are some:\n\n"quoted words"\n', ["quoted words"]),
        ("3.5 inch disks\n2024 sales", ["3.5 inch disks", "2024 sales"]),
        ("x" * 1001, []),
        ("", []),
    ],
)
def test_queries_are_read_from_a_reply(reply: str, expected: list[str]) -> None:
    assert lines_of(reply) == expected


def test_a_compound_question_finds_what_its_parts_find(
    fruit: Workspace, settings: Settings, service: Any, reply: Callable[..., Any]
) -> None:
    service.always = lambda _: reply("1. zebra grass\n2. pears green fruit")
    expand = {"kind": "decompose", "base_url": service.url, "model": "toy"}
    (result,) = ask(settings(strategy="lexical", expand=expand), fruit, COMPOUND)
    assert result.plan is not None
    assert [variation.text for variation in result.plan.variations] == [
        COMPOUND,
        "zebra grass",
        "pears green fruit",
    ]
    assert {hit.document for hit in result.hits[:2]} == {"zoo.txt", "pear.md"}
    by_document = {hit.document: ways for hit, ways in zip(result.hits, result.found, strict=True)}
    assert 1 in {way.variation for way in by_document["zoo.txt"]}
    assert 2 in {way.variation for way in by_document["pear.md"]}


def test_a_hypothetical_answer_is_searched_with_as_a_document(
    fruit: Workspace, settings: Settings, service: Any, reply: Callable[..., Any]
) -> None:
    service.always = lambda _: reply("the zebra eats grass")
    expand = {"kind": "hyde", "base_url": service.url, "model": "toy"}
    (result,) = ask(settings(expand=expand), fruit, "striped animals")
    best = result.hits[0]
    assert best.document == "zoo.txt"
    assert best.arms["dense"].score == pytest.approx(1.0, abs=1e-5)
    assert [way.variation for way in result.found[0]][-1] == 1
    assert "lexical" not in best.arms  # the passage is not asked by its words


def test_all_questions_are_written_for_and_embedded_together(
    fruit: Workspace, settings: Settings, service: Any, reply: Callable[..., Any]
) -> None:
    service.always = lambda body: reply(body["messages"][0]["content"].split("Question: ")[1].strip() + " more")
    config = settings(expand={"kind": "multi-query", "base_url": service.url, "model": "toy", "variations": 1})
    questions = ["red fruit", "fuel"]
    with Engine(config, fruit) as engine:
        batch = engine.search([Query(text, text) for text in questions])
        assert engine.embedded == {"red fruit": 1, "red fruit more": 1, "fuel": 1, "fuel more": 1}
        assert [engine.search([Query(text, text)])[0].hits for text in questions] == [result.hits for result in batch]
    assert len(service.bodies) == 2


def test_a_model_that_fails_fails_the_question(fruit: Workspace, settings: Settings, service: Any) -> None:
    service.always = lambda _: (400, {}, b"no")
    config = settings(expand={"kind": "hyde", "base_url": service.url, "model": "toy", "max_retries": 0})
    with pytest.raises(BackendError, match="the model that expands questions"):
        ask(config, fruit, "striped animals")


def test_the_prompt_is_the_users(fruit: Workspace, settings: Settings, service: Any, reply: Callable[..., Any]) -> None:
    service.always = lambda _: reply("other words")
    prompt = "Costs $5: $variations ways to ask $question"
    expand = {"kind": "multi-query", "base_url": service.url, "model": "toy", "variations": 2, "prompt": prompt}
    ask(settings(strategy="lexical", expand=expand), fruit, "red $question")
    assert service.bodies[0]["messages"][0]["content"] == "Costs $5: 2 ways to ask red $question"
