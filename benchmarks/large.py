"""An index of 200,000 chunks: opening, searching, memory; HNSW against exact search, BM25 against bm25s and rank_bm25.

    python benchmarks/large.py [--workspace DIR]

The texts are random sentences over a vocabulary with Zipf's frequencies. Their vectors are not computed (that would
take hours) but made up and put into the embedding cache under the model's name: each mixes two vectors of the sample
corpus' chunks and some noise, so that they lie where real ones lie. Everything from there on is the real thing.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from measure import RAGCLI, command, interleave, peak_memory_mb, table, verdict
from numpy.typing import NDArray

from ragcli.config.load import load_config
from ragcli.config.settings import Config
from ragcli.index.embed import embedding_key
from ragcli.index.reader import Generation, open_generation
from ragcli.index.vectors.library import load_faiss
from ragcli.models.build import build_embedder
from ragcli.workspace import Workspace
from ragcli.workspace.catalog import Catalog

CORPUS = Path(__file__).parent.parent / "sample_corpus" / "docs"
VOCABULARY, FILES = 50_000, 20
QUERIES = 200
Vectors = NDArray[np.float32]


def word(number: int) -> str:
    """A pronounceable word for a number, distinct for distinct ones."""
    letters = ""
    while True:
        number, part = divmod(number, 80)
        letters += "bdfghjklmnprstvz"[part // 5] + "aeiou"[part % 5]
        if not number:
            return letters


def write_corpus(folder: Path, count: int) -> None:
    """JSONL files of records with about 60 words each."""
    folder.mkdir(parents=True)
    choose = random.Random(7)
    words = [word(number + 80) for number in range(VOCABULARY)]
    weights = list(accumulate(1 / (rank + 2) for rank in range(VOCABULARY)))
    for file in range(FILES):
        with (folder / f"part-{file:02d}.jsonl").open("w", encoding="utf-8") as lines:
            for record in range(count // FILES):
                text = " ".join(choose.choices(words, cum_weights=weights, k=choose.randint(40, 80)))
                lines.write(json.dumps({"_id": f"{file}-{record}", "text": text}) + "\n")


def invented(seeds: Vectors, count: int, seed: int) -> Vectors:
    """Unit vectors that each mix two others and noise, [count, d]."""
    draw = np.random.default_rng(seed)
    first, second = draw.integers(len(seeds), size=(2, count))
    noise = draw.standard_normal((count, seeds.shape[1]), dtype=np.float32) / np.float32(seeds.shape[1] ** 0.5)
    mixed = 0.6 * seeds[first] + 0.4 * seeds[second] + 0.5 * noise
    return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)


def seed_vectors(config: Config) -> Vectors:
    """Vectors of the sample corpus' Markdown sections."""
    texts = [part for path in sorted(CORPUS.rglob("*.md")) for part in path.read_text("utf-8").split("\n## ")]
    return build_embedder(config.index.embedder, config.models).embed_documents(texts)


def build(root: Path, config: Config, seeds: Vectors, count: int) -> None:
    """Ingest, fill the embedding cache, index."""
    if not (root / "docs").exists():
        write_corpus(root / "docs", count)
    command([RAGCLI, "ingest", "docs", "--set", "ingest.chunker.kind=whole"], cwd=root)()
    fingerprint = build_embedder(config.index.embedder, config.models).fingerprint
    with Catalog(Workspace(config.workspace.path).catalog) as catalog:
        rows = catalog.live_chunk_rows().tolist()
        for part in range(0, len(rows), 10_000):
            keys = [embedding_key(fingerprint, chunk.embedded_text)
                    for chunk in catalog.index_texts(rows[part : part + 10_000])]  # fmt: skip
            vectors = invented(seeds, len(keys), part)
            with catalog.transaction():
                catalog.put_embeddings((key, vector.tobytes()) for key, vector in zip(keys, vectors, strict=True))
    print("indexing; the graph takes some minutes", file=sys.stderr)
    command([RAGCLI, "index"], cwd=root)()


def median_ms(call: Callable[[int], object], times: int) -> float:
    taken = []
    for turn in range(times):
        started = time.perf_counter()
        call(turn)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def opening_ms(root: Path, rounds: int = 7) -> tuple[float, float]:
    """Milliseconds to open the generation and for the first dense search, in fresh processes; libraries not counted."""
    program = (
        "import sys, time, numpy as np, faiss\n"
        "from pathlib import Path\n"
        "from ragcli.config.load import load_config\n"
        "from ragcli.index.reader import open_generation\n"
        "from ragcli.workspace import Workspace\n"
        "import ragcli.index.vectors.store\n"
        "config = load_config().config\n"
        "query = np.load(sys.argv[1])\n"
        "a = time.perf_counter(); g = open_generation(Workspace(config.workspace.path), config.index, lexical=False)\n"
        "b = time.perf_counter(); g.vectors.search(query, 10); c = time.perf_counter()\n"
        "print((b - a) * 1000, (c - b) * 1000)\n"
    )
    taken = []
    for _ in range(rounds):
        words = [sys.executable, "-c", program, str(root / "query.npy")]
        done = subprocess.run(words, cwd=root, check=True, capture_output=True, text=True)
        taken.append([float(value) for value in done.stdout.split()])
    opened, first = (statistics.median(values) for values in zip(*taken, strict=True))
    return opened, first


