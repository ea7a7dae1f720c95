"""Retrieval quality on the sample corpus with the default configuration, through the real commands.

python benchmarks/sample.py
"""

import shutil
import tempfile
from pathlib import Path

from measure import ragcli, table

CORPUS = Path(__file__).parent.parent / "sample_corpus"
METRICS = ("nDCG@10", "recall@10", "MRR@10", "P@5")
RUNS = {
    "lexical": ("--strategy", "lexical"),
    "dense": ("--strategy", "dense"),
    "hybrid, minmax": ("--strategy", "hybrid", "--set", "query.fusion.kind=minmax"),
    "hybrid, rrf": ("--strategy", "hybrid", "--set", "query.fusion.kind=rrf"),
    "hybrid, dbsf": ("--strategy", "hybrid", "--set", "query.fusion.kind=dbsf"),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "sample_corpus"
        shutil.copytree(CORPUS, root, ignore=shutil.ignore_patterns(".ragcli"))
        chunks = ragcli("sync", cwd=root)["index"]["chunks"]
        rows = []
        for name, words in RUNS.items():
            wanted = [word for metric in METRICS for word in ("--metric", metric)]
            found = ragcli("eval", *words, *wanted, cwd=root)["metrics"]
            values = {row["metric"]: row["mean"] for row in found}
            rows.append([name, *(f"{values[metric]:.4f}" for metric in METRICS)])
    print(f"## Quality on the sample corpus\n\nDefault configuration, {chunks} chunks.\n")
    print(table(["strategy", *METRICS], rows))


if __name__ == "__main__":
    main()
