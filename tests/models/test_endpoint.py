"""Against a real HTTP server on loopback, with a script of what it answers."""

import gzip
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any

import pytest

from ragcli.config.endpoint import EndpointSettings
from ragcli.errors import BackendError, ConfigError
from ragcli.models.endpoint import Endpoint, EndpointError, Service

OK: tuple[int, dict[str, str], bytes] = (200, {}, b'{"said": "yes"}')
SOON = {"Retry-After": "0.01"}


@pytest.fixture
def client(service: Any) -> Iterator[Callable[..., Endpoint]]:
    made: list[Endpoint] = []
    service.always = lambda _: OK

    def make(own_key: str = "A_KEY", **settings: Any) -> Endpoint:
        limit, hints = settings.pop("limit", 10**6), settings.pop("hints", {})
        there = EndpointSettings(**{"base_url": service.url, "timeout_s": 5.0, **settings})
        made.append(Endpoint(Service("the oracle", "o", own_key, "ask", limit, hints), there))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_json_goes_there_and_back(service: Any, client: Callable[..., Endpoint]) -> None:
    one = client(base_url=f"{service.url}/")
    assert one.post({"text": "Größe \U0001f511", "n": [1, None]}) == {"said": "yes"}
    assert service.bodies == [{"text": "Größe \U0001f511", "n": [1, None]}]
    assert service.paths == ["/v1/ask"]
    assert one.url == f"{service.url}/ask"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_passing_failures_are_tried_again(service: Any, client: Callable[..., Endpoint], status: int) -> None:
    service.script = [(status, SOON, b"busy")] * 2
    assert client().post({}) == {"said": "yes"}
    assert len(service.bodies) == 3


@pytest.mark.parametrize("date", [False, True])
def test_retry_after_is_honoured(service: Any, client: Callable[..., Endpoint], date: bool) -> None:
    value = formatdate(time.time() + 2, usegmt=True) if date else "0.7"
    service.script = [(429, {"Retry-After": value}, b"")]
    start = time.monotonic()
    client().post({})
    assert 0.65 < time.monotonic() - start < 4


@pytest.mark.parametrize("retry_after", [None, "soon", "nan", "Sun, 99 Foo 9999 00:00:00 GMT"])
def test_waits_grow_without_a_sensible_retry_after(
    service: Any, client: Callable[..., Endpoint], retry_after: str | None
) -> None:
    service.script = [(503, {} if retry_after is None else {"Retry-After": retry_after}, b"")] * 2
    start = time.monotonic()
    client().post({})
    assert 0.75 * (0.5 + 1.0) <= time.monotonic() - start < 0.5 + 1.0 + 2


def test_retries_end(service: Any, client: Callable[..., Endpoint]) -> None:
    body = b'{"error": {"message": "slow\\ndown"}}'
    service.script = [(429, SOON, body)] * 9
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
        (404, "check o.base_url and o.model", True),
        (422, "say it otherwise", False),
        (413, "send less", False),
    ],
)
def test_lasting_failures_are_not_tried_again(
    service: Any, client: Callable[..., Endpoint], status: int, hint: str, lasting: bool
) -> None:
    service.script = [(status, {}, b"no such\n thing")]
    with pytest.raises(BackendError, match=f"answered {status}: no such thing") as caught:
        client(hints={422: "say it otherwise", 413: "send less"}).post({})
    assert caught.value.hint == hint
    assert isinstance(caught.value, EndpointError) == lasting
    assert len(service.bodies) == 1


def test_redirects_are_not_followed(
    service: Any, client: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "secret")
    service.script = [(307, {"Location": f"{service.url}/elsewhere"}, b"")]
    with pytest.raises(EndpointError, match="answered 307") as caught:
        client().post({})
    assert caught.value.hint == "redirects are not followed: set o.base_url to the final address"
    assert service.paths == ["/v1/ask"]


@pytest.mark.parametrize("content", [b"<html>", b"\xff\xfe\x00", b"", b"[" * 100_000])
def test_what_is_no_json_is_refused(service: Any, client: Callable[..., Endpoint], content: bytes) -> None:
    service.script = [(200, {}, content)]
    with pytest.raises(BackendError, match="did not answer with JSON") as caught:
        client().post({})
    assert caught.value.hint.startswith("check o.base_url: ")
    assert len(service.bodies) == 1


