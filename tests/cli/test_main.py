"""The boundary: every failure by its status, one envelope for all, talk on stderr, results on stdout."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from ragcli.cli.app import app_for
from ragcli.errors import RagcliError
from ragcli.workspace import Workspace
from ragcli.workspace.lock import WriterLock

Ragcli = Any
KEYS = ["schema", "command", "ok", "result", "warnings", "error"]
HASHING = ["--set", "index.embedder.kind=hashing"]


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command as it is typed."""
    if not isinstance(command, TyperGroup) or command.invoke_without_command:
        yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, (*path, name))


COMMANDS = sorted(commands(typer.main.get_command(app_for())))


def errors(kind: type[RagcliError] = RagcliError) -> Iterator[type[RagcliError]]:
    """Every error class of the library."""
    if kind.__module__ == "ragcli.errors":
        yield kind
    for below in kind.__subclasses__():
        yield from errors(below)


ERRORS = sorted(errors(), key=lambda kind: kind.code)

# -- statuses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ERRORS, ids=[kind.code for kind in ERRORS])
def test_every_error_leaves_with_its_status(
    kind: type[RagcliError], ragcli: Ragcli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise kind("what is wrong", hint="what to do")

    monkeypatch.setattr("ragcli.index.status.status", fail)
    ran = ragcli("status")
    assert (ran.status, ran.out, ran.err) == (kind.exit_status, "", "error: what is wrong\n  try: what to do\n")
    envelope = ragcli("status", "--format", "json").envelope
    assert envelope["error"] == {
        "code": kind.code, "exit_status": kind.exit_status, "message": "what is wrong", "hint": "what to do"
    }  # fmt: skip


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), EOFError("no more"), PermissionError(13, "denied")])
def test_a_bug_is_status_1_and_one_line(error: Exception, ragcli: Ragcli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("ragcli.index.status.status", fail)
    ran = ragcli("status")
    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        f"error: bug in ragcli: {type(error).__name__}: {error}\n  try: set RAGCLI_DEBUG=1 to see the traceback\n"
    )
    envelope = ragcli("status", "--format", "json").envelope
    assert (envelope["ok"], envelope["error"]["code"], list(envelope)) == (False, "internal", KEYS)
    monkeypatch.setenv("RAGCLI_DEBUG", "1")
    from ragcli.cli import main

    with pytest.raises(type(error)):
        main(["status"])


def test_a_full_disk_is_no_bug(ragcli: Ragcli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "/some/file")

    monkeypatch.setattr("ragcli.index.status.status", fail)
    ran = ragcli("status")
    assert ran.status == 7
    assert ran.err.startswith("error: /some/file: No space left on device\n")


def test_statuses_0_2_3_4_5_6(ragcli: Ragcli) -> None:
    missing = ["--set", "index.embedder.kind=sentence-transformers", "--set", "index.embedder.model=org/missing"]
    statuses = {
        0: ["config", "show"],
        2: ["config", "showw"],
        3: ["config", "show", "--set", "query.top_k=0"],
        4: ["chunks", "nowhere"],
        5: ["query", "x"],
        6: ["models", "pull", "org/missing"],
    }
    assert {status: ragcli(*words).status for status, words in statuses.items()} == {
        status: status for status in statuses
    }
    ragcli("ingest", "docs")
    assert ragcli("index", *missing).status == 6


def test_status_7_when_a_service_is_gone(ragcli: Ragcli) -> None:
    service = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "max_retries": "0", "dimension": "3"}
    ragcli("ingest", "docs")
    ran = ragcli("index", *[f"--set=index.embedder.{key}={value}" for key, value in service.items()])
    assert (ran.status, ran.out) == (7, "")
    assert "http://127.0.0.1:9/v1" in ran.err
    assert ragcli("status", "--format", "json").result["index"] is None


