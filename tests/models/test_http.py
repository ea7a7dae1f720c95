"""Against a real HTTP server on loopback, with a script of what it answers."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from ragcli.errors import BackendError, ConfigError
from ragcli.models.http import EndpointError, JsonClient, Service, is_openai, key_variable

OK: tuple[int, dict[str, str], bytes] = (200, {}, b'{"said": "yes"}')


@pytest.fixture
def client(service: Any) -> Iterator[Callable[..., JsonClient]]:
    made: list[JsonClient] = []
    service.always = lambda _: OK

    def make(**settings: Any) -> JsonClient:
        values: dict[str, Any] = {"base_url": service.url, "timeout_s": 5.0, "key_variable": "A_KEY", **settings}
        made.append(JsonClient(Service("the oracle", path="ask", address_key="o.url", model_key="o.model", **values)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_json_goes_there_and_back(service: Any, client: Callable[..., JsonClient]) -> None:
    one = client(base_url=f"{service.url}/")
    assert one.post({"text": "Größe \U0001f511", "n": [1, None]}) == {"said": "yes"}
    assert service.bodies == [{"text": "Größe \U0001f511", "n": [1, None]}]
    assert service.paths == ["/v1/ask"]
    assert one.url == f"{service.url}/ask"


def test_half_a_surrogate_pair_is_replaced(service: Any, client: Callable[..., JsonClient]) -> None:
    client().post({"text": "a\udc80b"})
    assert service.bodies == [{"text": "a?b"}]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_passing_failures_are_tried_again(service: Any, client: Callable[..., JsonClient], status: int) -> None:
    service.script = [(status, {"Retry-After": "0"}, b"busy")] * 2
    assert client().post({}) == {"said": "yes"}
    assert len(service.bodies) == 3


@pytest.mark.parametrize("date", [False, True])
def test_retry_after_is_honoured(service: Any, client: Callable[..., JsonClient], date: bool) -> None:
    value = formatdate(time.time() + 2, usegmt=True) if date else "0.7"
    service.script = [(429, {"Retry-After": value}, b"")]
    start = time.monotonic()
    client().post({})
    assert 0.65 < time.monotonic() - start < 4


def test_no_thread_asks_while_the_service_wants_rest(service: Any, client: Callable[..., JsonClient]) -> None:
    service.script = [(429, {"Retry-After": "0.8"}, b"")]
    one = client()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(one.post, {"n": 1})
        time.sleep(0.3)  # by now the first was told to wait
        start = time.monotonic()
        threads.submit(one.post, {"n": 2}).result()
        assert time.monotonic() - start > 0.3
        assert first.result() == {"said": "yes"}
    assert len(service.bodies) == 3


@pytest.mark.parametrize("retry_after", [None, "soon", "nan", "Sun, 99 Foo 9999 00:00:00 GMT"])
def test_waits_grow_without_a_sensible_retry_after(
    service: Any, client: Callable[..., JsonClient], retry_after: str | None
) -> None:
    service.script = [(503, {} if retry_after is None else {"Retry-After": retry_after}, b"")] * 2
    start = time.monotonic()
    client().post({})
    assert 0.25 + 0.5 <= time.monotonic() - start < 0.5 + 1.0 + 2


def test_retries_end(service: Any, client: Callable[..., JsonClient]) -> None:
    body = b'{"error": {"message": "slow\\ndown"}}'
    service.script = [(429, {"Retry-After": "0"}, body)] * 9
    with pytest.raises(BackendError, match=r"the oracle at .*/ask answered 429 after 3 attempts: slow down") as caught:
        client(max_retries=2).post({})
    assert caught.value.hint == "try again later"
    assert not isinstance(caught.value, EndpointError)
    assert len(service.bodies) == 3


@pytest.mark.parametrize(
    ("status", "hint", "lasting"),
    [
        (400, "check o.model", False),
        (401, "the key is missing or wrong: set A_KEY in the environment", True),
        (403, "the key may not use this model: set A_KEY in the environment", True),
        (404, "check o.url and o.model", True),
        (422, "say it otherwise", False),
        (501, "try again later", False),
    ],
)
def test_lasting_failures_are_not_tried_again(
    service: Any, client: Callable[..., JsonClient], status: int, hint: str, lasting: bool
) -> None:
    service.script = [(status, {}, b"no such\n thing")]
    with pytest.raises(BackendError, match=f"answered {status}: no such thing") as caught:
        client(hints={422: "say it otherwise"}).post({})
    assert caught.value.hint == hint
    assert isinstance(caught.value, EndpointError) == lasting
    assert len(service.bodies) == 1


def test_redirects_are_not_followed(
    service: Any, client: Callable[..., JsonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    service.script = [(307, {"Location": f"{service.url}/elsewhere"}, b"")]
    with pytest.raises(EndpointError, match="answered 307") as caught:
        client().post({})
    assert caught.value.hint == "redirects are not followed: set o.url to the final address"
    assert service.paths == ["/v1/ask"]


@pytest.mark.parametrize("content", [b"<html>", b"\xff\xfe\x00", b"", b"[" * 100_000])
def test_what_is_no_json_is_refused(service: Any, client: Callable[..., JsonClient], content: bytes) -> None:
    service.script = [(200, {}, content)]
    with pytest.raises(BackendError, match="did not answer with JSON") as caught:
        client().post({})
    assert caught.value.hint == "check o.url"
    assert len(service.bodies) == 1


def test_an_answer_without_end_is_not_read(service: Any, client: Callable[..., JsonClient]) -> None:
    service.script = [(200, {}, b"1" * 5000)]
    with pytest.raises(BackendError, match="answered with more than 1,000 bytes"):
        client(longest_answer_bytes=1000).post({})
    assert client(longest_answer_bytes=1000).post({}) == {"said": "yes"}


def test_an_answer_that_cannot_be_unpacked(service: Any, client: Callable[..., JsonClient]) -> None:
    service.script = [(200, {"Content-Encoding": "gzip"}, b"not gzip")]
    with pytest.raises(BackendError, match="cannot be asked"):
        client().post({})


def test_a_service_that_is_gone(client: Callable[..., JsonClient], gone: str) -> None:
    with pytest.raises(EndpointError, match="cannot be reached after 2 attempts: ConnectError") as caught:
        client(base_url=gone, max_retries=1).post({})
    assert caught.value.hint == "check o.url and that the service runs"


def test_a_service_that_does_not_answer(service: Any, client: Callable[..., JsonClient]) -> None:
    def sleep(_: dict[str, Any]) -> Any:
        time.sleep(0.6)
        return OK

    service.script = [sleep, sleep]
    assert client(timeout_s=0.3, max_retries=2).post({}) == {"said": "yes"}
    assert len(service.bodies) == 3
    service.script = [sleep]
    with pytest.raises(BackendError, match="ReadTimeout") as caught:
        client(timeout_s=0.3, max_retries=0).post({})
    assert not isinstance(caught.value, EndpointError)


def test_the_key_comes_from_the_environment(
    service: Any, client: Callable[..., JsonClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    client().post({})
    monkeypatch.setenv("A_KEY", " mine\n")
    client().post({})
    client(key_variable="").post({})
    assert service.keys == [None, "Bearer mine", None]


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "a\tb"])
def test_a_key_that_is_none_is_refused_and_not_shown(
    client: Callable[..., JsonClient], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("A_KEY", key)
    with pytest.raises(EndpointError, match=r"^A_KEY holds characters that no key has$"):
        client().post({})


def test_a_required_key_that_is_missing(service: Any, client: Callable[..., JsonClient]) -> None:
    with pytest.raises(EndpointError, match=r"^127\.0\.0\.1 needs a key$") as caught:
        client(key_required=True).post({})
    assert caught.value.hint == "set A_KEY in the environment"
    assert service.bodies == []


def test_a_proxy_that_cannot_be_used(client: Callable[..., JsonClient], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://host")
    with pytest.raises(EndpointError, match=r"no connection to the oracle .* can be prepared") as caught:
        client().post({})
    assert "proxy" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "api.openai.com", "http://user:key@host/v1", "http:///v1", "http://host/v1?key=1",
     "http://[::1/v1", "http://host:port/v1", "http://host:99999/v1"],
)  # fmt: skip
def test_odd_addresses_are_refused(client: Callable[..., JsonClient], url: str) -> None:
    with pytest.raises(ConfigError, match=r"^o\.url .* must be an http or https URL") as caught:
        client(base_url=url)
    assert "http://" in caught.value.hint


def test_openai_has_a_key_of_its_own() -> None:
    assert key_variable("https://api.openai.com/v1", "OTHER") == "OPENAI_API_KEY"
    for url in ("https://api.openai.com.evil.example/v1", "https://evil.example/api.openai.com", "http://[", "x"):
        assert key_variable(url, "OTHER") == "OTHER"
        assert not is_openai(url)
