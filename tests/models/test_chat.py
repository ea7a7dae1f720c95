import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ragcli.config.endpoint import EndpointSettings
from ragcli.errors import BackendError
from ragcli.models.chat import ChatModel, NoTextError, Reply
from ragcli.models.endpoint import EndpointError, Service


@pytest.fixture
def model(service: Any) -> Iterator[Callable[..., ChatModel]]:
    made: list[ChatModel] = []

    def make(**options: Any) -> ChatModel:
        settings = EndpointSettings(model="tiny", base_url=service.url, **options.pop("settings", {}))
        service_ = Service("the oracle", "o", "", longest_answer_bytes=options.pop("limit", 10_000))
        made.append(ChatModel(service_, settings, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


MESSAGES = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "how many?"}]


def test_a_conversation_and_its_reply(service: Any, model: Callable[..., ChatModel], reply: Any) -> None:
    service.script = [reply("42", (7, 1))]
    assert model().ask(MESSAGES) == Reply("42", 7, 1)
    assert service.bodies == [{"model": "tiny", "temperature": 0, "messages": MESSAGES}]
    assert service.paths == ["/v1/chat/completions"]
    assert model().url == f"{service.url}/chat/completions"


def test_options_are_sent(service: Any, model: Callable[..., ChatModel]) -> None:
    model(max_tokens=9, seed=0).ask(MESSAGES, {"type": "json_object"})
    assert service.bodies == [
        {
            "model": "tiny",
            "temperature": 0,
            "max_tokens": 9,
            "seed": 0,
            "messages": MESSAGES,
            "response_format": {"type": "json_object"},
        }
    ]


def test_half_a_surrogate_pair_is_replaced(service: Any, model: Callable[..., ChatModel]) -> None:
    model().ask([{"role": "user", "content": "a\udc80b"}])
    assert service.bodies[0]["messages"] == [{"role": "user", "content": "a\ufffdb"}]


@pytest.mark.parametrize("usage", [b"", b', "usage": null', b', "usage": {}', b', "usage": {"prompt_tokens": null}'])
def test_usage_that_is_not_reported_is_0(service: Any, model: Callable[..., ChatModel], usage: bytes) -> None:
    service.script = [(200, {}, b'{"choices": [{"message": {"content": "x"}}]%s}' % usage)]
    assert model().ask(MESSAGES) == Reply("x", 0, 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{}", "with a chat completion"),
        (b"[]", "with a chat completion"),
        (b"7", "with a chat completion"),
        (b'{"choices": []}', "with a chat completion"),
        (b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "many"}}', "with a chat completion"),
        (b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1e999}}', "with a chat completion"),
        (b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -1}}', "counts -1 tokens"),
    ],
)
def test_senseless_replies_are_refused(
    service: Any, model: Callable[..., ChatModel], content: bytes, words: str
) -> None:
    service.script = [(200, {}, content)]
    with pytest.raises(BackendError, match=words) as caught:
        model().ask(MESSAGES)
    assert not isinstance(caught.value, EndpointError)
    assert len(service.bodies) == 1


@pytest.mark.parametrize("content", [b"null", b"[]", b"7"])
def test_a_reply_without_text_is_an_error_of_its_own(
    service: Any, model: Callable[..., ChatModel], content: bytes
) -> None:
    service.script = [(200, {}, b'{"choices": [{"message": {"content": %s}}]}' % content)]
    with pytest.raises(NoTextError, match=r"the oracle at .* gave no text"):
        model().ask(MESSAGES)


END = 'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


def events(*pieces: Any, end: str = END) -> tuple[int, dict[str, str], bytes]:
    """A streamed reply: texts are pieces of it, anything else is an event as it is."""
    bodies = [{"choices": [{"delta": {"content": one}}]} if isinstance(one, str) else one for one in pieces]
    lines = "".join(f"data: {json.dumps(body, ensure_ascii=False)}\r\n\r\n" for body in bodies)
    return 200, {"Content-Type": "text/event-stream; charset=utf-8"}, (": ping\n\n" + lines + end).encode()


USAGE = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


def test_a_streamed_reply_is_heard_as_it_comes(service: Any, model: Callable[..., ChatModel]) -> None:
    service.script = [events({"choices": [{"delta": {"role": "assistant"}}]}, "for", "ty\u2028 ü", USAGE)]
    heard: list[str] = []
    assert model().stream(MESSAGES, heard.append) == Reply("forty\u2028 ü", 7, 2)
    assert heard == ["for", "ty\u2028 ü"]
    assert service.bodies[0]["stream"] is True
    assert service.bodies[0]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (events("half a sen", end=""), "broke off in the middle"),
        (events("half", {"error": {"message": "out of memory"}}), "failed in the middle of an answer: out of memory"),
        (events("half", {"choices": [{"delta": {"content": 7}}]}), "with a piece of a chat completion"),
        (events("half", end="data: {broken\n\n"), "did not answer with JSON"),
        (events("half", [1]), "with a piece of a chat completion"),
        (events(), "gave no text"),
        ((200, {"Content-Type": "text/event-stream"}, b""), "broke off in the middle"),
        ((200, {}, b"<html>"), "did not answer with JSON"),
        ((200, {}, b"[]"), "with a chat completion"),
    ],
)
def test_streams_that_go_wrong(service: Any, model: Callable[..., ChatModel], answer: Any, words: str) -> None:
    service.script = [answer]
    with pytest.raises(BackendError, match=words):
        model().stream(MESSAGES, lambda _: None)
    assert len(service.bodies) == 1


def test_a_connection_that_is_lost_in_the_middle(service: Any, model: Callable[..., ChatModel]) -> None:
    status, headers, content = events("half", end="")
    service.script = [(status, {**headers, "Content-Length": str(len(content) + 99), "Connection": "close"}, content)]
    heard: list[str] = []
    with pytest.raises(BackendError, match="broke off in the middle of an answer: RemoteProtocolError"):
        model().stream(MESSAGES, heard.append)
    assert heard == ["half"]
    assert len(service.bodies) == 1  # what was heard must not be heard again


def test_a_stream_without_end_is_not_read(service: Any, model: Callable[..., ChatModel]) -> None:
    service.script = [events(*["and on "] * 100, end="")]
    heard: list[str] = []
    with pytest.raises(BackendError, match="answered with more than 2,000 bytes"):
        model(limit=2000).stream(MESSAGES, heard.append)
    assert len(heard) < 100


def test_tokens_of_streams_and_of_whole_replies_are_waited_for(
    service: Any, model: Callable[..., ChatModel], reply: Any
) -> None:
    service.script = [reply("42", (200, 100)), events("42", {"choices": [], "usage": {"prompt_tokens": 300}})]
    one = model(settings={"tokens_per_minute": 60_000})
    start = time.monotonic()
    one.ask(MESSAGES)
    one.stream(MESSAGES, lambda _: None)
    one.ask(MESSAGES)
    assert time.monotonic() - start >= 2 * 0.3


def test_a_busy_service_is_asked_again_before_it_streams(service: Any, model: Callable[..., ChatModel]) -> None:
    service.script = [(503, {"Retry-After": "0.01"}, b"busy"), events("yes")]
    assert model().stream(MESSAGES, lambda _: None).text == "yes"
    assert len(service.bodies) == 2


def test_a_service_that_cannot_stream_is_heard_at_once(
    service: Any, model: Callable[..., ChatModel], reply: Any
) -> None:
    service.script = [reply("42", (7, 1))]
    heard: list[str] = []
    assert model().stream(MESSAGES, heard.append) == Reply("42", 7, 1)
    assert heard == ["42"]
