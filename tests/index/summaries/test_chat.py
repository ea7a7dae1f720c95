"""Summaries by a language model: one call a text, ever, and searched like any others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.index.summaries.test_write import put

from ragcli.config.index import HashingEmbedderConfig, IndexConfig, OpenAISummariesConfig
from ragcli.config.settings import Config
from ragcli.errors import BackendError
from ragcli.index.build import build_index
from ragcli.index.reader import open_generation
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

TEXTS = {"a": ["Apples grow on high trees."], "b": ["Cars burn fuel in their engines."]}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    for name, texts in TEXTS.items():
        put(made, name, texts)
    return made


@pytest.fixture
def configured(service: Any, reply: Any) -> Callable[..., Config]:
    """Settings for a model that calls apples pomes."""
    service.always = lambda body: reply(
        "About pomes." if "Apples" in body["messages"][0]["content"] else "About motors."
    )

    def configure(**settings: object) -> Config:
        chat = OpenAISummariesConfig.model_validate({"base_url": service.url, "model": "tiny", **settings})
        return Config(index=IndexConfig(embedder=HashingEmbedderConfig(), summaries=chat))

    return configure


def found(config: Config, workspace: Workspace, words: str) -> Sequence[int]:
    with open_generation(workspace, config.index, summaries=True) as generation:
        assert generation.summaries is not None
        assert generation.summaries.lexical is not None
        rows: list[int] = generation.summaries.lexical.search(words, 5)[1].tolist()
        return rows


def test_a_document_is_found_by_what_the_model_says_of_it(
    workspace: Workspace, configured: Callable[..., Config], service: Any
) -> None:
    config = configured(prompt="Sum up $text", max_tokens=99)
    build_index(config, workspace)
    assert found(config, workspace, "pomes") == [1]
    assert found(config, workspace, "motors") == [2]
    assert found(config, workspace, "trees") == []
    asked = sorted(body["messages"][0]["content"] for body in service.bodies)
    assert asked == ["Sum up Apples grow on high trees.", "Sum up Cars burn fuel in their engines."]
    assert {body["max_tokens"] for body in service.bodies} == {99}


def test_only_new_texts_and_other_questions_are_sent(
    workspace: Workspace, configured: Callable[..., Config], service: Any
) -> None:
    build_index(configured(), workspace)
    build_index(configured(), workspace, full=True)
    put(workspace, "copy", TEXTS["a"])
    build_index(configured(timeout_s=9), workspace)
    assert len(service.bodies) == 2
    assert found(configured(), workspace, "pomes") == [1, 3]
    put(workspace, "c", ["Zebras eat grass."])
    build_index(configured(), workspace)
    assert len(service.bodies) == 3
    build_index(configured(model="other"), workspace)
    assert len(service.bodies) == 3 + 3  # two texts are alike


def test_what_was_written_before_a_failure_is_kept(
    workspace: Workspace, configured: Callable[..., Config], service: Any, reply: Any
) -> None:
    service.script = [reply("About pomes."), (400, {}, b"no")]
    with pytest.raises(BackendError):
        build_index(configured(concurrency=1), workspace)
    assert not workspace.current.exists()
    build_index(configured(), workspace)
    assert len(service.bodies) == 3
    assert found(configured(), workspace, "pomes") == [1]


def test_a_text_that_the_model_declines_is_summed_up_by_its_sentences(
    workspace: Workspace, configured: Callable[..., Config], service: Any, reply: Any
) -> None:
    service.always = lambda _: reply(None)
    config = configured()
    build_index(config, workspace)
    assert found(config, workspace, "trees") == [1]


def test_without_a_model_the_catalog_has_no_table_of_it(workspace: Workspace) -> None:
    build_index(Config(index=IndexConfig(embedder=HashingEmbedderConfig())), workspace)
    with Catalog(workspace.catalog, readonly=True) as catalog:
        assert catalog.database.all("SELECT name FROM sqlite_master WHERE name = 'summaries'") == []
