"""The second process that loads the model, from outside: a process that begins it, and what is left afterwards."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# argv: the model's folder. The machine is made to look idle, whatever it is doing.
BEGIN = """
import os, sys
os.getloadavg = lambda: (0.0, 0.0, 0.0)
os.sched_getaffinity = lambda _: {0, 1}
from ragcli.models import ahead
ahead.begin()
assert not {"numpy", "pydantic"} & set(sys.modules)
pid = ahead._second._pid
from ragcli.config.index import SentenceTransformersConfig
from ragcli.config.models import ModelsConfig
config, models = SentenceTransformersConfig(model=sys.argv[1], runtime="onnx"), ModelsConfig()
"""


def run(script: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", BEGIN + script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_vectors_are_those_of_the_first_process_which_loads_nothing(tiny_model: Path) -> None:
    ran = run(
        """
embedder = ahead.build_embedder(config, models)
questions, documents = embedder.embed_queries(["one", "two words"]), embedder.embed_documents(["three"])
assert not {"onnxruntime", "tokenizers"} & set(sys.modules), sorted(sys.modules)
from ragcli.models.build import build_embedder
here = build_embedder(config, models)
assert (questions == here.embed_queries(["one", "two words"])).all()
assert (documents == here.embed_documents(["three"])).all()
for name in ("fingerprint", "name", "dimension", "max_tokens"):
    assert getattr(embedder, name) == getattr(here, name), name
ahead.end()
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("no child is left")
""",
        tiny_model,
    )
    assert (ran.returncode, ran.stdout) == (0, "no child is left\n"), ran.stderr


def test_what_fails_there_is_raised_here(tmp_path: Path) -> None:
    ran = run(
        """
from ragcli.errors import MissingModelError
try:
    ahead.build_embedder(config, models)
except MissingModelError as error:
    print(error.message, "|", error.hint)
""",
        "nobody/nothing",
    )
    message, hint = ran.stdout.split("|")
    assert "nobody/nothing" in message, ran.stderr
    assert "ragcli models pull" in hint


def test_a_killed_process_is_a_clear_error(tiny_model: Path) -> None:
    ran = run(
        """
import signal
from ragcli.errors import BackendError
embedder = ahead.build_embedder(config, models)
os.kill(pid, signal.SIGKILL)
try:
    embedder.embed_queries(["one"])
except BackendError as error:
    print(error.message)
""",
        tiny_model,
    )
    assert ran.stdout == "the process that runs the model was killed\n", ran.stderr


def test_it_ends_with_the_first_process_even_a_killed_one(tiny_model: Path) -> None:
    ran = run("print(pid, flush=True); os.kill(os.getpid(), 9)", tiny_model)
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    deadline = time.monotonic() + 30
    while _runs(int(ran.stdout)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(int(ran.stdout))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("busy", ["os.getloadavg = lambda: (2.1, 0, 0)", "os.sched_getaffinity = lambda _: {0}"])
def test_a_busy_machine_loads_the_model_in_the_first_process(tiny_model: Path, busy: str) -> None:
    script = BEGIN.replace("from ragcli.models import ahead", f"{busy}\nfrom ragcli.models import ahead", 1)
    script = script.replace("pid = ahead._second._pid", "assert ahead._second is None")
    script += "print(len(ahead.build_embedder(config, models).embed_queries(['one'])), 'onnxruntime' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script, str(tiny_model)], capture_output=True, text=True, timeout=120)
    assert ran.stdout == "1 True\n", ran.stderr


def test_no_room_for_a_process_is_no_error() -> None:
    script = "import os\nos.getloadavg = lambda: (0, 0, 0)\nos.sched_getaffinity = lambda _: {0, 1}\n"
    script += "def fork(): raise BlockingIOError\nos.fork = fork\n"
    script += "from ragcli.models import ahead\nahead.begin(); print(ahead._second); ahead.end()"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "None\n", ran.stderr


def test_blas_threads_are_the_users_choice() -> None:
    script = "import os\nfrom ragcli.models import ahead\nahead.begin(); ahead.end()\n"
    script += "print(os.environ['OPENBLAS_NUM_THREADS'])"
    for given, used in ((None, "1\n"), ("2", "2\n")):
        environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
        environment |= {} if given is None else {"OPENBLAS_NUM_THREADS": given}
        ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
        assert ran.stdout == used, ran.stderr
