"""From a question to an answer, over a workspace that is really indexed."""

from collections.abc import Callable
from typing import Any

import pytest

from ragcli.config.settings import Config
from ragcli.errors import ConfigError, UsageError
from ragcli.query.answer import NOT_FOUND, Turn
from ragcli.query.answer.follow_up import joined
from ragcli.query.answering import Answering
from ragcli.query.engine import Engine
from ragcli.records import Query
from ragcli.workspace import Workspace

Settings = Callable[..., Config]
WORDS = {"encoding": "words"}


def test_an_answer_with_all_that_it_rests_on(fruit: Workspace, settings: Settings) -> None:
    config = settings(strategy="lexical", pack=WORDS, top_k=2, answer={"kind": "extractive", "max_sentences": 1})
    with Engine(config, fruit) as engine, Answering(engine) as answering:
        answered = answering.ask(Query("1", "What does the zebra eat?"))
    assert answered.answer.text == "the zebra eats grass [1]"
    assert [(one.document, one.start, one.end) for one in answered.answer.citations] == [("zoo.txt", 0, 20)]
    assert answered.context.vocabulary == "words"
    assert answered.context.budget_tokens == 4000 - 500 - 6
    assert len(answered.result.hits) <= 2
    assert answered.result.query.text == "What does the zebra eat?"
    assert list(answered.timings_ms)[-2:] == ["pack", "answer"]
    assert answered.timings_ms["answer"] > 0


def test_neighbouring_chunks_are_joined_by_their_document(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="lexical", pack=WORDS), fruit) as engine, Answering(engine) as answering:
        _, context = answering.prepare(Query("1", "car fuel"))
    assert [one.text for one in context.excerpts] == [
        "cars are red machines\na car needs fuel\ncar engines burn fuel to move the car"
    ]


def test_more_hits_are_packed_than_shown(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(strategy="lexical", pack=WORDS, top_k=1), fruit) as engine, Answering(engine) as answering:
        result, context = answering.prepare(Query("1", "red fruit"))
    assert len(result.hits) == len(result.contributions) == 1
    assert {one.document for one in context.excerpts} == {"apple.md", "pear.md", "car.txt"}


def test_both_arms_serve_an_answer(fruit: Workspace, settings: Settings) -> None:
    with (
        Engine(settings(pack=WORDS, answer={"kind": "extractive", "max_sentences": 1}), fruit) as engine,
        Answering(engine) as answering,
    ):
        answered = answering.ask(Query("1", "the zebra eats grass"))
        nothing = answering.ask(Query("2", "Which Kubernetes volumes?"))
    assert answered.answer.text.startswith("the zebra eats grass [")
    assert answered.answer.confidence == pytest.approx(1.0, abs=1e-5)
    assert (nothing.answer.text, nothing.answer.refused) == (NOT_FOUND, True)


def test_a_model_answers_from_the_context(fruit: Workspace, settings: Settings, service: Any, reply: Any) -> None:
    service.script = [reply("Grass [1].", (90, 4))]
    answer = {"kind": "openai", "base_url": service.url, "model": "gpt-4o-mini"}
    heard: list[str] = []
    with (
        Engine(settings(strategy="lexical", pack=WORDS, answer=answer), fruit) as engine,
        Answering(engine) as answering,
    ):
        answered = answering.ask(Query("1", "What does the zebra eat?"), listen=heard.append)
    assert answered.answer.text == "".join(heard) == "Grass [1]."
    assert service.bodies[0]["max_tokens"] == 500
    assert "the zebra eats grass" in service.bodies[0]["messages"][1]["content"]
    assert answered.answer.cost == pytest.approx((90 * 0.15 + 4 * 0.6) / 1e6)


def test_the_most_a_question_may_cost(fruit: Workspace, settings: Settings) -> None:
    pack = {**WORDS, "max_cost": 0.0001, "model": "nobody-knows"}
    with (
        Engine(settings(strategy="lexical", pack=pack), fruit) as engine,
        pytest.raises(ConfigError, match="the price of the model 'nobody-knows' is not known"),
    ):
        Answering(engine)
    pack |= {"model": "gpt-4o", "reserve_tokens": 5}
    with Engine(settings(strategy="lexical", pack=pack), fruit) as engine, Answering(engine) as answering:
        _, context = answering.prepare(Query("1", "car fuel"))
    assert context.budget_tokens == 18  # (0.0001 - 5 * 10 / 1e6) / 2.5 * 1e6 are 20 tokens, two of them the question's
    assert {one.reason for one in context.left_out} == {"cost limit"}


def test_a_question_longer_than_the_budget(fruit: Workspace, settings: Settings) -> None:
    with (
        Engine(settings(strategy="lexical", pack=WORDS), fruit) as engine,
        Answering(engine) as answering,
        pytest.raises(UsageError, match="leaves no room for a context"),
    ):
        answering.ask(Query("1", "fruit " * 4000))


def test_settings_of_answers_do_not_make_other_hits(fruit: Workspace, settings: Settings) -> None:
    with Engine(settings(), fruit) as one, Engine(settings(pack={"max_tokens": 99, "reserve_tokens": 9}), fruit) as two:
        assert one.fingerprints == two.fingerprints
        assert Answering(one).fingerprint != Answering(two).fingerprint


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("And in winter?", "How often do keys rotate? And in winter?"),
        ("Where does it show the date now?", "How often do keys rotate? Where does it show the date now?"),
        ("How do I replace a failed disk?", "How do I replace a failed disk?"),
    ],
)
def test_follow_ups_are_searched_for_with_the_question_before(question: str, text: str) -> None:
    assert joined(question, [Turn("How often do keys rotate?", "Once a quarter.")]) == text
    assert joined(question, []) == question


HISTORY = [Turn("Tell me about the zebra.", "It eats grass [1].")]


def test_a_model_says_what_a_follow_up_means(fruit: Workspace, settings: Settings, service: Any, reply: Any) -> None:
    service.script = [reply("What fuel does a car need?\n", (50, 5)), reply("Fuel [1].", (90, 4))]
    answer = {"kind": "openai", "base_url": service.url, "model": "gpt-4o-mini"}
    with (
        Engine(settings(strategy="lexical", pack=WORDS, answer=answer), fruit) as engine,
        Answering(engine) as answering,
    ):
        answered = answering.ask(Query("2", "And the red machine?"), HISTORY)
    assert answered.searched == "What fuel does a car need?"
    assert answered.context.excerpts[0].document == "car.txt"
    assert answered.result.query.text == "And the red machine?"
    assert (answered.answer.input_tokens, answered.answer.output_tokens) == (140, 9)
    assert answered.answer.cost == pytest.approx((140 * 0.15 + 9 * 0.6) / 1e6)
    assert next(iter(answered.timings_ms)) == "follow_up"
    first, second = (body["messages"][1]["content"] for body in service.bodies)
    for asked in (first, second):
        assert "Tell me about the zebra." in asked
        assert "And the red machine?" in asked


def test_what_a_follow_up_took_counts_against_the_most_it_may_cost(
    fruit: Workspace, settings: Settings, service: Any, reply: Any
) -> None:
    service.script = [reply("What fuel does a car need?", (100_000, 0))]
    answer = {"kind": "openai", "base_url": service.url, "model": "gpt-4o-mini"}
    pack = {**WORDS, "max_cost": 0.01}
    with (
        Engine(settings(strategy="lexical", pack=pack, answer=answer), fruit) as engine,
        Answering(engine) as answering,
        pytest.raises(ConfigError, match=r"query.pack.max_cost 0.01 is spent"),
    ):
        answering.ask(Query("2", "And the red machine?"), HISTORY)
