"""``ragcli eval --resume``, and what retrieval spends, with an embedder behind an endpoint that fails and recovers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.conftest import Ragcli
from tests.evaluate.embedding_service import EmbeddingService

from ragcli.config.index import OpenAIEmbedderConfig
from ragcli.config.models import ModelsConfig
from ragcli.models.tokens import build_token_counter

QUESTIONS: dict[str, tuple[str, dict[str, int]]] = {
    "q1": ("how long are snapshots kept", {"backup.md": 2, "guides/restore.md": 1}),
    "q2": ("when do signing keys rotate", {"keys.txt": 1}),
    "q3": ("what copies a snapshot back", {"guides/restore.md": 1}),
    "q4": ("which keys are for signing", {"keys.txt": 2}),
}
METRICS = ["--metric", "nDCG@10", "--metric", "MRR", "--metric", "gm_map", "--metric", "num_rel_ret"]


@pytest.fixture
def embedder(work: Path, ragcli: Ragcli, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddingService]:
    """The endpoint, with the documents indexed by it and a dataset beside them."""
    running = EmbeddingService()
    for name, value in {"KIND": "openai", "BASE_URL": running.url, "MODEL": "letters"}.items():
        monkeypatch.setenv(f"RAGCLI_INDEX__EMBEDDER__{name}", value)
    records = [{"id": name, "question": text, "relevant": grades} for name, (text, grades) in QUESTIONS.items()]
    (work / "queries.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for words in (("ingest", "docs"), ("index",)):
        ran = ragcli(*words)
        assert ran.status == 0, ran.err
    running.asked.clear()
    yield running
    running.close()


def evaluated(ragcli: Ragcli, *words: object, status: int = 0) -> Any:
    ran = ragcli("eval", "--dataset", "queries.jsonl", "--format", "json", *METRICS, *words)
    assert ran.status == status, ran.err
    return ran.envelope


def untimed(result: Any) -> dict[str, Any]:
    """A result without what differs from run to run."""
    plain = {name: value for name, value in result.items() if name not in {"created", "seconds", "timings_ms"}}
    plain["values"] = {name: values for name, values in result["values"].items() if name != "latency_ms"}
    plain["totals"] = {name: value for name, value in result["totals"].items() if not name.endswith("_ms")}
    return plain


def test_only_failed_questions_are_asked_again_and_the_result_is_that_of_one_go(
    embedder: EmbeddingService, ragcli: Ragcli, work: Path
) -> None:
    whole = evaluated(ragcli, "--no-save")["result"]["result"]
    assert whole["failures"] == {}
    embedder.refused = {"rotate", "copies"}
    partly = evaluated(ragcli, "-o", "partly.json", status=10)["result"]["result"]
    assert set(partly["failures"]) == {"q2", "q3"}
    assert partly["values"]["MRR"][1] is None
    embedder.refused = {"copies"}
    embedder.asked.clear()
    better = evaluated(ragcli, "--resume", "partly.json", "--max-failures", 1, "-o", "better.json")["result"]["result"]
    assert sorted(set(embedder.asked)) == [QUESTIONS["q3"][0], QUESTIONS["q2"][0]]
    assert set(better["failures"]) == {"q3"}
    assert better["values"]["nDCG@10"][:2] == whole["values"]["nDCG@10"][:2]
    assert better["values"]["nDCG@10"][2] is None
    embedder.refused = set()
    embedder.asked.clear()
    resumed = evaluated(ragcli, "--resume", "better.json")["result"]["result"]
    assert set(embedder.asked) == {QUESTIONS["q3"][0]}
    assert_alike(untimed(resumed), untimed(whole))


def assert_alike(found: Any, expected: Any) -> None:
    """Equal, numbers to the last few bits."""
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_alike(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-12)
    else:
        assert found == expected


def test_percentiles_are_those_of_all_questions(embedder: EmbeddingService, ragcli: Ragcli) -> None:
    embedder.refused = {"rotate"}
    evaluated(ragcli, status=10)
    embedder.refused = set()
    resumed = evaluated(ragcli, "--resume", "@last")["result"]["result"]
    assert set(resumed["timings_ms"]) == set(QUESTIONS)
    stages = [resumed["timings_ms"][query]["embed"] for query in QUESTIONS]
    assert resumed["totals"]["p95_embed_ms"] == pytest.approx(np.percentile(stages, 95), rel=1e-12)
    assert resumed["totals"]["p50_ms"] == pytest.approx(np.percentile(resumed["values"]["latency_ms"], 50), rel=1e-9)
    assert resumed["values"]["latency_ms"] == pytest.approx(
        [sum(resumed["timings_ms"][query].values()) for query in QUESTIONS], rel=1e-12
    )


def test_rows_of_another_index_are_not_mixed_in_unless_that_is_allowed(
    embedder: EmbeddingService, ragcli: Ragcli, work: Path
) -> None:
    embedder.refused = {"rotate"}
    evaluated(ragcli, "-o", "partly.json", status=10)
    embedder.refused = set()
    words = ["--resume", "partly.json", "--set", "query.candidates=7"]
    refused = evaluated(ragcli, *words, status=12)
    assert refused["error"]["message"].startswith("rows of unlike evaluations would be mixed: query: ")
    assert refused["error"]["hint"] == "--allow-mismatch query mixes them all the same"
    mixed = evaluated(ragcli, *words, "--allow-mismatch", "query", "--baseline", "partly.json")["result"]
    before = json.loads((work / "partly.json").read_text())["result"]["result"]["fingerprints"]["query"]
    assert mixed["result"]["fingerprints"]["query"].startswith(f"{before}, ")
    unknown = evaluated(ragcli, *words, "--allow-mismatch", "qurey", status=2)
    assert "'qurey' is nothing that must agree" in unknown["error"]["message"]


def test_nothing_to_try_again_is_told_and_no_question_is_asked(embedder: EmbeddingService, ragcli: Ragcli) -> None:
    first = evaluated(ragcli)["result"]["result"]
    embedder.asked.clear()
    again = evaluated(ragcli, "--resume", "@last")
    assert embedder.asked == []
    assert again["result"]["result"]["values"] == first["values"]
    assert again["warnings"][0].startswith("nothing failed in ")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--metric", "P@1"], 2, "the result to resume has MRR, gm_map, nDCG@10, num_rel_ret, not MRR, P@1"),
        (["--save-run", "run.trec"], 2, "does not hold its run"),
        (["-o", "run.trec"], 2, "does not hold its run"),
        (["--run", "run.trec"], 2, "a stored run has no failed rows"),
        (["--dataset", "other.jsonl", "--allow-mismatch", "dataset"], 4, "question 'q2', which failed, is not in"),
    ],
)
def test_what_cannot_be_resumed_is_told(
    embedder: EmbeddingService, ragcli: Ragcli, work: Path, words: list[str], status: int, message: str
) -> None:
    embedder.refused = {"rotate"}
    evaluated(ragcli, "-o", "partly.json", status=10)
    (work / "other.jsonl").write_text('{"id": "q1", "question": "keys", "relevant": ["keys.txt"]}\n')
    assert message in evaluated(ragcli, "--resume", "partly.json", *words, status=status)["error"]["message"]


def test_tokens_are_counted_and_gated_and_an_unknown_price_is_not_zero(
    embedder: EmbeddingService, ragcli: Ragcli
) -> None:
    result = evaluated(ragcli, "--max", "tokens=1000", "--max", "p95_ms=60000")["result"]["result"]
    counter = build_token_counter("embedder", OpenAIEmbedderConfig(), ModelsConfig.defaults())
    expected = [counter.count(text) for text, _ in QUESTIONS.values()]
    assert result["values"]["query_tokens"] == expected
    assert result["totals"]["tokens"] == sum(expected)
    assert result["totals"]["cost"] is None
    unknown = evaluated(ragcli, "--max", "cost=2.0", status=4)["error"]
    assert unknown["message"] == "cost was not measured in this run, so it cannot be gated"
    assert unknown["hint"] == "the price of the embedder is unknown: set evaluate.embedder_price"
    priced = ["--set", "evaluate.embedder_price=0.02"]
    cost = sum(expected) * 0.02 / 1e6
    kept = evaluated(ragcli, *priced, "--max", f"cost={cost * 1.01}")["result"]["result"]
    assert kept["totals"]["cost"] == pytest.approx(cost, rel=1e-12)
    assert kept["values"]["query_cost"] == pytest.approx([tokens * 0.02 / 1e6 for tokens in expected], rel=1e-12)
    assert evaluated(ragcli, *priced, "--max", f"cost={cost * 0.99}", status=10)["error"]["code"] == "regression"
    assert evaluated(ragcli, "--max", f"tokens={sum(expected) - 1}", status=10)["error"]["code"] == "regression"
    assert evaluated(ragcli, "--max", "p95_ms=0.0001", status=10)["error"]["code"] == "regression"


def test_a_question_that_fails_only_when_chunks_are_asked_for_fails_alone(
    embedder: EmbeddingService, ragcli: Ragcli, work: Path
) -> None:
    spans = {"q1": "backup.md", "q2": "keys.txt"}
    records = [
        {"id": name, "question": QUESTIONS[name][0], "relevant": [document],
         "spans": [{"document": document, "start": 0, "end": 9}]}
        for name, document in spans.items()
    ]  # fmt: skip
    (work / "queries.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    embedder.once = {"rotate"}
    result = evaluated(ragcli, "--metric", "char_recall@3", "--max-failures", 1)["result"]["result"]
    assert list(result["failures"]) == ["q2"]
    assert result["values"]["char_recall@3"] == [1.0, None]
    assert result["values"]["MRR"][1] is None
