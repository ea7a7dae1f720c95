"""Fetching from a hub that serves on loopback, through the hub's own library in a process of its own."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

COMMIT = "c" * 40

PROGRAM = """
import json, sys
from pathlib import Path
from ragcli.config.models import ModelsConfig
from ragcli.errors import RagcliError
from ragcli.models.inventory import pull_model
from ragcli.models.locate import locate
models = ModelsConfig(cache=Path(sys.argv[1]))
try:
    pulled = pull_model(sys.argv[2], sys.argv[3], models)
except RagcliError as error:
    print(json.dumps({"error": type(error).__name__, "message": error.message, "hint": error.hint}))
else:
    found = locate(sys.argv[2], "", models)
    files = {file.path: file.sha256 for file in pulled.pin.files}
    print(json.dumps({"revision": pulled.pin.revision, "files": files, "folder": str(found.folder)}))
"""


class Hub:
    """Serves one repository: its file list, and its files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.split("?")[0]
                hub.asked.append(path)
                name = path.rpartition(f"/resolve/{COMMIT}/")[2]
                if path.startswith("/api/models/org/model/revision/") and path.endswith(("main", COMMIT)):
                    listing = {"id": "org/model", "sha": COMMIT, "siblings": [{"rfilename": file} for file in files]}
                    self.reply(200, json.dumps(listing).encode(), {"Content-Type": "application/json"})
                elif path == f"/api/models/org/model/tree/{COMMIT}":
                    entries = [
                        {"type": "file", "path": file, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                        for file, content in files.items()
                    ]
                    self.reply(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
                elif path.startswith("/org/model/resolve/") and name in files:
                    etag = hashlib.sha256(files[name]).hexdigest()
                    self.reply(200, files[name], {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})
                else:
                    self.reply(404, b"{}", {"X-Error-Code": "RepoNotFound"})

            do_HEAD = do_GET  # noqa: N815 - the library's name

            def reply(self, status: int, content: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for header, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(header, value)
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def repository(tiny_model: Path) -> dict[str, bytes]:
    files = {
        path.relative_to(tiny_model).as_posix(): path.read_bytes() for path in tiny_model.rglob("*") if path.is_file()
    }
    return files | {"pytorch_model.bin": b"pickle", "modeling.py": b"raise SystemExit", "tf_model.h5": b"no"}


@pytest.fixture
def hub(repository: dict[str, bytes]) -> Iterator[Hub]:
    running = Hub(repository)
    yield running
    running.server.shutdown()
    running.server.server_close()


def pull(url: str, tmp_path: Path, name: str = "org/model", revision: str = "") -> dict[str, Any]:
    environment = {**os.environ, "HF_ENDPOINT": url, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "0"}
    words = [sys.executable, "-c", PROGRAM, str(tmp_path / "cache"), name, revision]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize("revision", ["", COMMIT])
def test_pulls_safe_files_only_and_records_them(
    hub: Hub, repository: dict[str, bytes], tmp_path: Path, revision: str
) -> None:
    result = pull(hub.url, tmp_path, revision=revision)
    assert result["revision"] == COMMIT
    assert result["files"] == {
        name: hashlib.sha256(repository[name]).hexdigest() for name in ("tokenizer.json", "model.safetensors")
    }
    folder = Path(result["folder"])
    assert folder == tmp_path / "hub" / "models--org--model" / "snapshots" / COMMIT
    fetched = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert fetched == set(repository) - {"pytorch_model.bin", "modeling.py", "tf_model.h5"}
    assert not [path for path in hub.asked if path.endswith((".bin", ".py", ".h5"))]


def test_a_model_with_only_pickles_is_refused(hub: Hub, repository: dict[str, bytes], tmp_path: Path) -> None:
    del repository["model.safetensors"]
    hub.server.shutdown()
    other = Hub(repository)
    result = pull(other.url, tmp_path)
    other.server.shutdown()
    other.server.server_close()
    assert result["error"] == "MissingModelError"
    assert "only pickled weights" in result["message"]


def test_a_model_the_hub_does_not_have(hub: Hub, tmp_path: Path) -> None:
    result = pull(hub.url, tmp_path, name="org/other")
    assert result == {
        "error": "MissingModelError",
        "message": "the model 'org/other' is not on this machine, and the hub has no such model",
        "hint": "check its name and revision; or give the path of a copy as the model",
    }
