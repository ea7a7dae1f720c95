"""``ragcli eval`` of stored runs, of spans and chunks, and its subcommands, through the real command line."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytrec_eval

from ragcli.evaluate import statistics

RUN = "q1 Q0 a 1 3 t\nq1 Q0 b 2 2 t\nq1 Q0 c 3 2 t\nq2 Q0 a 1 1 t\nzz Q0 a 1 1 t\n"
QRELS = "q1 0 b 2\nq1 0 c 1\nq1 0 d 0\nq2 0 x 1\nq3 0 a 1\n"
PAGES = {
    "backup.md": "# Backups\n\nSnapshots are taken every night and kept for thirty days.\n",
    "keys.md": "# Keys\n\nSigning keys rotate once a quarter.\n",
}
SETTINGS = ["--set", "index.embedder.kind=hashing"]


def ragcli(*words: object, cwd: Path, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ragcli", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, input=stdin)


def result(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["result"]
    return found


def means(found: dict[str, Any]) -> list[float]:
    return [row["mean"] for row in found["metrics"] if not row["metric"].endswith(("_ms", "_tokens"))]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    (tmp_path / "run.trec").write_text(RUN)
    (tmp_path / "qrels").write_text(QRELS)
    return tmp_path


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("eval-data")
    (root / "docs").mkdir()
    for name, text in PAGES.items():
        (root / "docs" / name).write_text(text, encoding="utf-8")
    for words in (["ingest", "docs"], ["index"]):
        assert ragcli(*words, *SETTINGS, cwd=root).returncode == 0
    return root


@pytest.mark.parametrize("way", ["file", "stdin"])
def test_a_stored_run_scores_as_trec_eval_does(stored: Path, way: str) -> None:
    run = "run.trec" if way == "file" else "-"
    words = ["--metric", "nDCG@10", "--metric", "MAP", "--metric", "mrr", "--format", "json"]
    found = result(ragcli("eval", "--run", run, "--qrels", "qrels", *words, cwd=stored, stdin=RUN))
    assert (found["counts"]["judged"], found["counts"]["unjudged"]) == (3, 1)
    assert found["result"]["missing"] == ["q3"]
    qrels = {"q1": {"b": 2, "c": 1, "d": 0}, "q2": {"x": 1}, "q3": {"a": 1}}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "map", "recip_rank"})
    expected = evaluator.evaluate({"q1": {"a": 3.0, "b": 2.0, "c": 2.0}, "q2": {"a": 1.0}})
    for row, theirs in zip(found["metrics"], ("ndcg_cut_10", "map", "recip_rank"), strict=True):
        wanted = [expected.get(query, {}).get(theirs, 0.0) for query in found["result"]["queries"]]
        assert found["result"]["values"][row["metric"]] == pytest.approx(wanted, abs=1e-9)
        assert row["mean"] == pytest.approx(sum(wanted) / 3, abs=1e-9)


def test_a_stored_run_is_held_against_judges_and_other_runs(stored: Path) -> None:
    judges = "q1 ann b 2\nq1 ann a 0\nq1 bob a 1\nq1 bob b 0\n"
    (stored / "judges").write_text(judges, encoding="utf-8")
    (stored / "means").write_text("q1 MRR 0.5 0.125\n", encoding="utf-8")
    words = ["eval", "--run", "run.trec", "--judges", "judges", "--metric", "MRR", "--metric", "prefs_pair"]
    found = result(ragcli(*words, "--format", "json", "--zscores", "means", cwd=stored))
    # a comes first, then c, and b of the same score: 1 for bob, 1/3 for ann.
    assert found["result"]["values"] == {"ZMRR": pytest.approx([(2 / 3 - 0.5) / 0.125]), "prefs_pair": [0.5]}
    for extra, message in ((["--qrels", "qrels"], "--judges goes with --run"), ([], "--zscores goes with --run")):
        refused = ragcli("eval", *(words[1:] if extra else ["--zscores", "means"]), *extra, cwd=stored)
        assert (refused.returncode, message in refused.stderr) == (2, True)


@pytest.mark.parametrize("test", ["permutation", "t", "bootstrap"])
def test_the_test_against_the_baseline_is_a_choice(tmp_path: Path, test: str) -> None:
    grades = [(1, 1), (2, 1), (3, 2), (1, 4), (5, 1), (2, 1)]  # rank of the one relevant document, before and now
    (tmp_path / "qrels").write_text("".join(f"q{row} 0 d 1\n" for row in range(len(grades))), encoding="utf-8")
    for name, side in (("before", 0), ("now", 1)):
        lines = [
            f"q{row} Q0 {'d' if rank == pair[side] else f'x{rank}'} {rank} {9 - rank} t\n"
            for row, pair in enumerate(grades)
            for rank in range(1, 6)
        ]
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    words = ["--qrels", "qrels", "--metric", "MRR"]
    assert ragcli("eval", "--run", "before", *words, "-o", "before.json", cwd=tmp_path).returncode == 0
    against = ["--baseline", "before.json", "--test", test, "--format", "json"]
    found = json.loads(ragcli("eval", "--run", "now", *words, *against, cwd=tmp_path).stdout)["result"]["comparison"]
    differences = np.array([1 / now - 1 / before for before, now in grades])
    expected = {
        "permutation": statistics.permutation_test, "t": statistics.t_test, "bootstrap": statistics.bootstrap_test
    }[test](differences)  # fmt: skip
    assert found["metrics"][0]["p"] == pytest.approx(expected, rel=1e-9)


def test_a_stored_run_is_scored_without_engine_index_or_heavy_libraries(stored: Path) -> None:
    words = ["eval", "--run", "run.trec", "--qrels", "qrels", "--metric", "P@5"]
    code = (
        "import sys\nfrom ragcli.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as end:\n    assert end.code == 0\nprint(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=stored, capture_output=True, text=True, timeout=60)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "ragcli.evaluate.retrieval" in loaded, done.stderr
    heavy = {
        "torch",
        "transformers",
        "scipy",
        "rouge_score",
        "onnxruntime",
        "faiss",
        "tantivy",
        "tokenizers",
        "sqlite3",
    }
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith(("ragcli.query", "ragcli.index", "ragcli.models."))}


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--run", "run.trec"], 2, "no dataset"),
        (["--run", "-", "--qrels", "-"], 2, "cannot both come from stdin"),
        (["--run", "run.trec", "--qrels", "qrels", "--save-run", "x"], 2, "a stored run is not written again"),
        (["--run", "gone", "--qrels", "qrels"], 4, "cannot read gone: No such file"),
        (["--run", "qrels", "--qrels", "qrels"], 4, "qrels:1: expected 'query Q0 document rank score tag'"),
        (["--run", "run.trec", "--qrels", "foreign"], 4, "none of the 3 queries of the run is judged"),
        (["--run", "run.trec", "--qrels", "qrels", "--metric", "char_iou@5"], 4, "needs judgements on spans"),
        (["--run", "run.trec", "--qrels", "qrels", "--metric", "ncdg@5"], 2, "did you mean nDCG@5?"),
    ],
)
def test_failures_of_stored_runs(stored: Path, words: list[str], status: int, message: str) -> None:
    (stored / "foreign").write_text("other 0 a 1\n")
    done = ragcli("eval", *words, cwd=stored)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert message in done.stderr


def test_spans_are_scored_live_and_from_a_stored_run(indexed: Path) -> None:
    record = {"id": "q", "question": "when do signing keys rotate"}
    quote = {**record, "spans": [{"document": "keys.md", "quote": "rotate once a quarter"}]}
    (indexed / "spans.jsonl").write_text(json.dumps(quote) + "\n")
    metrics = [
        word for name in ("char_recall@1", "char_precision@1", "char_iou@1", "P@1") for word in ("--metric", name)
    ]
    words = [*metrics, "--format", "json"]
    live = result(ragcli("eval", "--dataset", "spans.jsonl", "--save-run", "run.jsonl", *words, *SETTINGS, cwd=indexed))
    run = [json.loads(line) for line in (indexed / "run.jsonl").read_text().splitlines()]
    chunk = run[1]["chunks"][0]
    share = len("rotate once a quarter") / (chunk["end"] - chunk["start"])
    assert means(live) == pytest.approx([1.0, share, share, 1.0])
    assert set(chunk["arms"]) <= {"dense", "lexical"}
    assert "lost spans" not in live["result"]["notes"]

    refused = ragcli("eval", "--dataset", "spans.jsonl", "--run", "run.jsonl", *words, *SETTINGS, cwd=indexed)
    assert refused.returncode == 4
    assert "1 spans are given by quotes alone" in refused.stderr
    fixed = ragcli("eval", "validate", "spans.jsonl", "--fix", "fixed.jsonl", cwd=indexed)
    assert fixed.returncode == 0, fixed.stderr
    again = result(ragcli("eval", "--dataset", "fixed.jsonl", "--run", "run.jsonl", *words, *SETTINGS, cwd=indexed))
    assert means(again) == means(live)
    assert again["result"]["fingerprints"]["generation"] == "000001"


def test_a_span_that_is_nowhere_is_told_and_counts_as_missed(indexed: Path) -> None:
    spans = [{"document": "keys.md", "quote": "rotate"}, {"document": "keys.md", "quote": "melted"}]
    (indexed / "lost.jsonl").write_text(
        json.dumps({"id": "q", "question": "signing keys rotate", "spans": spans}) + "\n"
    )
    words = ["--dataset", "lost.jsonl", "--metric", "char_recall@5", "--format", "json"]
    done = ragcli("eval", *words, *SETTINGS, cwd=indexed)
    assert result(done)["metrics"][0]["mean"] == 0.5
    assert "not in the index and counted as missed: 1 judged span: q: keys.md: missing" in done.stderr


def test_judgements_on_chunks_are_scored_against_chunks(indexed: Path) -> None:
    asked = ragcli("query", "signing keys rotate", "--strategy", "lexical", "--format", "json", *SETTINGS, cwd=indexed)
    chunk = result(asked)
    hits = chunk["hits"] if "hits" in chunk else chunk["queries"][0]["hits"]
    relevant = [hits[0]["chunk_id"]]
    (indexed / "chunks.jsonl").write_text(
        json.dumps({"id": "q", "question": "signing keys rotate", "relevant": relevant})
    )
    words = ["--dataset", "chunks.jsonl", "--strategy", "lexical", "--metric", "MRR", "--format", "json"]
    assert result(ragcli("eval", *words, *SETTINGS, cwd=indexed))["metrics"][0]["mean"] == 1.0


def test_convert_tells_what_is_lost(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "1", "question": "?", "relevant": {"a": 2}, "tags": ["x"]}\n')
    found = ragcli("eval", "convert", "q.jsonl", "out", "--to", "trec", cwd=tmp_path)
    assert found.returncode == 0
    assert found.stdout == "eval convert: 1 question, 1 judgement; out (trec)\n"
    assert "warning: trec cannot hold: tags of 1 questions" in found.stderr
    assert (tmp_path / "out" / "qrels.txt").read_text() == "1 0 a 2\n"
    assert result(ragcli("eval", "convert", "out", "back.csv", "--format", "json", cwd=tmp_path))["lost"] == []
    assert ragcli("eval", "convert", "q.jsonl", "out", cwd=tmp_path).returncode == 2


def test_validate_lists_the_faults_and_fails_unless_it_mends_them(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text(
        '{"id": "1", "question": "?", "relevant": ["a", "a"]}\n{"id": "2", "question": "?"}\n'
    )
    found = ragcli("eval", "validate", "q.jsonl", cwd=tmp_path)
    assert found.returncode == 4
    assert "q.jsonl:1: duplicate_judgement: 'a' is judged twice" in found.stdout
    assert "1 duplicate judgement, 1 unjudged question" in found.stderr
    assert "there is no catalog" in found.stderr
    mended = ragcli("eval", "validate", "q.jsonl", "--fix", "clean.jsonl", cwd=tmp_path)
    assert mended.returncode == 0
    assert "2 problems; clean.jsonl has none of them" in mended.stdout
    assert ragcli("eval", "validate", "clean.jsonl", cwd=tmp_path).returncode == 0


def test_names_beyond_ascii(stored: Path) -> None:
    (stored / "r").write_text("é Q0 ü 1 1 t\n", encoding="utf-8")
    (stored / "j").write_text("é 0 ü 1\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "ragcli",
        "eval",
        "--run",
        "r",
        "--qrels",
        "j",
        "--metric",
        "MRR",
        "--format",
        "jsonl",
    ]
    done = subprocess.run(command, cwd=stored, capture_output=True, timeout=60, env={**os.environ, "PYTHONUTF8": "1"})
    assert json.loads(done.stdout) == {"query": "é", "MRR": 1.0}
