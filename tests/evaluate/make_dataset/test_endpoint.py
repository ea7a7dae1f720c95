from collections.abc import Callable
from typing import Any

import pytest

from ragcli.errors import BackendError, UsageError
from ragcli.evaluate.make_dataset.endpoint import ChatEndpoint

AT_ONCE = {"Retry-After": "0.01"}


def test_a_prompt_is_asked_at_temperature_zero(service: Any, reply: Callable[..., Any]) -> None:
    service.always = lambda _: reply("forty two", (5, 2))
    asker = ChatEndpoint(service.url, "tiny", seed=3)
    assert [asker.ask("how many?"), asker.ask("how many?")] == ["forty two", "forty two"]
    asker.close()
    assert asker.tokens == 14
    assert service.paths == ["/v1/chat/completions"] * 2
    assert service.bodies[0] == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "how many?"}],
        "temperature": 0,
        "seed": 3,
    }
    assert service.keys == [None, None]


def test_what_may_pass_is_tried_again(service: Any) -> None:
    service.script = [(429, AT_ONCE, b"slow down"), (503, AT_ONCE, b"")]
    assert ChatEndpoint(service.url, "tiny").ask("?") == "yes"
    assert len(service.bodies) == 3


@pytest.mark.parametrize(
    ("status", "content", "message", "hint"),
    [
        (401, b"no key", "answered 401: no key", "--key-variable"),
        (404, b"no model", "answered 404: no model", "--base-url and --model"),
        (302, b"", "answered 302", "redirects are not followed: set --base-url"),
        (200, b"not json", "did not answer with a chat completion: 'not json'", "--base-url"),
        (200, b'{"choices": []}', "with a chat completion", "OpenAI's protocol"),
    ],
)
def test_failures_are_told(service: Any, status: int, content: bytes, message: str, hint: str) -> None:
    service.script = [(status, {}, content)]
    with pytest.raises(BackendError, match=message) as caught:
        ChatEndpoint(service.url, "tiny").ask("?")
    assert hint in caught.value.hint
    assert len(service.bodies) == 1


def test_a_model_that_declines_answers_nothing(service: Any) -> None:
    service.script = [(200, {}, b'{"choices": [{"message": {"content": null, "refusal": "no"}}]}')]
    assert ChatEndpoint(service.url, "tiny").ask("?") == ""


def test_a_service_that_is_not_there_is_told(gone: str) -> None:
    with pytest.raises(BackendError, match="cannot be reached"):
        ChatEndpoint(gone, "tiny", max_retries=0).ask("?")


@pytest.mark.parametrize(
    "url", ["ftp://host/v1", "nonsense", "http://user@host/v1", "http://host/v1?key=1", "http://["]
)
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--base-url") as caught:
        ChatEndpoint(url, "tiny")
    assert "http://127.0.0.1:11434/v1" in caught.value.hint


def test_a_key_is_only_sent_where_it_belongs(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "openai-secret")
    monkeypatch.setenv("OTHER_KEY", "other-secret")
    ChatEndpoint(service.url, "tiny").ask("?")
    ChatEndpoint(service.url, "tiny", key_variable="OTHER_KEY").ask("?")
    assert service.keys == [None, "Bearer other-secret"]
    with pytest.raises(UsageError, match="needs a key"):
        ChatEndpoint(service.url, "tiny", key_variable="NOT_SET")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match=r"api\.openai\.com needs a key"):
        ChatEndpoint("https://api.openai.com/v1", "tiny")
