"""``ragcli eval`` through the real command line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import pytrec_eval

PAGES = {
    "backup.md": "# Backups\n\nSnapshots are taken every night and kept for thirty days.\n",
    "restore.md": "# Restoring\n\nA restore copies a snapshot back to its host.\n",
    "keys.md": "# Keys\n\nSigning keys rotate once a quarter.\n",
}
QUESTIONS: list[dict[str, object]] = [
    {"id": "q1", "question": "how long are snapshots kept", "relevant": {"backup.md": 2, "restore.md": 1}},
    {"id": "q2", "question": "when do signing keys rotate", "relevant": ["keys.md"]},
    {"id": "q3", "question": "what is for lunch", "relevant": {}},
]
SETTINGS = ["--set", "index.embedder.kind=hashing"]


def ragcli(*words: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ragcli", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("eval")
    for name, text in PAGES.items():
        (root / "docs").mkdir(exist_ok=True)
        (root / "docs" / name).write_text(text, encoding="utf-8")
    write_questions(root, QUESTIONS)
    for words in (["ingest", "docs"], ["index"]):
        done = ragcli(*words, *SETTINGS, cwd=root)
        assert done.returncode == 0, done.stderr
    return root


def write_questions(root: Path, questions: list[dict[str, object]], name: str = "queries.jsonl") -> None:
    (root / name).write_text("".join(json.dumps(question) + "\n" for question in questions), encoding="utf-8")


def test_json_scores_equal_trec_eval_on_the_saved_run(indexed: Path) -> None:
    done = ragcli("eval", "--dataset", ".", "--format", "json", "--save-run", "run.trec", *SETTINGS, cwd=indexed)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["result"]
    assert (result["counts"]["judged"], result["counts"]["unjudged"]) == (2, 1)
    run: dict[str, dict[str, float]] = {}
    for line in (indexed / "run.trec").read_text().splitlines():
        query, _, document, _, score, _ = line.split()
        run.setdefault(query, {})[document] = float(score)
    qrels = {"q1": {"backup.md": 2, "restore.md": 1}, "q2": {"keys.md": 1}}
    expected = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "P.5", "recall.10"}).evaluate(run)
    values = result["result"]["values"]
    means = {row["metric"]: row["mean"] for row in result["metrics"]}
    for ours, theirs in (("nDCG@10", "ndcg_cut_10"), ("P@5", "P_5"), ("recall@10", "recall_10")):
        wanted = [expected[query][theirs] for query in result["result"]["queries"]]
        assert values[ours] == pytest.approx(wanted, abs=1e-9)
        assert means[ours] == pytest.approx(sum(wanted) / 2, abs=1e-9)


def test_lexical_finds_the_literal_answers_first(indexed: Path) -> None:
    words = ["eval", "--dataset", "queries.jsonl", "--strategy", "lexical", "--metric", "mrr", "--format", "jsonl"]
    done = ragcli(*words, *SETTINGS, cwd=indexed)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["query"], row["MRR"]) for row in rows] == [("q1", 1.0), ("q2", 1.0)]
    assert all(row["latency_ms"] > 0 for row in rows)


def test_a_number_of_the_whole_run_is_printed_beside_the_means_and_gated(indexed: Path) -> None:
    words = ["--dataset", ".", "--strategy", "lexical", "--metric", "MAP", "--metric", "gm_map", "--metric", "num_rel"]
    done = ragcli("eval", *words, "--min", "gm_map=0.9999", "--max", "num_rel=2", *SETTINGS, cwd=indexed)
    assert done.returncode == 10
    assert "gm_map             1  of the whole run\nnum_rel            3  of the whole run" in done.stdout
    assert "regression: num_rel 3 is above 2" in done.stdout
    alone = ragcli("eval", "--dataset", ".", "--metric", "gm_map", *SETTINGS, cwd=indexed)
    assert alone.returncode == 2
    assert "gm_map is one number of the whole run" in alone.stderr


def test_table_shows_means_and_queries(indexed: Path) -> None:
    done = ragcli(
        "eval", "--dataset", ".", "--strategy", "lexical", "--metric", "P@1", "--per-query", *SETTINGS, cwd=indexed
    )
    assert done.returncode == 0
    assert "1.0000" in done.stdout
    assert "2 judged queries, 1 without judgements left out; generation 000001" in done.stdout
    assert re.search(r"^latency: p50 \d+\.\d, p95 \d+\.\d, p99 \d+\.\d ms$", done.stdout, re.MULTILINE)
    assert re.search(r"^lexical: p50 ", done.stdout, re.MULTILINE)


def test_ids_with_white_space_are_kept_live_and_for_stored_runs(indexed: Path) -> None:
    text = "when do signing keys rotate"
    spans = [{"document": "keys.md", "quote": "rotate"}]
    record: dict[str, object] = {
        "id": "q 1",
        "question": text,
        "relevant": ["keys.md"],
        "spans": spans,
        "tags": ["spaced"],
    }
    write_questions(indexed, [record], "spaced.jsonl")
    words = ["--dataset", "spaced.jsonl", "--metric", "MRR", "--metric", "char_recall@1", "--format", "json", *SETTINGS]
    live = ragcli("eval", "--save-run", "spaced-run.jsonl", *words, cwd=indexed)
    stored = ragcli("eval", "--run", "spaced-run.jsonl", *words, "--metric", "MRR", cwd=indexed)
    trec = ["--dataset", "spaced.jsonl", "--metric", "MRR", "--format", "json", *SETTINGS]
    assert ragcli("eval", "--save-run", "spaced.trec", *trec, cwd=indexed).returncode == 0
    again = ragcli("eval", "--run", "spaced.trec", *trec, cwd=indexed)
    for done in (live, again):
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)["result"]["result"]
        assert (found["queries"], found["values"]["MRR"], found["questions"][0]["text"]) == (["q 1"], [1.0], text)
    assert json.loads(live.stdout)["result"]["result"]["values"]["char_recall@1"] == [1.0]
    assert "offsets" in stored.stderr  # quotes alone have no place without the documents


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--metric", "ncdg@10"], 2, "unknown metric 'ncdg@10'"),
        (["--metric", "P@500"], 2, "P@500 needs 500 results, evaluate.top_k is 100"),
        (["--dataset", "nowhere"], 4, "no dataset at"),
        (["--workspace", "empty"], 5, "index"),
        (["--split", "dev", "--top-k", "0"], 3, "top_k"),
    ],
)
def test_failures_have_their_status_and_leave_stdout_to_results(
    indexed: Path, words: list[str], status: int, message: str
) -> None:
    done = ragcli("eval", "--dataset", ".", *words, *SETTINGS, cwd=indexed)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert message in done.stderr


def test_no_dataset_is_a_usage_error(indexed: Path) -> None:
    done = ragcli("eval", *SETTINGS, cwd=indexed)
    assert done.returncode == 2
    assert "no dataset" in done.stderr


def test_judgements_on_other_documents_are_an_error_not_a_zero(indexed: Path) -> None:
    write_questions(indexed, [{"id": "q", "question": "keys", "relevant": ["elsewhere.md"]}], "foreign.jsonl")
    done = ragcli("eval", "--dataset", "foreign.jsonl", "--format", "json", *SETTINGS, cwd=indexed)
    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["code"] == "data"


def test_a_judged_document_that_is_missing_is_told(indexed: Path) -> None:
    relevant = {"keys.md": 1, "gone.md": 1}
    write_questions(indexed, [{"id": "q", "question": "signing keys", "relevant": relevant}], "partly.jsonl")
    words = ["--dataset", "partly.jsonl", "--metric", "recall@10", "--format", "json"]
    done = ragcli("eval", *words, *SETTINGS, cwd=indexed)
    envelope = json.loads(done.stdout)
    assert envelope["result"]["result"]["unknown_documents"] == ["gone.md"]
    assert envelope["result"]["metrics"][0]["mean"] == 0.5
    assert "not in the index and counted as missed: 1 judged document: gone.md" in envelope["warnings"][0]
