"""Packing 200 chunks into a context of 4,000 tokens, the encoder loaded; and answers on the sample corpus.

python benchmarks/pack.py
"""

import argparse
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from measure import ragcli, table, verdict

from ragcli.config.models import ModelsConfig
from ragcli.models.encodings import load_encoding
from ragcli.models.tokens import TiktokenCounter
from ragcli.query.pack import Order, pack
from ragcli.records import Hit

CORPUS = Path(__file__).parent.parent / "sample_corpus"
BUDGET = 4000
METRICS = ("F1", "ROUGE-L", "ROUGE-L-R", "citation_precision", "citation_recall")
ORDERS: tuple[Order, ...] = ("relevance", "document", "edges")


def chunks(count: int) -> tuple[list[Hit], Mapping[str, str]]:
    """Chunks of the sample corpus of about 100 tokens, many of them neighbours, in a fixed random order; and texts."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted((CORPUS / "docs").rglob("*.md"))}
    places = [(name, start) for name, text in texts.items() for start in range(0, len(text), 400)]
    random.Random(1).shuffle(places)
    hits = []
    for rank, (name, start) in enumerate(places[:count], 1):
        text = texts[name][start : start + 450]
        hits.append(Hit(rank, 1 / rank, f"{name}:{start}", name, name, name, "", text, start, start + len(text)))
    return hits, texts


def packing(rounds: int) -> list[Sequence[object]]:
    """Rows of the table of times."""
    hits, texts = chunks(200)
    counter = TiktokenCounter(load_encoding("cl100k_base", ModelsConfig()))
    counter.count("the encoder is loaded")
    rows: list[Sequence[object]] = []
    for order in ORDERS:
        context, taken = pack(hits, counter, BUDGET, order=order, documents=texts), []
        for _ in range(rounds):
            started = time.perf_counter()
            pack(hits, counter, BUDGET, order=order, documents=texts)
            taken.append((time.perf_counter() - started) * 1000)
        ms = statistics.median(taken)
        facts = f"{context.tokens:,} tokens, {len(context.excerpts)} excerpts"
        rows.append([order, f"{ms:.1f} ms", facts, "< 20 ms", verdict(ms, 20)])
    return rows


def answers() -> list[Sequence[object]]:
    """Rows of the table of answers: the extractive answerer with the default configuration, and by words alone."""
    rows: list[Sequence[object]] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "sample_corpus"
        shutil.copytree(CORPUS, root, ignore=shutil.ignore_patterns(".ragcli"))
        ragcli("sync", cwd=root)
        wanted = [word for metric in METRICS for word in ("--metric", metric)]
        for strategy in ("hybrid", "lexical"):
            live = ("eval", "answers", "--live", *wanted, "--set", f"query.strategy={strategy}")
            found = ragcli(*live, cwd=root)
            means = {row["metric"]: row["mean"] for row in found["metrics"]}
            totals = found["result"]["totals"]
            refusals = [totals["refusal_precision"], totals["refusal_recall"]]
            values = [*(means[metric] for metric in METRICS), *refusals]
            rows.append([strategy, *(f"{value:.3f}" for value in values), f"{totals['p50_answer_ms']:.0f} ms"])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    print("## Packing and answering\n")
    print(f"200 chunks of the sample corpus into {BUDGET:,} tokens of cl100k_base, {arguments.rounds} rounds.\n")
    print(table(["order", "median", "context", "target", ""], packing(arguments.rounds)))
    print("\nExtractive answers to the 135 questions of the sample corpus, 9 of which the documents do not answer.")
    print("The threshold of refusing was chosen on these questions: refusals of unseen ones will be less right.\n")
    columns = ["strategy", *METRICS, "refusal precision", "refusal recall", "median of answering"]
    print(table(columns, answers()))


if __name__ == "__main__":
    main()
