"""Scoring a stored run of 50,000 x 100 documents: ragcli eval beside ir_measures, ranx and a bare pytrec_eval script.

    python benchmarks/eval_run.py [--queries 50000] [--rounds 3] [--folder DIR]

The run is random; a fifth of its queries have scores of one decimal, and therefore ties. ranx breaks ties in another
way, so its means are shown but need not be equal. The peers live in a virtual environment of their own.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytrec_eval
from measure import RAGCLI, clean_environment, command, interleave, peak_memory_mb, table, verdict
from peers import peer_python

from ragcli.evaluate.judgements import read_qrels
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.ranking import rank
from ragcli.evaluate.retrieval import score as score_all
from ragcli.evaluate.runs import read_run

PEERS = Path(__file__).parent / ".peers-eval"
PACKAGES = ("ir_measures", "ranx", "pytrec-eval-terrier")
DEPTH, DOCUMENTS, JUDGED = 100, 1_000_000, 6
METRICS = {"nDCG@10": "ndcg_cut_10", "P@5": "P_5", "recall@100": "recall_100", "MRR": "recip_rank"}
PROGRAMS = {
    "pytrec_eval": (
        "import json, sys, pytrec_eval\n"
        "qrels = pytrec_eval.parse_qrel(open(sys.argv[1])); run = pytrec_eval.parse_run(open(sys.argv[2]))\n"
        "names = ['ndcg_cut_10', 'P_5', 'recall_100', 'recip_rank']\n"
        "asked = {'ndcg_cut.10', 'P.5', 'recall.100', 'recip_rank'}\n"
        "found = pytrec_eval.RelevanceEvaluator(qrels, asked).evaluate(run)\n"
        "print(json.dumps([sum(row[name] for row in found.values()) / len(qrels) for name in names]))\n"
    ),
    "ir_measures": (
        "import json, sys, ir_measures\nfrom ir_measures import P, R, RR, nDCG\n"
        "names = [nDCG @ 10, P @ 5, R @ 100, RR]\n"
        "qrels = ir_measures.read_trec_qrels(sys.argv[1]); run = ir_measures.read_trec_run(sys.argv[2])\n"
        "found = ir_measures.calc_aggregate(names, qrels, run)\n"
        "print(json.dumps([found[name] for name in names]))\n"
    ),
    "ranx": (
        "import json, sys\nfrom ranx import Qrels, Run, evaluate\n"
        "names = ['ndcg@10', 'precision@5', 'recall@100', 'mrr']\n"
        "qrels = Qrels.from_file(sys.argv[1], kind='trec'); run = Run.from_file(sys.argv[2], kind='trec')\n"
        "found = evaluate(qrels, run, names, make_comparable=True)\n"
        "print(json.dumps([float(found[name]) for name in names]))\n"
    ),
}


def write_run(folder: Path, queries: int) -> tuple[Path, Path]:
    """Judgements and a run, in trec_eval's formats."""
    qrels, run = folder / f"{queries}.qrels", folder / f"{queries}.trec"
    if not run.exists():
        draw = np.random.default_rng(7)
        with qrels.open("w") as judgements, run.open("w") as results:
            for number in range(queries):
                names = draw.permutation(np.unique(draw.integers(0, DOCUMENTS, size=DEPTH + 20)))[: DEPTH + 5].tolist()
                results.writelines(_results(number, names, np.sort(draw.random(DEPTH) * 20)[::-1]))
                relevant = draw.choice(len(names), size=JUDGED, replace=False).tolist()
                grades = draw.integers(0, 4, size=JUDGED).tolist()
                judgements.writelines(
                    f"q{number} 0 d{names[place]} {grade}\n" for place, grade in zip(relevant, grades, strict=True)
                )
    return qrels, run


