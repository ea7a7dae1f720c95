"""What a terminal shows, by the real command behind a pseudo-terminal."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any

import pytest

Ragcli = Any
COLUMNS = 60
LONG = "handbook-of-the-service-that-keeps-snapshots-for-customers-in-three-regions.md"


def shown(cwd: Path, *words: str) -> list[str]:
    """The lines on a terminal of 60 columns, stdout and stderr."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    command = [sys.executable, "-m", "ragcli", *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=cwd, env=environment):
        os.close(theirs)
        pieces = []
        try:
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", b"".join(pieces).decode())
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["doctor"],
        ["index", "history"],
        ["index", "gc"],
        ["query", "who copies snapshots", "-s", "lexical"],
        ["query", "who copies snapshots", "-s", "lexical", "--answer"],
        ["query", "x", "-w", "elsewhere"],
        ["query", "x", "--strategi", "lexical"],
    ],
)
def test_lines_end_between_words(indexed: Ragcli, work: Path, words: list[str]) -> None:
    text = "Snapshots are copied by the service to a second region every night, whoever owns them. " * 9
    (work / "docs" / "long.md").write_text(f"# Copies\n\n{text}\n")
    (work / "docs" / "broken.pdf").write_bytes(b"%PDF-1.4 nothing more than this")
    indexed("sync", "docs")
    lines = shown(work, *words)
    assert len(lines) > 1
    wide = [line for line in lines if len(line) > COLUMNS]
    assert all(" " not in line.strip() for line in wide), wide  # only what cannot be broken


def test_a_path_stays_whole(indexed: Ragcli, work: Path) -> None:
    lines = shown(work, "ingest", LONG)
    assert any(line.strip() == str(work / LONG) for line in lines), lines


def test_a_pipe_gets_one_line_however_long(indexed: Ragcli) -> None:
    (line,) = indexed("index", "gc").out.splitlines()
    assert len(line) > 80
