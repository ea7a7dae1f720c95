"""Timing whole commands fairly on a noisy machine: interleaved pairs, medians, ratios.

Every benchmark script prints Markdown on stdout and talk on stderr; ``run.py`` collects the Markdown.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RAGCLI = str(Path(sys.executable).with_name("ragcli"))


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each run of one contender, in the order of the rounds."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def ratio_to(self, other: "Timing") -> float:
        """Median of the round-by-round ratios self / other."""
        return statistics.median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))


def interleave(contenders: Mapping[str, Callable[[], float]], rounds: int, warmup: int = 1) -> dict[str, Timing]:
    """Call each contender in turn, A B C A B C ..., dropping the warm-up; each returns its own seconds."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(warmup + rounds):
        for name, contender in contenders.items():
            seconds = contender()
            if turn >= warmup:
                taken[name].append(seconds)
            print(f"  {name}: {seconds:.3f} s", file=sys.stderr)
    return {name: Timing(name, tuple(values)) for name, values in taken.items()}


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The process's environment with bytecode caching on and no settings of ragcli from outside."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("RAGCLI_") and k != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "true"} | dict(extra or {})


def command(words: Sequence[str], cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Callable[[], float]:
    """A contender that runs a command to its end and fails loudly when the command does."""

    def run() -> float:
        started = time.perf_counter()
        done = subprocess.run(words, cwd=cwd, env=clean_environment(env), capture_output=True, text=True)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise SystemExit(f"{' '.join(words)} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
        return seconds

    return run


def ragcli(*words: str, cwd: Path) -> dict[str, Any]:
    """Run a command of ragcli and return its result."""
    done = subprocess.run(
        [RAGCLI, *words, "--format", "json"], cwd=cwd, env=clean_environment(), capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"ragcli {' '.join(words)} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result


def peak_memory_mb(words: Sequence[str], cwd: Path | None = None) -> float:
    """Largest resident sets of a command and of the processes that it starts, added up; megabytes."""
    peaks: dict[int, float] = {}
    with subprocess.Popen(words, cwd=cwd, env=clean_environment(), stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            for pid in _family(running.pid):
                peaks[pid] = max(peaks.get(pid, 0.0), _high_water_mb(pid))
            time.sleep(0.005)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, list(words))
    return sum(peaks.values())


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended meanwhile
        return []
    return [pid, *(relative for child in children for relative in _family(int(child)))]


def _high_water_mb(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def machine() -> str:
    """One line on the machine."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return f"{len(os.sched_getaffinity(0))} cores of {model}, {platform.system()}, Python {platform.python_version()}"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)


def verdict(measured: float, limit: float, *, at_least: bool = False) -> str:
    """Whether a target was reached."""
    return "reached" if (measured >= limit if at_least else measured <= limit) else "**not reached**"