def _results(number: int, names: list[int], scores: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Iterator[str]:
    shown = np.round(scores, 1 if number % 5 == 0 else 4).tolist()
    for place, (name, score) in enumerate(zip(names, shown, strict=False), 1):
        yield f"q{number} Q0 d{name} {place} {score:.4f} t\n"


def means(words: list[str]) -> list[float]:
    """The four means that a command prints."""
    done = subprocess.run(words, env=clean_environment(), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1] if done.stdout.startswith("[") else done.stdout)
    return found if isinstance(found, list) else [row["mean"] for row in found["result"]["metrics"]]


def in_memory(qrels: Path, run: Path, rounds: int) -> tuple[float, float]:
    """Seconds of scoring what is in memory already: ragcli's columns, pytrec_eval's dictionaries."""
    judgements, results = read_qrels(qrels), read_run(run)
    with qrels.open() as lines:
        judged = dict(pytrec_eval.parse_qrel(lines))
    with run.open() as lines:
        found = dict(pytrec_eval.parse_run(lines))
    metrics = [Metric.parse(name) for name in METRICS]

    def ours() -> None:
        ranked = rank(results, judgements)
        for metric in metrics:
            score_all(ranked, [metric])

    def theirs() -> None:
        pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "P.5", "recall.100", "recip_rank"}).evaluate(found)

    times = interleave({"ragcli": _timed(ours), "pytrec_eval": _timed(theirs)}, rounds)
    return times["ragcli"].median, times["pytrec_eval"].median


def _timed(work: Callable[[], None]) -> Callable[[], float]:
    def run() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return run


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the run is made, or is already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        qrels, run = write_run(folder, arguments.queries)
        print(report(qrels, run, arguments.queries, arguments.rounds))


def report(qrels: Path, run: Path, queries: int, rounds: int) -> str:
    """The section of RESULTS.md."""
    files, python = [str(qrels), str(run)], peer_python(PEERS, PACKAGES)
    wanted = [word for name in METRICS for word in ("--metric", name)]
    ours = [RAGCLI, "eval", "--run", files[1], "--qrels", files[0], *wanted]
    peers = {name: [python, "-c", program, *files] for name, program in PROGRAMS.items()}
    times = interleave({"ragcli": command(ours), **{name: command(words) for name, words in peers.items()}}, rounds)
    scores = {"ragcli": means([*ours, "--format", "json"]), **{name: means(words) for name, words in peers.items()}}
    memory = {name: peak_memory_mb(words) for name, words in {"ragcli": ours, **peers}.items()}
    limits = {"pytrec_eval": 2.5, "ir_measures": 5.0, "ranx": 15.0}
    rows: list[list[object]] = []
    for name, timing in times.items():
        apart = max(abs(a - b) for a, b in zip(scores[name], scores["pytrec_eval"], strict=True))
        faster = timing.ratio_to(times["ragcli"])
        target = [f">= {limits[name]}x", verdict(faster, limits[name], at_least=True)] if name in limits else ["", ""]
        rows.append(
            [name, f"{timing.median:.2f} s", f"{memory[name]:.0f} MB", f"{apart:.0e}", f"{faster:.1f}x", *target]
        )
    alone, theirs = in_memory(qrels, run, rounds)
    header = ("whole process", "time", "peak memory", "means differ by", "ragcli is faster by", "target", "")
    memory_line = f"Peak memory at most pytrec_eval's: {verdict(memory['ragcli'], memory['pytrec_eval'])}."
    equal = max(abs(a - b) for a, b in zip(scores["ragcli"], scores["pytrec_eval"], strict=True))
    return (
        f"## Scoring a stored run\n\n{queries:,} queries x {DEPTH} documents, {run.stat().st_size / 1e6:.0f} MB,"
        f" {len(METRICS)} metrics. {memory_line} Values equal to 1e-9: {verdict(equal, 1e-9)}.\n\n"
        f"{table(header, rows)}\n\n"
        f"Scoring alone, in memory: {alone:.2f} s, pytrec_eval {theirs:.2f} s ({theirs / alone:.1f}x;"
        f" target at least 1x: {verdict(theirs / alone, 1, at_least=True)})."
    )


if __name__ == "__main__":
    main()
