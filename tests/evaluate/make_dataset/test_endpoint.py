from collections.abc import Callable
from typing import Any

import pytest

from ragcli.errors import BackendError, UsageError
from ragcli.evaluate.make_dataset.endpoint import ChatEndpoint


def endpoint(service: Any, **options: Any) -> ChatEndpoint:
    return ChatEndpoint(service.url, "tiny", first_wait_s=0.0, **options)


def test_a_prompt_is_asked_at_temperature_zero(service: Any, complete: Callable[[str], Any]) -> None:
    service.replies = [(200, complete("forty two"))]
    asker = endpoint(service, seed=3)
    assert [asker.ask("how many?"), asker.ask("how many?")] == ["forty two", "forty two"]
    assert asker.tokens == 14
    assert service.requests[0] == {
        "path": "/v1/chat/completions",
        "model": "tiny",
        "messages": [{"role": "user", "content": "how many?"}],
        "temperature": 0,
        "seed": 3,
    }
    assert service.keys == [None, None]


def test_what_may_pass_is_tried_again(service: Any, complete: Callable[[str], Any]) -> None:
    service.replies = [(429, b"slow down"), (503, b""), (200, complete("here"))]
    assert endpoint(service).ask("?") == "here"
    assert len(service.requests) == 3


@pytest.mark.parametrize(
    ("replies", "message", "requests"),
    [
        ([(401, b"no key")], "answered 401: no key", 1),
        ([(302, b"")], "answered 302", 1),
        ([(500, b"broken")], "answered 500: broken", 2),
        ([(200, b"not json")], "no chat completion", 1),
        ([(200, {"choices": []})], "no chat completion", 1),
    ],
)
def test_failures_are_told(service: Any, replies: list[Any], message: str, requests: int) -> None:
    service.replies = replies
    with pytest.raises(BackendError, match=message):
        endpoint(service, attempts=2).ask("?")
    assert len(service.requests) == requests


def test_a_service_that_is_not_there_is_told() -> None:
    with pytest.raises(BackendError, match="cannot be reached"):
        ChatEndpoint("http://127.0.0.1:9/v1", "tiny", attempts=2, first_wait_s=0.0).ask("?")


@pytest.mark.parametrize("url", ["ftp://host/v1", "nonsense", "http://user@host/v1", "http://host/v1?key=1"])
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--base-url"):
        ChatEndpoint(url, "tiny")


def test_a_key_is_only_sent_where_it_belongs(
    service: Any, complete: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    service.replies = [(200, complete("x"))]
    monkeypatch.setenv("OPENAI_API_KEY", "openai-secret")
    monkeypatch.setenv("OTHER_KEY", "other-secret")
    endpoint(service).ask("?")
    endpoint(service, key_variable="OTHER_KEY").ask("?")
    assert service.keys == [None, "Bearer other-secret"]
    with pytest.raises(UsageError, match="needs a key"):
        endpoint(service, key_variable="NOT_SET")
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match=r"api\.openai\.com needs a key"):
        ChatEndpoint("https://api.openai.com/v1", "tiny")
