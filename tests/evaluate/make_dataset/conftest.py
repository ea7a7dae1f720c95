"""Documents to ask about, and a chat endpoint on this machine."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.load import load_config
from ragcli.ingest.sync import sync
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

PAGES = {
    "backup.md": (
        "# Taking snapshots\n\nA snapshot is a read-only copy of all files of a host at one moment.\n\n"
        "## Retention of snapshots\n\nSnapshots are kept for thirty days and are then removed by the nightly janitor.\n"
    ),
    "keys.md": (
        "# Overview\n\nThe signing key is a secret that only the release server knows.\n\n"
        "## When do signing keys rotate?\n\nSigning keys rotate once a quarter, on the first Monday of it.\n"
    ),
    "errors.md": (
        "# Overview\n\nThis is a list of codes and what they mean to an operator.\n\n"
        "## 2. Codes of the agent\n\nThe code MRL-4008 tells that a quorum of witnesses was not reachable in time.\n"
        "See [the list of errors](errors-v3.md) for everything that is not told here at all.\n"
    ),
    "ports.md": "# Ports\n\nThe gateway XK-77 forwards every request to the nearest vault of the customer.\n",
    "twice.md": (
        "# Said twice\n\nThis sentence stands in the document two times, word for word.\n\n"
        "This sentence stands in the document two times, word for word.\n"
    ),
}

CONFIG = """\
ingest:
  sources:
    - path: docs
  chunker:
    structured: {size_tokens: 24, min_tokens: 0}
index:
  embedder:
    kind: hashing
"""


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with a configuration, its documents ingested."""
    root = tmp_path / "project"
    (root / "docs").mkdir(parents=True)
    for name, text in PAGES.items():
        (root / "docs" / name).write_text(text, encoding="utf-8")
    (root / "ragcli.yaml").write_text(CONFIG, encoding="utf-8")
    loaded = load_config(root / "ragcli.yaml")
    sync(loaded.config, loaded.base)
    return root


@pytest.fixture
def catalog(documents: Path) -> Iterator[Catalog]:
    """What was ingested."""
    with Catalog(Workspace(documents / ".ragcli").catalog, readonly=True) as catalog:
        yield catalog


@dataclass
class Service:
    """An endpoint that answers from ``replies``: a status and a body each, the last one again and again."""

    url: str
    replies: list[tuple[int, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


def completion(content: str) -> dict[str, Any]:
    """The body of a chat completion."""
    return {"choices": [{"message": {"content": content}}], "usage": {"total_tokens": 7}}


@pytest.fixture
def service() -> Iterator[Service]:
    """A real HTTP service on loopback."""
    state = Service("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.requests.append({"path": self.path, **json.loads(body)})
            state.keys.append(self.headers.get("Authorization"))
            status, content = state.replies.pop(0) if len(state.replies) > 1 else state.replies[0]
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def complete() -> Callable[[str], dict[str, Any]]:
    """See ``completion``."""
    return completion
