"""A chat endpoint on loopback that answers from a script, then sensibly; it remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Answer = tuple[int, dict[str, str], bytes]


def chat(text: str, tokens: tuple[int, int] | None = (100, 20)) -> Answer:
    """A proper response."""
    usage = {} if tokens is None else {"usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}}
    message = {"role": "assistant", "content": text}
    return 200, {}, json.dumps({"choices": [{"message": message}], **usage}).encode()


def sensible(body: dict[str, Any]) -> Answer:
    """Half of two statements supported; relevance 4."""
    if "factual statements" in body["messages"][0]["content"]:
        statements = [{"statement": "a", "supported": True}, {"statement": "b", "supported": False}]
        return chat(json.dumps({"statements": statements}))
    return chat(json.dumps({"reason": "good", "score": 4}))


class ChatService:
    def __init__(self) -> None:
        self.script: list[Answer | Callable[[dict[str, Any]], Answer]] = []
        self.always: Callable[[dict[str, Any]], Answer] = sensible
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.bodies.append(body)
                service.keys.append(self.headers.get("Authorization"))
                answer = service.script.pop(0) if service.script else service.always
                status, headers, content = answer(body) if callable(answer) else answer
                if self.path != "/v1/chat/completions":
                    status = 404
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def service() -> Iterator[ChatService]:
    running = ChatService()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def reply() -> Callable[..., Answer]:
    return chat
