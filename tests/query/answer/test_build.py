"""Which answerer, and what counts its tokens."""

from typing import Any

import pytest

from ragcli.config.answer import OpenAIAnswererConfig
from ragcli.config.index import HashingEmbedderConfig, IndexConfig
from ragcli.config.pack import PackConfig
from ragcli.config.query import QueryConfig
from ragcli.config.settings import Config
from ragcli.errors import ConfigError
from ragcli.models.encodings import encoding_of
from ragcli.models.tokens import WordCounter
from ragcli.query.answer.build import budgeted_model, build_answerer, build_counter


def settings(answer: OpenAIAnswererConfig | None = None, **pack: Any) -> Config:
    query = (
        QueryConfig(pack=PackConfig(**pack)) if answer is None else QueryConfig(pack=PackConfig(**pack), answer=answer)
    )
    return Config(query=query, index=IndexConfig(embedder=HashingEmbedderConfig()))


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("gpt-4o-mini", "o200k_base"),
        ("gpt-5-mini", "o200k_base"),
        ("llama3.2", ""),
        ("gpt2", ""),  # an encoding that is not among those that are checked
    ],
)
def test_encodings_by_the_name_of_a_model(model: str, encoding: str) -> None:
    assert encoding_of(model) == encoding


def test_the_model_that_counts() -> None:
    assert budgeted_model(settings()) == ""
    assert budgeted_model(settings(OpenAIAnswererConfig(model="x"))) == "x"
    assert budgeted_model(settings(OpenAIAnswererConfig(model="x"), model="y")) == "y"


def test_a_configured_encoding_goes_before() -> None:
    counter, warning = build_counter(settings(encoding="words"), "gpt-4")
    assert (counter.name, warning) == ("words", "")
    with pytest.raises(ConfigError, match="there is no tokenizer 'cl200k'"):
        build_counter(settings(encoding="cl200k"), "gpt-4")


@pytest.mark.model
def test_the_models_own_encoding_or_the_fallback() -> None:
    assert build_counter(settings(), "gpt-4")[0].name == "tiktoken:cl100k_base"
    assert build_counter(settings(), "llama3.2")[0].name == "tiktoken:cl100k_base"
    assert build_counter(settings(), "")[0].name == "tiktoken:cl100k_base"
    counter, warning = build_counter(settings(), "gpt-4o")
    assert counter.name == "tiktoken:cl100k_base"
    assert warning == "the vocabulary of o200k_base is not on this machine: tiktoken:cl100k_base counts tokens instead"


def test_without_any_vocabulary_the_embedders_own() -> None:
    counter, warning = build_counter(settings(fallback_encoding="p50k_base"), "")
    assert counter.name == "words"
    assert warning.startswith("the vocabulary of p50k_base is not on this machine")


def test_the_answerer_of_the_settings() -> None:
    assert build_answerer(settings(), WordCounter(), None).name == "extractive"
    model = OpenAIAnswererConfig(model="x", base_url="http://127.0.0.1:1/v1")
    assert build_answerer(settings(model), WordCounter(), None).name == "x at http://127.0.0.1:1/v1/chat/completions"
    with pytest.raises(ConfigError, match=r"query\.answer\.base_url 'ftp://x' must be an http"):
        build_answerer(settings(OpenAIAnswererConfig(base_url="ftp://x")), WordCounter(), None)
