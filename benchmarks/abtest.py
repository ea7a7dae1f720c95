"""How fast experiments are: assigning users, recording events, analysing a million of them.

    python benchmarks/abtest.py [--events 1000000]

Assigning runs in this process; recording and analysing are whole commands, whose start counts. Recording is held beside
the bare floor: Python's json and SQLite alone.
"""

import argparse
import json
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from measure import RAGCLI, clean_environment, command, interleave, peak_memory_mb, table, verdict

from ragcli.abtest.assignment import Assigner, allocate
from ragcli.abtest.store import ExperimentStore

METRICS = ("clicked", "latency_ms", *(f"m{number}" for number in range(8)))
SECONDS, MEMORY_MIB, ASSIGNED, RECORDED, WRITERS = 10.0, 1_024, 500_000, 20_000, 8


def write_events(file: Path, events: int, users: int) -> None:
    """Ten metrics an event, ten events a user on average."""
    generator = np.random.default_rng(0)
    assign = Assigner("speed", allocate({"treatment": 0.5}, "control"))
    variants = [assign(f"user-{number}") for number in range(users)]
    with file.open("w", encoding="utf-8") as lines:
        for number, user in enumerate(generator.integers(0, users, events).tolist()):
            values = np.round(generator.lognormal(4.0, 0.5, len(METRICS)), 3).tolist()
            metrics = dict(zip(METRICS, values, strict=True)) | {"clicked": int(values[0] > 60)}
            metrics["latency_ms"] *= 0.9 if variants[user] == "treatment" else 1.0  # so that the verdict is to ship
            event = {"id": f"e{number}", "user": f"user-{user}", "time": 1.7e9 + number, "variant": variants[user]}
            lines.write(json.dumps(event | {"metrics": metrics}) + "\n")


def run(folder: Path, *words: str) -> None:
    subprocess.run([RAGCLI, "abtest", *words], cwd=folder, env=clean_environment(), check=True, capture_output=True)


def prepared(folder: Path) -> Path:
    """A workspace with an experiment of ten metrics."""
    folder.mkdir()
    for name, strategy in (("a", "lexical"), ("b", "dense")):
        (folder / f"{name}.yaml").write_text(f"query:\n  strategy: {strategy}\n", encoding="utf-8")
    metrics = [word for name in METRICS for word in ("--metric", f"{name}:mean")]
    run(folder, "create", "speed", "--control", "a.yaml", "--treatment", "b.yaml", *metrics)
    return folder


def assigned(count: int = 500_000) -> float:
    """Users a second, best of three."""
    assign, users = Assigner("speed", allocate({"treatment": 0.5}, "control")), [f"user-{n}" for n in range(count)]
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for user in users:
            assign(user)
        best = max(best, count / (time.perf_counter() - started))
    return best


def fresh(base: Path, record: Callable[[Path], float]) -> float:
    """Record into a workspace that nothing was recorded in."""
    with tempfile.TemporaryDirectory(dir=base) as name:
        return record(prepared(Path(name) / "work"))


def floor(file: Path, base: Path) -> float:
    """Parse each line and insert it, nothing else."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=base) as name, file.open("rb") as lines:
        database = sqlite3.connect(Path(name) / "floor.db")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE events (id TEXT PRIMARY KEY, user TEXT, time REAL, line TEXT) WITHOUT ROWID")
        rows = ((event["id"], event["user"], event["time"], line) for line in lines for event in [json.loads(line)])
        with database:
            database.executemany("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?)", rows)
        database.close()
    return time.perf_counter() - started


def written(base: Path, file: Path) -> tuple[int, int]:
    """Eight processes record a part each, with a tenth that all of them have; how many should be there, and are."""
    folder = prepared(base / "writers")
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)[:80_000]
    shared, rest = lines[:8_000], lines[8_000:]
    writers = []
    for number in range(WRITERS):
        part = folder / f"part{number}.jsonl"
        part.write_text("".join(shared + rest[number::WRITERS]), encoding="utf-8")
        words = [RAGCLI, "abtest", "record", "speed", "--file", part.name]
        writers.append(subprocess.Popen(words, cwd=folder, env=clean_environment(), stdout=subprocess.DEVNULL))
    if any(writer.wait() for writer in writers):
        raise SystemExit("a writer failed")
    with ExperimentStore(folder / ".ragcli" / "catalog.db", readonly=True) as store:
        return len(lines), store.count("speed")[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        big, small = base / "big.jsonl", base / "small.jsonl"
        write_events(big, arguments.events, arguments.events // 10)
        write_events(small, 100_000, 10_000)
        words = [RAGCLI, "abtest", "record", "speed", "--file", str(small)]
        taken = interleave(
            {
                "record": partial(fresh, base, lambda folder: command(words, folder)()),
                "floor": partial(floor, small, base),
            },
            arguments.rounds,
        )
        should, there = written(base, small)
        folder = prepared(base / "work")
        run(folder, "record", "speed", "--file", str(big))
        analyse = [RAGCLI, "abtest", "analyze", "speed"]
        analysed = interleave({"analyze": command(analyse, folder)}, arguments.rounds)["analyze"].median
        memory = peak_memory_mb(analyse, folder)
    speed, users = 100_000 / taken["record"].median, assigned()
    rows = [
        ["assign, in process", f"{users:,.0f} a second", f"> {ASSIGNED:,}", verdict(users, ASSIGNED, at_least=True)],
        [
            "record 100,000 events of ten metrics", f"{speed:,.0f} a second", f"> {RECORDED:,}",
            verdict(speed, RECORDED, at_least=True),
        ],
        ["... against json and SQLite alone", f"{taken['record'].ratio_to(taken['floor']):.2f}x its time", "", ""],
        [f"{WRITERS} writers at once, {should:,} events", f"{there:,} stored", "all", verdict(should - there, 0)],
        [
            f"analyze {arguments.events:,} events of ten metrics", f"{analysed:.1f} s", f"< {SECONDS:g} s",
            verdict(analysed, SECONDS),
        ],
        ["... memory", f"{memory:,.0f} MiB", f"< {MEMORY_MIB:,} MiB", verdict(memory, MEMORY_MIB)],
    ]  # fmt: skip
    print("## A/B tests: speed\n")
    print(table(["what", "measured", "to reach", ""], rows))


if __name__ == "__main__":
    main()