def exact(root: Path, generation: Generation, queries: Vectors, top_k: int) -> tuple[NDArray[np.int64], float]:
    """Rows of the true nearest vectors [m, k] by brute force over the stored ones, and its median time a query, ms."""
    faiss = load_faiss()
    folder = root / ".ragcli" / "generations" / generation.name / "vectors"
    index = faiss.read_index(str(folder / "base.faiss"))
    stored = faiss.downcast_index(index.storage).reconstruct_n(0, index.ntotal)
    rows = np.load(folder / "base.rows.npy")
    flat = faiss.IndexFlatIP(stored.shape[1])
    flat.add(stored)
    flat_ms = median_ms(lambda turn: flat.search(queries[turn : turn + 1], top_k), 20)
    _, positions = flat.search(queries, top_k)
    return rows[positions], flat_ms


def dense_rows(root: Path, generation: Generation, queries: Vectors) -> list[list[object]]:
    """Table rows: opening, first and later searches, recall."""
    index = generation.vectors
    if index is None:
        raise SystemExit("the index has no vectors")
    opened, first = opening_ms(root)
    truth, flat_ms = exact(root, generation, queries, 10)
    _, found = index.search(queries, 10)
    recall = float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))
    later = median_ms(lambda turn: index.search(queries[turn : turn + 1], 10), len(queries))
    return [
        ["open the generation", f"{opened:.1f} ms", "under 50 ms", verdict(opened, 50)],
        ["first dense search", f"{first:.1f} ms", "", ""],
        [f"later dense searches, p50 ({flat_ms / later:.0f}x faster than exact search)", f"{later:.2f} ms",
         "under 2 ms", verdict(later, 2)],
        ["recall@10 against exact search", f"{recall:.3f}", ">= 0.95", verdict(recall, 0.95, at_least=True)],
    ]  # fmt: skip


def lexical_rows(root: Path, generation: Generation) -> list[list[object]]:
    """Table rows: BM25's search time and index time beside rank_bm25's and bm25s'."""
    lexical = generation.lexical
    if lexical is None:
        raise SystemExit("the index has no lexical part")
    texts = [text.text for text in generation.catalog.index_texts(generation.chunk_rows.tolist())]
    questions = questions_of(texts)
    ours = median_ms(lambda turn: lexical.search(questions[turn], 10), len(questions))
    theirs = rank_bm25_ms(texts, questions[:5])
    times = interleave(
        {"tantivy": lambda: tantivy_seconds(root, generation), "bm25s": lambda: bm25s_seconds(texts)},
        rounds=3,
        warmup=0,
    )
    ratio = times["tantivy"].ratio_to(times["bm25s"])
    return [
        ["BM25 search, p50", f"{ours:.2f} ms", f"<= 1/10 of rank_bm25's {theirs:.0f} ms", verdict(ours, theirs / 10)],
        ["BM25 index, text to disk", f"{times['tantivy'].median:.1f} s",
         f"<= bm25s' {times['bm25s'].median:.1f} s (ratio {ratio:.2f})", verdict(ratio, 1)],
    ]  # fmt: skip


def questions_of(texts: Sequence[str]) -> list[str]:
    """Five words from the middle of some texts."""
    choose = random.Random(11)
    return [" ".join(text.split()[10:15]) for text in choose.sample(list(texts), QUERIES)]


def rank_bm25_ms(texts: Sequence[str], questions: Sequence[str]) -> float:
    from rank_bm25 import BM25Okapi

    scorer = BM25Okapi([text.split() for text in texts])
    return median_ms(lambda turn: np.argpartition(scorer.get_scores(questions[turn].split()), -10), len(questions))


def tantivy_seconds(root: Path, generation: Generation) -> float:
    from ragcli.config.index import TantivyConfig
    from ragcli.index.lexical.tantivy import update_tantivy

    texts = list(generation.catalog.index_texts(generation.chunk_rows.tolist()))
    with tempfile.TemporaryDirectory(dir=root) as folder:
        started = time.perf_counter()
        update_tantivy(Path(folder) / "new", None, TantivyConfig(), iter(texts), [])
        return time.perf_counter() - started


def bm25s_seconds(texts: Sequence[str]) -> float:
    import bm25s
    import Stemmer

    started = time.perf_counter()
    tokens = bm25s.tokenize(list(texts), stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False)
    retriever: Any = bm25s.BM25()
    retriever.index(tokens, show_progress=False)
    with tempfile.TemporaryDirectory() as folder:
        retriever.save(folder)
    return time.perf_counter() - started


def memory_row(root: Path, generation: Generation) -> list[object]:
    """Peak memory of a cold hybrid query against the size of what it maps."""
    peak = peak_memory_mb([RAGCLI, "query", "backup of a vault", "--strategy", "hybrid"], cwd=root)
    mapped = sum(file.bytes for file in generation.manifest.files.values()) / 2**20
    return ["peak memory of a cold hybrid query", f"{peak:.0f} MiB", f"<= {mapped:.0f} MiB of index files + 350 MiB",
            verdict(peak, mapped + 350)]  # fmt: skip


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
        queries = invented(seeds, QUERIES, -1 % 2**32)
        np.save(root / "query.npy", queries[:1])
        with open_generation(Workspace(config.workspace.path), config.index) as generation:
            rows = [*dense_rows(root, generation, queries), *lexical_rows(root, generation)]
            rows.append(memory_row(root, generation))
    print(f"## {arguments.count:,} chunks\n")
    print("Default settings, so HNSW with m 16 and ef_search 100. Vectors and texts are synthetic, see `large.py`.\n")
    print(table(["what", "measured", "target", ""], rows))


if __name__ == "__main__":
    main()
