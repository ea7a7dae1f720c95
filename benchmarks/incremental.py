"""One per cent of 20,000 chunks changed, against indexing all of them: whole processes, hashing embedder.

python benchmarks/incremental.py
"""

import argparse
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from measure import RAGCLI, command, interleave, table, verdict

FILES, SECTIONS = 2_000, 10
SETTINGS = ["--set", "index.embedder.kind=hashing", "--set", "ingest.chunker.kind=structured",
            "--set", "ingest.chunker.size_tokens=40"]  # fmt: skip
WORDS = ("backup", "restore", "vault", "key", "policy", "snapshot", "agent", "host", "disk", "quota", "error", "retry")


def page(number: int, version: int) -> str:
    """A Markdown page of ten sections, each a chunk of its own."""
    choose = random.Random(number * 1000 + version)
    sections = (
        f"## Part {part}\n\n{' '.join(choose.choices(WORDS, k=35)).capitalize()}.\n" for part in range(SECTIONS)
    )
    return f"# Page {number}\n\n" + "\n".join(sections)


def write(folder: Path, numbers: range, version: int) -> None:
    for number in numbers:
        path = folder / f"{number % 100:02d}" / f"page-{number:04d}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page(number, version), encoding="utf-8")


def full(root: Path) -> Callable[[], float]:
    run = command([RAGCLI, "sync", "docs", "-w", "full", *SETTINGS], cwd=root)

    def timed() -> float:
        shutil.rmtree(root / "full", ignore_errors=True)
        return run()

    return timed


def changed(root: Path) -> Callable[[], float]:
    run = command([RAGCLI, "sync", "docs", "-w", "kept", *SETTINGS], cwd=root)
    version = 0

    def timed() -> float:
        nonlocal version
        version += 1
        write(root / "docs", range(version * 20, version * 20 + FILES // 100), version)
        return run()

    return timed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "docs", range(FILES), 0)
        command([RAGCLI, "sync", "docs", "-w", "kept", *SETTINGS], cwd=root)()
        os.sync()
        times = interleave({"all": full(root), "1 %": changed(root)}, rounds=arguments.rounds)
    whole, part = times["all"].median, times["1 %"].median
    limit = 0.03 * whole + 0.5
    print("## One per cent changed\n")
    print(f"`ragcli sync` of {FILES * SECTIONS:,} chunks in {FILES:,} files with the hashing embedder, then of "
          f"{FILES // 100} rewritten files; {arguments.rounds} interleaved rounds.\n")  # fmt: skip
    rows = [
        ["everything", f"{whole:.2f} s", "", ""],
        ["1 % changed", f"{part:.2f} s", f"<= 3 % of the full run + 0.5 s = {limit:.2f} s", verdict(part, limit)],
    ]
    print(table(["run", "median", "target", ""], rows))


if __name__ == "__main__":
    main()
