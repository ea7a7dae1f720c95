"""Retrieval quality on BEIR SciFact through the real commands.

    python benchmarks/scifact.py --data BEIR_FOLDER

Defaults are chosen on the train queries; the test queries only report.
"""

import argparse
import tempfile
from pathlib import Path

from measure import ragcli, table
from sample import RUNS

PUBLISHED = {"lexical": "BM25 .6789 (Anserini)", "dense": "all-MiniLM-L6-v2 .6451 (MTEB)"}
METRICS = ("nDCG@10", "recall@100", "MRR@10")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="BEIR folder")
    parser.add_argument("--workspace", type=Path, help="keep the index here, to measure again without embedding")
    arguments = parser.parse_args()
    corpus, data = arguments.data.absolute() / "corpus.jsonl", arguments.data.absolute()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        base = ["-w", str((arguments.workspace or root / "workspace").absolute()), "--set", "ingest.chunker.kind=whole"]
        ragcli("ingest", str(corpus), *base, cwd=root)
        ragcli("index", *base, cwd=root)
        rows = []
        for name, words in RUNS.items():
            for split in ("train", "test"):
                wanted = [word for metric in METRICS for word in ("--metric", metric)]
                asked = ["eval", "--dataset", str(data), "--split", split, *words, *wanted]
                result = ragcli(*asked, *base, cwd=root)
                values = {row["metric"]: row["mean"] for row in result["metrics"]}
                published = PUBLISHED.get(name, "") if split == "test" else ""
                rows.append([name, split, *(f"{values[m]:.4f}" for m in METRICS), published])
    print("## Quality on SciFact\n")
    print("One chunk a record (`ingest.chunker.kind: whole`), all-MiniLM-L6-v2, defaults of `query`.\n")
    print(table(["strategy", "queries", *METRICS, "published nDCG@10"], rows))


if __name__ == "__main__":
    main()
