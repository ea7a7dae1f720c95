from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ragcli.errors import BackendError
from ragcli.models.chat import CHAT_PATH, ChatModel, NoTextError, Reply
from ragcli.models.http import EndpointError, Service


@pytest.fixture
def model(service: Any) -> Iterator[Callable[..., ChatModel]]:
    made: list[ChatModel] = []

    def make(**options: Any) -> ChatModel:
        made.append(ChatModel(Service("the oracle", service.url, CHAT_PATH, "o.url", "o.model"), "tiny", **options))
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


@pytest.mark.parametrize("usage", [b"", b', "usage": null', b', "usage": {}', b', "usage": {"prompt_tokens": null}'])
def test_usage_that_is_not_reported_is_0(service: Any, model: Callable[..., ChatModel], usage: bytes) -> None:
    service.script = [(200, {}, b'{"choices": [{"message": {"content": "x"}}]%s}' % usage)]
    assert model().ask(MESSAGES) == Reply("x", 0, 0)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{}", "no chat completion"),
        (b"[]", "no chat completion"),
        (b"7", "no chat completion"),
        (b'{"choices": []}', "no chat completion"),
        (b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": "many"}}', "no chat completion"),
        (b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1e999}}', "no chat completion"),
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


def test_a_key_can_be_looked_for_before_anything_is_asked(service: Any) -> None:
    needs = Service("the oracle", service.url, CHAT_PATH, "o.url", "o.model", "A_KEY", key_required=True)
    with pytest.raises(EndpointError, match="needs a key"):
        ChatModel(needs, "tiny").check_key()
    assert service.bodies == []
