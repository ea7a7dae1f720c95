"""Asking in variations, and searching within a few of many chunks, at 200,000 chunks.

    python benchmarks/expand.py [--workspace DIR]

The workspace is that of `large.py`, which says what its texts and vectors are; one that is kept can be shared.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from large import QUERIES, Vectors, build, invented, questions_of, seed_vectors
from measure import interleave, table, verdict
from numpy.typing import NDArray

from ragcli.config.load import load_config
from ragcli.index.reader import Generation
from ragcli.query.engine import Engine
from ragcli.records import Query
from ragcli.workspace import Workspace

SHARE = 0.01
PLAIN, VARIED = "one query", "multi-query of 3"


def engines(root: Path) -> dict[str, Engine]:
    """The same index asked plainly, and in three variations from the corpus."""
    chosen = {PLAIN: "none", VARIED: "feedback"}
    configs = {
        name: load_config(overrides=[f"workspace.path={root / '.ragcli'}", f"query.expand.kind={kind}"]).config
        for name, kind in chosen.items()
    }
    return {name: Engine(config, Workspace(config.workspace.path)) for name, config in configs.items()}


def variation_rows(opened: dict[str, Engine], questions: list[str]) -> list[list[object]]:
    """Table rows: the time of a question asked plainly and in variations, in one process."""

    def ask(engine: Engine) -> Callable[[], float]:
        left = iter([*questions, *questions])

        def run() -> float:
            started = time.perf_counter()
            engine.search([Query("1", next(left))])
            return time.perf_counter() - started

        return run

    times = interleave({name: ask(engine) for name, engine in opened.items()}, rounds=len(questions), warmup=5)
    ratio = times[VARIED].ratio_to(times[PLAIN])
    return [
        [PLAIN, f"{times[PLAIN].median * 1000:.1f} ms", "", ""],
        [VARIED, f"{times[VARIED].median * 1000:.1f} ms, {ratio:.2f}x", "<= 1.5x", verdict(ratio, 1.5)],
    ]


def recall(
    generation: Generation, queries: Vectors, allowed: NDArray[np.int64] | None, truth: NDArray[np.int64]
) -> float:
    """Share of the true ten nearest that a search finds."""
    if generation.vectors is None:
        raise SystemExit("the index has no vectors")
    _, found = generation.vectors.search(queries, 10, allowed)
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


def nearest(root: Path, generation: Generation, queries: Vectors, allowed: NDArray[np.int64]) -> NDArray[np.int64]:
    """The true ten nearest of the allowed rows by brute force, [m, 10]."""
    from ragcli.index.vectors.library import load_faiss

    faiss = load_faiss()
    folder = root / ".ragcli" / "generations" / generation.name / "vectors"
    index = faiss.read_index(str(folder / "base.faiss"))
    rows = np.load(folder / "base.rows.npy")
    places = np.flatnonzero(np.isin(rows, allowed))
    stored = faiss.downcast_index(index.storage).reconstruct_batch(places)
    best = np.argsort(-(queries @ stored.T), axis=1, kind="stable")[:, :10]
    found: NDArray[np.int64] = rows[places][best]
    return found


def filter_rows(root: Path, generation: Generation, queries: Vectors, questions: list[str]) -> list[list[object]]:
    """Table rows: dense and lexical search, all chunks and one in a hundred, and recall."""
    dense, lexical = generation.vectors, generation.lexical
    if dense is None or lexical is None:
        raise SystemExit("the index lacks a part")
    draw = np.random.default_rng(5)
    rows = np.asarray(generation.chunk_rows)
    allowed = np.sort(draw.choice(rows, int(len(rows) * SHARE), replace=False))

    firsts = iter(range(0, QUERIES, QUERIES // 6))

    def both(turn: int, within: NDArray[np.int64] | None) -> None:
        dense.search(queries[turn : turn + 1], 10, within)
        lexical.search(questions[turn], 10, within)

    def timed(call: Callable[[int], object]) -> Callable[[], float]:
        turns = iter(range(next(firsts), 10_000))  # none asks what another one has just warmed up

        def run() -> float:
            turn = next(turns) % QUERIES
            started = time.perf_counter()
            call(turn)
            return time.perf_counter() - started

        return run

    times = interleave(
        {
            "dense": timed(lambda turn: dense.search(queries[turn : turn + 1], 10)),
            "dense, 1 % pass": timed(lambda turn: dense.search(queries[turn : turn + 1], 10, allowed)),
            "both arms": timed(lambda turn: both(turn, None)),
            "both arms, 1 % pass": timed(lambda turn: both(turn, allowed)),
            "BM25": timed(lambda turn: lexical.search(questions[turn], 10)),
            "BM25, 1 % pass": timed(lambda turn: lexical.search(questions[turn], 10, allowed)),
        },
        rounds=QUERIES,
        warmup=5,
    )
    table_rows: list[list[object]] = []
    for name, target in {"both arms": 3.0, "dense": None, "BM25": None}.items():
        ratio = times[f"{name}, 1 % pass"].median / times[name].median
        table_rows += [
            [f"{name}, all chunks, p50", f"{times[name].median * 1000:.2f} ms", "", ""],
            [f"{name}, 1 % pass, p50", f"{times[f'{name}, 1 % pass'].median * 1000:.2f} ms, {ratio:.2f}x",
             "" if target is None else f"<= {target:.0f}x", "" if target is None else verdict(ratio, target)],
        ]  # fmt: skip
    everywhere = recall(generation, queries, None, nearest(root, generation, queries, rows))
    within = recall(generation, queries, allowed, nearest(root, generation, queries, allowed))
    return [
        *table_rows,
        ["recall@10, all chunks", f"{everywhere:.3f}", ">= 0.95", verdict(everywhere, 0.95, at_least=True)],
        ["recall@10, 1 % pass", f"{within:.3f}", ">= 0.95", verdict(within, 0.95, at_least=True)],
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--workspace", type=Path, help="keep the index here, to measure again without building it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = (arguments.workspace or Path(folder)).absolute()
        root.mkdir(parents=True, exist_ok=True)
        config = load_config(overrides=[f"workspace.path={root / '.ragcli'}"]).config
        seeds = seed_vectors(config)
        if not (root / ".ragcli" / "CURRENT").exists():
            build(root, config, seeds, arguments.count)
        opened = engines(root)
        generation = opened[PLAIN].generation
        texts = [text.text for text in generation.catalog.index_texts(generation.chunk_rows.tolist())]
        questions = questions_of(texts)
        rows = variation_rows(opened, questions[:60])
        rows += filter_rows(root, generation, invented(seeds, QUERIES, -1 % 2**32), questions)
        for engine in opened.values():
            engine.close()
    print(f"## Variations and filters at {arguments.count:,} chunks\n")
    print(
        "Default settings, HNSW. Variations come from the corpus (`query.expand.kind: feedback`); in one process, the"
    )
    print("model loaded. The filter passes one chunk in a hundred, drawn at random.\n")
    print(table(["what", "measured", "target", ""], rows))


if __name__ == "__main__":
    main()
