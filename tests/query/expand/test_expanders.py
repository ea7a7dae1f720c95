"""One suite for every expander."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from ragcli.config.settings import Config
from ragcli.index.build import build_index
from ragcli.index.reader import open_generation
from ragcli.models.build import build_embedder
from ragcli.query.expand import Expander
from ragcli.query.expand.build import build_expander
from ragcli.workspace import Workspace

CORPUS = {
    "pitr.md": ["Point in time recovery (PITR) replays the journal until the moment you name."],
    "seal.md": ["A strict seal protects snapshots from deletion; nobody shortens a strict seal."],
    "disk.md": ["Replace a broken disk with the lever of its carrier.", "A disk rebuild takes hours."],
}
KINDS: dict[str, Mapping[str, Any]] = {
    "feedback": {"variations": 3, "synonyms": 2, "least_cosine": -1},
    "multi-query": {"variations": 3},
    "hyde": {},
    "decompose": {"variations": 2},
}
QUESTIONS = ["how is a disk replaced", "what is PITR", "strict seal", "zzz"]


@contextmanager
def expander(kind: str, workspace: Workspace, config: Config) -> Iterator[Expander]:
    with open_generation(workspace, config.index) as generation:
        embedder = build_embedder(config.index.embedder, config.models)
        built = build_expander(config, generation, None, lambda: embedder, workspace)
        assert built is not None
        yield built
        built.close()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def config(kind: str, settings: Callable[..., Config], service: Any, reply: Callable[..., Any]) -> Config:
    """Settings of the kind; the model answers with the question in other letters, itself, and three further lines."""

    def answer(body: dict[str, Any]) -> Any:
        question = body["messages"][0]["content"].split("Question: ")[1].strip()
        lines = [question.upper(), f"1. {question} again", f'- "{question} once more"', "Here you are:", "", "other"]
        return reply("\n".join(lines))

    service.always = answer
    endpoint = {} if kind == "feedback" else {"base_url": service.url, "model": "toy"}
    return settings(expand={"kind": kind, **KINDS[kind], **endpoint})


@pytest.fixture
def indexed(tmp_path: Any, config: Config, add: Callable[..., None]) -> Workspace:
    workspace = Workspace(tmp_path / "workspace")
    for name, chunks in CORPUS.items():
        add(workspace, name, chunks)
    build_index(config, workspace)
    return workspace


def test_the_question_comes_first_and_nothing_comes_twice(kind: str, indexed: Workspace, config: Config) -> None:
    with expander(kind, indexed, config) as expand:
        found = expand.expand(QUESTIONS)
    assert [variations[0].text for variations in found] == QUESTIONS
    most = 1 + int(KINDS[kind].get("variations", 1))
    for variations in found:
        assert (variations[0].origin, variations[0].weight, variations[0].passage) == ("the question", 1.0, False)
        texts = [" ".join(own.text.split()).casefold() for own in variations]
        assert len(set(texts)) == len(texts) <= most
        assert all(own.origin and 0 < own.weight <= 1 for own in variations)


def test_questions_do_not_change_each_others_variations(kind: str, indexed: Workspace, config: Config) -> None:
    with expander(kind, indexed, config) as expand:
        together = expand.expand(QUESTIONS)
        assert [expand.expand([question])[0] for question in QUESTIONS] == together
        assert expand.expand([]) == []


@pytest.mark.parametrize("kind", ["multi-query", "hyde", "decompose"], indirect=True)
def test_a_model_is_asked_once_a_question(kind: str, indexed: Workspace, config: Config, service: Any) -> None:
    with expander(kind, indexed, config) as expand:
        expand.expand(["a", "b", "a"])
        expand.expand(["b"])
    assert sorted(body["messages"][0]["content"].split("Question: ")[1] for body in service.bodies) == ["a\n", "b\n"]
    assert {body["temperature"] for body in service.bodies} == {0}
    assert "$" not in json.dumps(service.bodies)