@pytest.mark.parametrize("words", [["ingest", "docs"], ["index"], ["sync", "docs"], ["index", "gc"]])
def test_status_8_names_the_process_that_holds_the_workspace(indexed: Ragcli, work: Path, words: list[str]) -> None:
    with WriterLock(Workspace(work / ".ragcli"), command="ragcli something"):
        ran = indexed(*words)
        assert indexed("query", "keys").status == 0  # readers do not wait
    assert (ran.status, ran.out) == (8, "")
    assert re.search(rf"is being written by process {os.getpid()} \(ragcli something\) since 20\d\d-", ran.err)
    assert "--set workspace.lock_timeout_s=60" in ran.err
    assert indexed(*words).status == 0


# A process that is started in the background, as CI systems do, inherits that Ctrl-C is ignored.
LISTENING = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
SLOW = f"""{LISTENING}
import sys, time
from ragcli.models.hashing import HashingEmbedder
fast = HashingEmbedder.embed_documents
def slow(self, texts):
    print("block", file=sys.stderr, flush=True)
    time.sleep(0.7)
    return fast(self, texts)
HashingEmbedder.embed_documents = slow
from ragcli.__main__ import run
run()
"""


@pytest.mark.parametrize(
    ("stop", "status", "code"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_stop_has_its_status_and_loses_nothing_that_was_finished(
    ragcli: Ragcli, work: Path, stop: signal.Signals, status: int, code: str
) -> None:
    for number in range(6):
        (work / "docs" / f"long{number}.txt").write_text(f"Words of page {number}. " * 1800)
    whole = ["--set", "ingest.chunker.kind=whole"]
    assert ragcli("ingest", "docs", "--include", "long*", *whole).status == 0
    command = [sys.executable, "-c", SLOW, "index", *HASHING, "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=work) as running:
        assert running.stderr is not None
        assert [running.stderr.readline() for _ in range(2)] == ["block\n", "block\n"]
        running.send_signal(stop)
        out, err = running.communicate(timeout=30)
    assert running.returncode == status
    assert err == f"{code}: what was read and embedded is kept; the next run goes on\n"
    envelope = json.loads(out)
    assert (list(envelope), envelope["ok"], envelope["error"]["code"]) == (KEYS, False, code)
    assert ragcli("doctor").status == 0
    result = ragcli("index", "--format", "json").result
    assert result["embedded"] + result["cached"] == 6
    assert result["cached"] >= 3  # two blocks of three: at most the one that was being computed is repeated
    assert result["generation"] == "000001"


def test_status_130_while_waiting_for_questions(indexed: Ragcli, work: Path) -> None:
    program = f"{LISTENING}from ragcli.__main__ import run; run()"
    command = [sys.executable, "-c", program, "query", "-", "-s", "lexical", "--format", "jsonl", "-k", "1"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=work
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write("signing keys\n")
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["document"] == "keys.txt"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
    assert (running.returncode, err) == (130, "interrupted\n")


# -- envelopes and streams ------------------------------------------------------------------------------------------

WRONG = ("--set", "query.topk=1")
BY_HASHING = ("--set", "query.rerank.kind=embedder", "--set", "query.rerank.embedder.kind=hashing")
DATASET = ("--dataset", "many.jsonl")
VARIANTS = ("--control", "right.yaml", "--treatment", "right.yaml", "-m", "clicked")
ENVELOPES: dict[tuple[str, ...], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("init",): (("docs",), ("docs",)),
    ("ingest",): (("docs",), ("nowhere",)),
    ("chunks",): (("docs/keys.txt",), ("nowhere",)),
    ("index",): ((), WRONG),
    ("index", "history"): ((), ("-w", "elsewhere")),
    ("index", "rollback"): (("000001",), ("000009",)),
    ("index", "gc"): ((), ("-w", "elsewhere")),
    ("sync",): (("docs",), ("-",)),
    ("query",): (("keys",), ("keys", "--where", "typ=x")),
    ("cost",): (("keys",), ("keys", "-w", "elsewhere")),
    ("rerank",): (("lists.jsonl", *BY_HASHING), ("nowhere.jsonl",)),
    ("eval",): (("--dataset", "questions.jsonl"), ("--dataset", "nowhere")),
    ("eval", "answers"): (("answers.jsonl",), ("nowhere.jsonl",)),
    ("eval", "sweep"): (("--grid", "grid.yaml", "--dataset", "many.jsonl"), ("--grid", "nowhere.yaml")),
    ("eval", "make-dataset"): (("made.jsonl", "--count", "1"), ("made.jsonl", "-w", "elsewhere")),
    ("eval", "convert"): (("questions.jsonl", "questions.csv"), ("nowhere", "x.csv")),
    ("eval", "diff"): (("result.json", "result.json"), ("@last", "nowhere.json")),
    ("eval", "validate"): (("questions.jsonl",), ("nowhere",)),
    ("abtest", "compare"): (("right.yaml", "right.yaml", *DATASET), ("right.yaml", "none.yaml", *DATASET)),
    ("abtest", "aa"): (("right.yaml", *DATASET), ("none.yaml", *DATASET)),
    ("abtest", "create"): (("new", *VARIANTS), ("exp", *VARIANTS)),
    ("abtest", "list"): ((), ("-w", "elsewhere")),
    ("abtest", "show"): (("exp",), ("none",)),
    ("abtest", "start"): (("exp", "--split", "0.5"), ("exp",)),
    ("abtest", "stop"): (("exp",), ("none",)),
    ("abtest", "delete"): (("exp",), ("none",)),
    ("abtest", "assign"): (("exp", "u"), ("none", "u")),
    ("abtest", "query"): (("exp", "keys", "-u", "u"), ("exp", "keys")),
    ("abtest", "record"): (("exp", "-u", "u", "-m", "clicked=1"), ("exp",)),
    ("abtest", "analyze"): (("exp",), ("none",)),
    ("abtest", "power"): (("exp",), ("none",)),
    ("abtest", "simulate"): (("exp", "--repeats", "100"), ("none",)),
    ("status",): ((), ("-w", "elsewhere")),
    ("doctor",): ((), ("-w", "elsewhere")),
    ("models", "list"): ((), WRONG),
    ("models", "pull"): (("{minilm}",), ("org/missing",)),
    ("models", "verify"): (("--set", "index.embedder.kind=none"), ("org/missing",)),
    ("config", "show"): ((), WRONG),
    ("config", "validate"): (("right.yaml",), ("none.yaml",)),
}


def test_every_command_that_prints_an_envelope_is_tested() -> None:
    assert {*ENVELOPES, ("config", "schema")} == {path for path in COMMANDS if path}


@pytest.mark.parametrize("path", ENVELOPES, ids=" ".join)
def test_success_and_failure_have_the_same_keys(path: tuple[str, ...], indexed: Ragcli, work: Path) -> None:
    (work / "right.yaml").write_text("query: {top_k: 3}\n")
    (work / "questions.jsonl").write_text('{"id": "1", "question": "signing keys", "relevant": ["keys.txt"]}\n')
    (work / "answers.jsonl").write_text('{"id": "1", "answer": "a", "references": ["a"]}\n')
    many = [{"id": str(number), "question": "signing keys", "relevant": ["keys.txt"]} for number in range(20)]
    (work / "many.jsonl").write_text("\n".join(map(json.dumps, many)))
    (work / "lists.jsonl").write_text('{"query": "signing keys", "documents": ["a key", "a door"]}\n')
    (work / "grid.yaml").write_text("query.strategy: [lexical, hybrid]\n")
    right, wrong = ENVELOPES[path]
    if path == ("eval", "diff"):
        assert indexed("eval", "--dataset", "questions.jsonl", "-o", "result.json").status == 0
    if path[0] == "abtest":
        clicks = [
            {"user": f"u{n}", "time": n, "variant": "treatment" if n % 2 else "control", "metrics": {"clicked": n % 2}}
            for n in range(300)
        ]
        (work / "events.jsonl").write_text("\n".join(map(json.dumps, clicks)))
        assert indexed("abtest", "create", "exp", *VARIANTS).status == 0
        assert indexed("abtest", "record", "exp", "-f", "events.jsonl").status == 0
    if path != ("models", "pull"):  # needs a model, see tests/models
        ran = indexed(*path, *right, "--format", "json")
        assert ran.status == 0, ran.err
        envelope = ran.envelope
        assert list(envelope) == KEYS
        assert (envelope["schema"], envelope["command"], envelope["ok"]) == ("ragcli/v1", " ".join(path), True)
        assert envelope["error"] is None
        assert envelope["result"] is not None
    ran = indexed(*path, *wrong, "--format", "json")
    assert ran.status not in {0, 1}
    envelope = ran.envelope
    assert list(envelope) == KEYS
    assert (envelope["schema"], envelope["command"], envelope["ok"]) == ("ragcli/v1", " ".join(path), False)
    assert list(envelope["error"]) == ["code", "exit_status", "message", "hint"]
    assert envelope["error"]["exit_status"] == ran.status
    message, *_ = ran.err.splitlines()
    assert message == f"error: {envelope['error']['message'].splitlines()[0]}"


@pytest.mark.parametrize("path", [path for path in COMMANDS if path], ids=" ".join)
def test_a_wrong_option_is_told_with_the_nearest(path: tuple[str, ...], ragcli: Ragcli) -> None:
    ran = ragcli(*path, "--xyzzy")
    command = " ".join(("ragcli", *path))
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == f"error: there is no option --xyzzy\n  try: {command} --help\n"
    if path != ("config", "schema"):
        ran = ragcli(*path, "--fromat", "json")
        assert ran.err.splitlines()[0] == "error: there is no option --fromat; did you mean --format?"
        ran = ragcli(*path, "--format", "jsno")
        first = "jsonl, trec, json" if path == ("rerank",) else "table, json"
        assert f"error: --format: 'jsno' is not one of {first}" in ran.err
        assert "; did you mean 'json'?" in ran.err


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["qery", "x"], "there is no command 'qery'; did you mean 'query'?", "ragcli --help"),
        (["frobnicate"], "there is no command 'frobnicate'", "ragcli --help"),
        (["index", "historyy"], "there is no command 'historyy'; did you mean 'history'?", "ragcli index --help"),
        (["query", "x", "-k"], "-k needs a value", "ragcli query --help"),
        (["query", "x", "-k", "two"], "--top-k: 'two' is not a whole number", "ragcli query --help"),
        (["query", "x", "--explain=yes"], "--explain takes no value", "ragcli query --help"),
        (["status", "now"], "unexpected argument: now", "ragcli status --help"),
        (["--format", "table"], "there is no option --format", "ragcli --help"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_voice(ragcli: Ragcli, words: list[str], message: str, hint: str) -> None:
    ran = ragcli(*words)
    assert (ran.status, ran.out, ran.err) == (2, "", f"error: {message}\n  try: {hint}\n")


@pytest.mark.parametrize("words", [[], ["models"], ["config"]])
def test_nothing_to_do_shows_the_help_as_talk(ragcli: Ragcli, words: list[str]) -> None:
    ran = ragcli(*words)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(" ".join(["Usage: ragcli", *words]))


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "ragcli")
@pytest.mark.parametrize("width", [40, 80, 200])
def test_help_is_a_result_that_fits(
    path: tuple[str, ...], width: int, ragcli: Ragcli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    ran = ragcli(*path, "--help")
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0].startswith(" ".join(("Usage: ragcli", *path)))
    assert not [line for line in lines if line != line.rstrip()]
    assert max(map(len, lines[1:])) <= 100
    longest_word = max(len(word) for word in ran.out.split())
    assert max(map(len, lines[1:])) <= max(width, max(longest_word, 20) + 32)  # no text has less than 20 columns
    assert width < 80 or max(map(len, lines[1:])) > 50
    assert not re.search(r"<\w+>|\x1b|[\u2500-\u257f]| \.\s", ran.out)
    assert ragcli(*path, "-h").out == ran.out


def test_the_version(ragcli: Ragcli) -> None:
    from ragcli import __version__

    assert ragcli("--version").out == f"ragcli {__version__}\n"


def test_progress_is_on_a_terminal_only_and_never_in_the_result(ragcli: Ragcli, work: Path) -> None:
    ragcli("ingest", "docs")
    command = [sys.executable, "-m", "ragcli", "index"]
    quiet = subprocess.run(command, capture_output=True, text=True, cwd=work, timeout=60)
    assert (quiet.stderr, quiet.stdout.count("\n")) == ("", 1)
    shown = on_terminal([*command, "--full"], work)
    assert shown.stdout.startswith("index: ")
    assert shown.stdout.count("\n") == 1
    assert "3/3" in shown.stderr
    assert "preparing" in shown.stderr
    assert re.search(r"\x1b\[[\d;]*3\dm", shown.stderr)
    plain = on_terminal([*command, "--full"], work, NO_COLOR="1")
    assert "3/3" in plain.stderr
    assert not re.search(r"\x1b\[[\d;]*[349]\dm", plain.stderr)


def on_terminal(command: list[str], folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run with stderr on a terminal and stdout in a pipe."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, "TERM": "xterm-256color", **environment}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, cwd=folder, env=variables) as running:
        os.close(theirs)
        out, _ = running.communicate(timeout=60)
    seen = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:  # how a pseudo-terminal says that its other end is closed
            break
        if not data:
            break
        seen += data
    os.close(ours)
    return subprocess.CompletedProcess(command, running.returncode, out.decode(), seen.decode())


@pytest.mark.parametrize(
    ("shell", "statuses"),
    [
        ("ragcli config schema | head -n 1", "0 0"),
        ("ragcli chunks long.txt | head -n 1", "0 0"),
        ("ragcli config schema > /dev/full", "7"),
        ("ragcli config showw --format json > /dev/full", "2"),
        ("ragcli --version >&-", "0"),
        ("ragcli config showw 2>&-", "2"),
    ],
)
def test_streams_that_end_early(work: Path, shell: str, statuses: str) -> None:
    (work / "long.txt").write_text("A sentence of a long page. " * 20_000)
    script = f'ragcli() {{ {sys.executable} -m ragcli "$@"; }}; {shell}; echo ${{PIPESTATUS[@]}} >&3'
    ran = subprocess.run(
        ["bash", "-c", f"exec 3>statuses; {script}"], capture_output=True, text=True, cwd=work, timeout=60
    )
    assert (work / "statuses").read_text().strip() == statuses
    assert "Traceback" not in ran.stderr
    if "2>&-" in shell:
        assert ran.stdout == ""


def test_what_an_encoding_lacks_is_escaped(work: Path) -> None:
    (work / "page.txt").write_text("Gr\u00f6\u00dfe und \U0001f511.\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "ragcli", "chunks", "page.txt", *HASHING]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=work, env=environment, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Gr\\xf6\\xdfe und \\U0001f511." in ran.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [("ragcli que", ["query"]), ("ragcli index ro", ["rollback"]), ("ragcli query x --format j", ["json", "jsonl"])],
)
def test_shells_complete_commands_and_choices(work: Path, words: str, expected: list[str]) -> None:
    environment = {"_RAGCLI_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    ran = subprocess.run(
        [sys.executable, "-m", "ragcli"], capture_output=True, text=True, cwd=work, env={**os.environ, **environment}
    )
    assert ran.stdout.split() == expected, ran.stderr


LIGHT = """
import sys
from ragcli.cli import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    assert not left.code, left.code
print(sorted({"pydantic", "rich", "numpy", "yaml", "typer._adapters"} & set(sys.modules)), file=sys.stderr)
"""


def test_reading_the_command_line_imports_no_pydantic(work: Path) -> None:
    command = [sys.executable, "-c", LIGHT, "config", "show", "--format", "json", "--set", "query.top_k=3", "-w", "w"]
    subprocess.run(command, capture_output=True, cwd=work, timeout=60)  # validates, and what that gave is remembered
    ran = subprocess.run(command, capture_output=True, text=True, cwd=work, timeout=60)
    assert ran.stderr.splitlines()[-1] == "[]"
