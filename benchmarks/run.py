"""Run the benchmarks and write what they print into RESULTS.md.

    python benchmarks/run.py [NAME ...] [--scifact DIR] [--chunking DIR] [options of the scripts, such as --rounds 3]

Every script is also a command of its own. A benchmark whose data is not given is left out, and says so; a section of
RESULTS.md is replaced only by a new run of the same benchmark. SciFact is a folder in BEIR layout (corpus.jsonl,
queries.jsonl, qrels/), chunking the data of https://github.com/brandonstarxel/chunking_evaluation (corpora/,
questions_df.csv).
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from measure import clean_environment, machine

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "RESULTS.md"
NEEDS = {
    "startup": "",
    "query": "",
    "folder_to_index": "scifact",
    "embedding": "scifact",
    "rerank": "scifact",
    "resync": "",
    "incremental": "",
    "large": "",
    "expand": "",
    "scifact": "scifact",
    "sample": "",
    "pack": "",
    "chunking": "chunking",
    "eval_run": "",
    "eval_answers": "",
    "eval_gate": "",
    "abtest": "",
    "abtest_statistics": "",
}
"""Benchmarks in the order of the page, and the data each needs."""
INTRODUCTION = """\
# Results

What `make bench` measured, shortfalls included. Every section is printed by the script of its name in `benchmarks/`;
the line under its heading says when and where. Times are of whole processes unless said otherwise, medians over
interleaved rounds on a machine that other work may share: read the ratios, which compare contenders of the same run.

What falls short, and why:

- **Folder to index**: reached with one chunk a text, which is what the peers do; the default embeds every word in
  chunks, 1.4 times as many tokens as the peers, which cut a text at 256.
- **No-op re-sync**: out of reach for a program on typer. A bare script that imports typer and stats the 10,000 files
  takes 84 ms where the target is 66 (Python alone 12, with typer 63); with pydantic and sqlite3, 133. Tried and kept:
  one walk with the stat that listing gives, the whole catalog read by one query, settings remembered instead of
  parsed; neither reading, parsing nor a query a file is left.
"""


def sections() -> dict[str, str]:
    """What RESULTS.md holds, by benchmark."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    parts = re.split(r"<!-- (\w+) -->\n", text)[1:]
    return dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))


def measure(name: str, data: Path | None, options: Sequence[str]) -> str:
    """Run one script; its Markdown with the circumstances under the heading."""
    words = [sys.executable, str(FOLDER / f"{name}.py"), *(["--data", str(data)] if data else []), *options]
    done = subprocess.run(words, cwd=FOLDER, env=clean_environment(), stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed with status {done.returncode}")
    heading, _, rest = done.stdout.strip().partition("\n")
    return f"{heading}\n\n*{datetime.now(UTC):%Y-%m-%d}, {machine()}*\n{rest}"


def write(found: dict[str, str]) -> None:
    """RESULTS.md anew, in the order of the benchmarks."""
    parts = [f"<!-- {name} -->\n{found[name]}\n" for name in NEEDS if name in found]
    RESULTS.write_text("\n".join([INTRODUCTION, *parts]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NEEDS)}")
    parser.add_argument("--scifact", type=Path, help="BEIR folder of SciFact")
    parser.add_argument("--chunking", type=Path, help="folder of the chunking evaluation's data")
    arguments, options = parser.parse_known_args()
    if unknown := set(arguments.names) - set(NEEDS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    for name in arguments.names or NEEDS:
        data = getattr(arguments, NEEDS[name]) if NEEDS[name] else None
        if NEEDS[name] and data is None:
            print(f"{name}: left out, it needs --{NEEDS[name]} DIR", file=sys.stderr)
            continue
        print(f"{name} ...", file=sys.stderr)
        write(sections() | {name: measure(name, data.absolute() if data else None, options)})


if __name__ == "__main__":
    main()
