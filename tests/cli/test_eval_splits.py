"""The splits of a BEIR folder: named in results, and only alike ones are compared."""

from pathlib import Path
from typing import Any

import numpy as np
from tests.cli.conftest import Ragcli


def test_results_of_unlike_splits_are_not_compared(indexed: Ragcli, work: Path) -> None:
    (work / "set" / "qrels").mkdir(parents=True)
    (work / "set" / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "snapshots kept"}\n{"_id": "q2", "text": "signing keys"}\n'
    )
    for name in ("test", "dev"):
        rows = "query-id\tcorpus-id\tscore\nq1\tbackup.md\t1\nq2\tkeys.txt\t1\n"
        (work / "set" / "qrels" / f"{name}.tsv").write_text(rows)
    dev = result(indexed, "--split", "dev", "-o", "dev.json", "--no-save")
    assert dev["result"]["result"]["fingerprints"]["split"] == "dev"
    for field in ("corpus", "chunker", "generation", "fusion", "query", "dataset", "seed", "versions", "ragcli"):
        assert dev["result"]["result"]["fingerprints"][field], field
    assert f"numpy {np.__version__}" in dev["result"]["result"]["fingerprints"]["versions"]
    other = result(indexed, "--split", "dev", "--baseline", "dev.json", "--set", "query.fusion.kind=dbsf", "--no-save")
    assert {"fusion", "query"} <= set(other["result"]["comparison"]["changed"])
    assert result(indexed)["result"]["result"]["fingerprints"]["split"] == "test"
    refused = result(indexed, "--baseline", "dev.json", status=12)
    assert refused["error"]["message"] == "the results differ in split: dev in the baseline, test here"
    allowed = result(indexed, "--baseline", "dev.json", "--allow-mismatch", "split")
    assert allowed["result"]["comparison"]["mismatched"] == {"split": ["dev", "test"]}
    assert result(indexed, "--split", "dev", "--baseline", "dev.json")["result"]["verdict"] == "pass"
    stored = [*("--save-run", "run.jsonl"), "--no-save"]
    result(indexed, *stored)
    again = result(indexed, "--run", "run.jsonl", "--split", "dev")["result"]["result"]
    assert again["fingerprints"]["split"] == "dev"


def test_a_dataset_without_splits_has_none(indexed: Ragcli, work: Path) -> None:
    (work / "set").mkdir()
    (work / "set" / "queries.jsonl").write_text('{"id": "q", "question": "keys", "relevant": ["keys.txt"]}\n')
    assert "split" not in result(indexed)["result"]["result"]["fingerprints"]


def result(ragcli: Ragcli, *words: object, status: int = 0) -> Any:
    ran = ragcli("eval", "--dataset", "set", "--metric", "MRR", "--format", "json", *words)
    assert ran.status == status, ran.err
    return ran.envelope
