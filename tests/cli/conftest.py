"""The command line as its user has it: a folder of documents, and ``ragcli`` run in it."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest

from ragcli.cli import main

PAGES = {
    "backup.md": "# Backups\n\nSnapshots are taken every night and kept for thirty days.\n",
    "guides/restore.md": "# Restoring\n\nA restore copies a snapshot back to its host.\n",
    "keys.txt": "Signing keys rotate once a quarter.\n",
}


class Ran(NamedTuple):
    """How a run of ``ragcli`` ended."""

    status: int
    out: str
    err: str

    @property
    def envelope(self) -> Any:
        return json.loads(self.out)

    @property
    def result(self) -> Any:
        return self.envelope["result"]


class Ragcli(Protocol):
    def __call__(self, *words: object, stdin: bytes = b"") -> Ran: ...


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: ``docs`` has three documents, the embedder is the hashing one."""
    folder = tmp_path / "work"
    for name, text in PAGES.items():
        file = folder / "docs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RAGCLI_INDEX__EMBEDDER__KIND", "hashing")
    return folder


@pytest.fixture
def ragcli(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ragcli:
    """Runs a command line in this process."""

    def run(*words: object, stdin: bytes = b"") -> Ran:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        return Ran(int(left.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def indexed(ragcli: Ragcli) -> Ragcli:
    """The same, with the three documents ingested and indexed."""
    for words in (("ingest", "docs"), ("index",)):
        ran = ragcli(*words)
        assert ran.status == 0, ran.err
    return ragcli


Touch = Callable[[str, str], None]


@pytest.fixture
def write(work: Path) -> Touch:
    """Writes a document below ``docs``."""

    def write(name: str, text: str) -> None:
        (work / "docs" / name).write_text(text, encoding="utf-8")

    return write