def test_an_answer_without_end_is_not_read(service: Any, client: Callable[..., Endpoint]) -> None:
    service.script = [(200, {}, b"1" * 5000)]
    with pytest.raises(BackendError, match="answered with more than 1,000 bytes"):
        client(limit=1000).post({})
    assert client(limit=1000).post({}) == {"said": "yes"}


def test_a_compressed_answer_could_be_of_any_size(service: Any, client: Callable[..., Endpoint]) -> None:
    service.script = [(200, {"Content-Encoding": "gzip"}, gzip.compress(b"1" * 10**6))]
    with pytest.raises(BackendError, match=r"compressed its answer \(gzip\)"):
        client().post({})
    assert service.headers[0]["accept-encoding"] == "identity"
    service.script = [(400, {"Content-Encoding": "gzip"}, gzip.compress(b"why"))]
    with pytest.raises(BackendError, match=r"answered 400: Bad Request$"):
        client().post({})


def test_a_service_that_is_gone(client: Callable[..., Endpoint], gone: str) -> None:
    with pytest.raises(EndpointError, match="cannot be reached after 2 attempts: ConnectError") as caught:
        client(base_url=gone, max_retries=1).post({})
    assert caught.value.hint == "check o.base_url and that the service runs"


def test_a_service_that_does_not_answer(service: Any, client: Callable[..., Endpoint]) -> None:
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
    service: Any, client: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    client().post({})
    monkeypatch.setenv("A_KEY", " mine\n")
    client().post({})
    client(own_key="").post({})
    assert service.keys == [None, "Bearer mine", None]


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel", "a\tb"])
def test_a_key_that_is_none_is_refused_and_not_shown(
    client: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("A_KEY", key)
    with pytest.raises(EndpointError, match=r"^A_KEY holds characters that no key has$"):
        client().post({})


def test_a_required_key_that_is_missing(service: Any, client: Callable[..., Endpoint]) -> None:
    with pytest.raises(EndpointError, match=r"^127\.0\.0\.1 needs a key$") as caught:
        client().key(required=True)
    assert caught.value.hint == "set A_KEY in the environment"
    with pytest.raises(EndpointError, match=r"^api\.openai\.com needs a key$"):
        client(base_url="https://api.openai.com/v1").post({})
    assert service.bodies == []


def test_the_environment_of_the_vendors_client_is_not_heeded(
    service: Any, client: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", gone)
    for name in ("API_KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_{name}", "mine-alone")
    headers = ("Authorization: Bearer ", "X-Key: ", "Cookie: ", "Host: ", "X-Schl\u00fcssel: ")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "\n".join(f"{header}mine-alone" for header in headers))
    client().post({})
    monkeypatch.setenv("A_KEY", "for-the-oracle")
    client().post({})
    assert service.keys == [None, "Bearer for-the-oracle"]
    for sent in service.headers:
        assert "mine-alone" not in str(sent)


def test_requests_are_spaced(service: Any, client: Callable[..., Endpoint]) -> None:
    service.script = [(503, SOON, b"busy")]  # a retry is a request
    one = client(requests_per_minute=200)
    start = time.monotonic()
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(one.post, [{}] * 3))
    assert len(service.bodies) == 4
    assert time.monotonic() - start >= 3 * 60 / 200


def test_a_proxy_that_cannot_be_used(client: Callable[..., Endpoint], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://host")
    with pytest.raises(EndpointError, match=r"no connection to the oracle .* can be prepared") as caught:
        client().post({})
    assert "proxy" in caught.value.hint


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "api.openai.com", "http://user:key@host/v1", "http:///v1", "http://host/v1?key=1",
     "http://[::1/v1", "http://host:port/v1", "http://host:99999/v1"],
)  # fmt: skip
def test_odd_addresses_are_refused(client: Callable[..., Endpoint], url: str) -> None:
    with pytest.raises(ConfigError, match=r"^o\.base_url .* must be an http or https URL") as caught:
        client(base_url=url)
    assert "http://" in caught.value.hint


def test_openai_has_a_key_of_its_own(client: Callable[..., Endpoint]) -> None:
    assert client(base_url="https://api.openai.com/v1").key_variable == "OPENAI_API_KEY"
    for url in ("https://api.openai.com.evil.example/v1", "https://evil.example/api.openai.com"):
        assert client(base_url=url).key_variable == "A_KEY"
