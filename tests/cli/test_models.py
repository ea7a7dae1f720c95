"""``ragcli models`` through the whole command line; what the functions behind it do is in tests/models."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ragcli.config.index import DEFAULT_MODEL

Ragcli = Any
MINILM = ["--set", "index.embedder.kind=sentence-transformers"]


@pytest.fixture(autouse=True)
def _no_packaged_models(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("model") is None:
        monkeypatch.setattr("ragcli.models.locate.package_folder", lambda package: None)


def test_list_says_how_to_get_what_is_not_here(ragcli: Ragcli) -> None:
    ran = ragcli("models", "list")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == (f"{DEFAULT_MODEL} (embedder): not here: pip install 'ragcli[offline-models]'")
    assert ran.out.splitlines()[-1].startswith("hub cache ")
    entries = ragcli("models", "list", "--format", "json").result["models"]
    assert {entry["origin"] for entry in entries} == {""}


@pytest.mark.parametrize(
    "words",
    [
        ["query", "x"],
        ["index", "--full"],
        ["models", "verify", "org/missing"],
    ],
)
def test_a_model_that_is_nowhere_fails_with_the_command_that_gets_it(indexed: Ragcli, words: list[str]) -> None:
    ran = indexed(*words, *MINILM, "--set", "index.embedder.model=org/missing", "--format", "json")
    assert (ran.status, ran.envelope["error"]["code"], ran.result) == (6, "missing_model", None)
    assert "'org/missing' is not on this machine" in ran.envelope["error"]["message"]
    assert "ragcli models pull org/missing" in ran.envelope["error"]["hint"]


def test_a_pull_that_fails_does_not_advise_itself(indexed: Ragcli) -> None:
    error = indexed("models", "pull", "org/missing", "--format", "json").envelope["error"]
    assert (error["exit_status"], error["code"]) == (6, "missing_model")
    assert error["hint"] == (
        "allow the network, or pull where the hub is reached; or give the path of a copy as the model"
    )


def test_offline_it_fails_at_once(work: Path) -> None:
    """Loading aside, in milliseconds: no library is asked that would ask a hub again and again."""
    program = (
        "import sys, time\n"
        "from ragcli.config.index import SentenceTransformersConfig\n"
        "from ragcli.config.models import ModelsConfig\n"
        "from ragcli.errors import MissingModelError\n"
        "from ragcli.models.build import build_embedder\n"
        "started = time.perf_counter()\n"
        "try:\n"
        "    build_embedder(SentenceTransformersConfig(model='org/missing'), ModelsConfig(offline=True))\n"
        "except MissingModelError as error:\n"
        "    print(time.perf_counter() - started, 'torch' in sys.modules, 'huggingface_hub' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=work, timeout=60)
    seconds, torch, hub = ran.stdout.split()
    assert float(seconds) < 0.5
    assert (torch, hub) == ("False", "False")


def test_the_whole_command_is_fast_offline(work: Path) -> None:
    started = time.monotonic()
    command = [sys.executable, "-m", "ragcli", "models", "pull", "org/missing", "--set", "models.offline=true"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=work, timeout=60)
    assert (ran.returncode, ran.stdout) == (6, "")
    assert "models.offline forbids the network" in ran.stderr
    assert time.monotonic() - started < 5  # mostly starting Python on a busy machine; a retry loop takes longer


def test_nothing_to_verify(ragcli: Ragcli) -> None:
    assert ragcli("models", "verify").out == "nothing to verify: no model is configured or was pulled\n"
    assert ragcli("models", "verify", "--format", "json").result == {"checks": []}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["models", "pull"], "NAME is missing"),
        (["models", "pul", "x"], "there is no command 'pul'; did you mean 'pull'?"),
        (["models", "pull", "a", "b"], "unexpected argument: b"),
    ],
)
def test_usage(ragcli: Ragcli, words: list[str], message: str) -> None:
    ran = ragcli(*words)
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err


@pytest.mark.model
def test_verify_proves_the_packaged_model(ragcli: Ragcli) -> None:
    ran = ragcli("models", "verify", "BAAI/bge-small-en-v1.5")
    assert ran.status == 0
    assert ran.out.splitlines()[0].startswith("ok       BAAI/bge-small-en-v1.5: files: ")
