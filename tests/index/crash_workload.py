"""Index runs that are killed at chosen steps, while another process searches. Run by test_crash.py as a script.

Every child process is forked before any thread exists. A step is a call of a Python or C function: the child counts
them and, at the chosen one, kills itself with SIGKILL: no handler, no ``finally``, no flush.

Usage: crash_workload.py WORKSPACE ROUNDS
"""

import importlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from ragcli.config.settings import Config
from ragcli.index import embed
from ragcli.index.build import build_index
from ragcli.index.reader import open_generation
from ragcli.models import hashing
from ragcli.records import Chunk, Document, chunk_id, document_id
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.ledger import Ledger

CONFIG = Config.model_validate(
    {
        "index": {"embedder": {"kind": "hashing", "dimension": 16}, "context": {"neighbours": [0.5]}},
        "workspace": {"keep_generations": 1},
    }
)
# What touches the disk: where a kill could tear something apart.
DISK = {"rename", "replace", "fsync", "link", "mkdir", "unlink", "rmdir", "write", "close", "commit", "flush", "chmod"}


def change(workspace: Workspace, number: int) -> None:
    """A new document takes the place of one that is five rounds old."""
    name = f"document {number}"
    identity = document_id("crash", name)
    texts = [f"number {number} part {part} of the text" for part in range(4)]
    chunks, start = [], 0
    for position, text in enumerate(texts):
        key = chunk_id(identity, start, text)
        chunks.append(Chunk(key, identity, position, text, start, start + len(text), 7))
        start += len(text) + 1
    document = Document(identity, name, "crash", name, "text", name, "\n".join(texts))
    with Catalog(workspace.catalog) as catalog, catalog.transaction():
        row = catalog.add_document(document, chunks)
        if number % 2:
            Ledger(catalog).retire([row - 5])


def in_child(work: Callable[[], None]) -> int:
    """Run work in a forked process; its wait status."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    status = 1
    try:
        work()
        status = 0
    except BaseException as error:  # noqa: BLE001 -- a forked child reports and ends, whatever happened
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
    os._exit(status)


def log_embedded(log: Path) -> None:
    """Have the real embedder note each text it embeds, before it embeds it."""
    original = hashing.HashingEmbedder.embed_documents

    def noted(self: hashing.HashingEmbedder, texts: Sequence[str]) -> Any:
        with log.open("a") as file:
            file.writelines(f"{text}\n" for text in texts)
        return original(self, texts)

    hashing.HashingEmbedder.embed_documents = noted  # type: ignore[method-assign]  # watched, not replaced


def index(workspace: Workspace, kill_at: int = 0, report: Path | None = None) -> None:
    """An index run; killed at a step, or reporting the steps that touch the disk."""
    step = 0
    names: list[tuple[int, str]] = []

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal step
        if event not in {"call", "c_call"}:
            return
        step += 1
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if report is not None:
            name = argument.__name__ if event == "c_call" else frame.f_code.co_name
            names.append((step, name))

    sys.setprofile(count)
    build_index(CONFIG, workspace)
    sys.setprofile(None)
    if report is not None:
        disk = [at for at, name in names if name in DISK]
        report.write_text(json.dumps({"steps": step, "disk": disk}))


def search_until(workspace: Workspace, stop: Path) -> None:
    """Open, search and look up chunks over and over; any failure ends the process with status 1."""
    from ragcli.models.build import build_embedder

    queries = build_embedder(CONFIG.index.embedder, CONFIG.models).embed_queries(["number 1 part 2"])
    rounds = 0
    while not stop.exists():
        with open_generation(workspace, CONFIG.index) as generation:
            time.sleep(random.random() * 0.02)
            assert generation.vectors is not None
            assert generation.lexical is not None
            _, dense = generation.vectors.search(queries, 5)
            _, lexical = generation.lexical.search("number part text", 5)
            rows = {*dense[0].tolist(), *lexical.tolist()} - {-1}
            known = set(generation.chunk_rows.tolist())
            assert rows, "nothing found"
            assert rows <= known, "a chunk that is not in the generation"
            assert set(generation.catalog.chunks(sorted(rows))) == rows, "a chunk that the catalog has not"
        rounds += 1
    stop.with_suffix(".rounds").write_text(str(rounds))


def main() -> None:
    workspace, rounds = Workspace(Path(sys.argv[1])), int(sys.argv[2])
    scratch = workspace.root.parent
    for heavy in ("faiss", "tantivy"):  # imported once here instead of once in every child
        importlib.import_module(heavy)
    embed._COMMIT_S = 0.0
    log_embedded(scratch / "embedded.log")
    for number in range(12):
        in_child(lambda number=number: change(workspace, number))  # type: ignore[misc]  # a lambda that binds the loop
    assert in_child(lambda: index(workspace)) == 0
    in_child(lambda: change(workspace, 12))
    assert in_child(lambda: index(workspace, report=scratch / "steps.json")) == 0
    steps = json.loads((scratch / "steps.json").read_text())
    chosen = random.Random(1)
    points = chosen.sample(steps["disk"], min(rounds, len(steps["disk"]))) + [
        chosen.randrange(1, steps["steps"]) for _ in range(rounds)
    ]
    stop = scratch / "stop"
    reader = os.fork()
    if reader == 0:
        try:
            search_until(workspace, stop)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 -- likewise
            print(f"the reader failed: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    outcomes = [survive(workspace, 13 + at, points[2 * at : 2 * at + 2]) for at in range(len(points) // 2)]
    stop.touch()
    reader_status = os.waitpid(reader, 0)[1]
    print(
        json.dumps(
            {
                "outcomes": outcomes,
                "reader": reader_status,
                "kills": sum(o["killed"].count(signal.SIGKILL) for o in outcomes),
            }
        )
    )


def survive(workspace: Workspace, number: int, points: Sequence[int]) -> dict[str, Any]:
    """A change, two runs that are killed, and one that must complete."""
    in_child(lambda: change(workspace, number))
    killed = [in_child(lambda at=at: index(workspace, kill_at=at)) for at in points]  # type: ignore[misc]  # a lambda that binds the loop
    final = in_child(lambda: index(workspace))
    live = generations.current(workspace)
    with Catalog(workspace.catalog, readonly=True) as catalog, open_generation(workspace, CONFIG.index) as generation:
        complete = catalog.live_chunk_rows().tolist() == generation.chunk_rows.tolist()
        complete = complete and generation.vectors is not None and len(generation.vectors) == len(generation.chunk_rows)
    left = sorted(path.name for path in workspace.generations.iterdir() if path.name.startswith((".b", ".r")))
    return {"killed": killed, "final": final, "complete": complete, "generation": live, "left": left}


if __name__ == "__main__":
    main()
