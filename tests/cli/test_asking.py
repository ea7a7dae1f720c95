"""The options that say how questions are asked: every strategy by flag, alike in every command that asks."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ragcli, Ran

WORDS = ("--set", "query.pack.encoding=words")
ASKED = {
    ("--strategy", "auto"): "query.strategy=auto",
    ("--candidates", "7"): "query.candidates=7",
    ("--fusion", "rrf"): "query.fusion.kind=rrf",
    ("--dense-weight", "0.2"): "query.fusion.dense_weight=0.2",
    ("--reranker", "mmr"): "query.rerank.kind=mmr",
    ("--reranker", "endpoint"): "query.rerank.kind=endpoint",
    ("--reranker", "embedder"): "query.rerank.kind=embedder",
    ("--expand", "feedback"): "query.expand.kind=feedback",
    ("--expand", "multi-query"): "query.expand.kind=multi-query",
    ("--expand", "hyde"): "query.expand.kind=hyde",
    ("--expand", "decompose"): "query.expand.kind=decompose",
    ("--narrow", "hierarchical"): "query.narrow.kind=hierarchical",
}
ANSWERED = {
    ("--answerer", "openai"): "query.answer.kind=openai",
    ("--context-tokens", "700"): "query.pack.max_tokens=700",
    ("--context-order", "edges"): "query.pack.order=edges",
    ("--max-cost", "0.5"): "query.pack.max_cost=0.5",
}
Flag = tuple[str, str]


@pytest.fixture
def asking(ragcli: Ragcli, work: Path, service: Any, monkeypatch: pytest.MonkeyPatch) -> Ragcli:
    """Three documents with summaries, two questions, and a service that chats and reranks."""

    def serve(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        if "documents" in body:
            results = [{"index": place, "relevance_score": len(text)} for place, text in enumerate(body["documents"])]
            return 200, {}, json.dumps({"results": results}).encode()
        message = {"role": "assistant", "content": "once a quarter"}
        return 200, {}, json.dumps({"choices": [{"message": message}]}).encode()

    service.always = serve
    rows = [
        {"id": "keys", "question": "how often do keys rotate", "relevant": {"keys.txt": 1}, "answer": "once a quarter"},
        {"id": "kept", "question": "how long are snapshots kept", "relevant": {"backup.md": 1}, "answer": "30 days"},
    ]
    (work / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("RAGCLI_INDEX__SUMMARIES__KIND", "extractive")
    monkeypatch.setenv("RAGCLI_RERANKER_API_KEY", "secret")
    for words in (("ingest", "docs"), ("index",)):
        assert ragcli(*words).status == 0
    return ragcli


def more(flag: Flag, url: str) -> tuple[str, ...]:
    """What a kind cannot do without, beside the flag that names it."""
    match flag:
        case ("--expand", "multi-query" | "hyde" | "decompose"):
            return ("--set", f"query.expand.base_url={url}")
        case ("--reranker", "endpoint"):
            return ("--set", f"query.rerank.base_url={url}")
        case ("--reranker", "embedder"):
            return ("--set", "query.rerank.embedder.kind=hashing")
        case ("--answerer", _):
            return ("--set", f"query.answer.base_url={url}")
        case _:
            return ()


def done(ran: Ran) -> Any:
    assert ran.status == 0, ran.err
    return ran.result


@pytest.mark.parametrize("flag", ASKED, ids=" ".join)
def test_a_flag_does_what_its_setting_does_in_every_command(asking: Ragcli, service: Any, flag: Flag) -> None:
    setting, besides = ("--set", ASKED[flag]), more(flag, service.url)
    query = ("query", "how often do keys rotate", "--format", "json")
    by_flag, by_setting = done(asking(*query, *flag, *besides)), done(asking(*query, *setting, *besides))
    for shown in (by_flag, by_setting):
        shown["queries"][0].pop("timings_ms", None)
    assert by_flag == by_setting
    assert by_flag["queries"][0]["hits"]
    for command in (("eval",), ("eval", "answers", "--live", "--metric", "F1", *WORDS)):
        words = (*command, "--dataset", "q.jsonl", "--format", "json")
        prints = [
            done(asking(*words, *how))["result"]["fingerprints"]
            for how in ((*flag, *besides), (*setting, *besides), ())
        ]
        assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize("flag", ANSWERED, ids=" ".join)
def test_answers_are_shaped_by_flags(asking: Ragcli, service: Any, flag: Flag) -> None:
    setting, besides = ("--set", ANSWERED[flag]), more(flag, service.url)
    query = ("query", "how often do keys rotate", "--format", "json", *WORDS)
    by_flag = done(asking(*query, *flag, *besides))
    by_setting = done(asking(*query, "--answer", *setting, *besides))
    own = [shown["queries"][0] for shown in (by_flag, by_setting)]
    assert own[0]["answer"] == own[1]["answer"]  # whoever says how to answer wants an answer
    assert own[0]["context"] == own[1]["context"]
    words = ("eval", "answers", "--live", "--metric", "F1", "--dataset", "q.jsonl", "--format", "json", *WORDS)
    prints = [
        done(asking(*words, *how))["result"]["fingerprints"] for how in ((*flag, *besides), (*setting, *besides), ())
    ]
    assert prints[0] == prints[1] != prints[2]


def test_the_default_reranker_is_asked_for_by_one_flag(asking: Ragcli, work: Path) -> None:
    """There is no model here; each command says which one is missed."""
    elsewhere = ("--set", "query.rerank.model=org/missing")
    for words in (
        ("query", "keys"),
        ("eval", "--dataset", "q.jsonl"),
        ("eval", "answers", "--live", "--dataset", "q.jsonl"),
    ):
        ran = asking(*words, "--reranker", "cross-encoder", *elsewhere, *WORDS)
        assert ran.status == 6
        assert "'org/missing' is not on this machine" in ran.err
    (work / "lists.jsonl").write_text('{"query": "a", "documents": ["b"]}')
    ran = asking("rerank", "lists.jsonl", *elsewhere, "--reranker", "cross-encoder")
    assert ran.status == 6


@pytest.mark.parametrize("flag", [("--reranker", "mmr"), ("--rerank-candidates", "5")])
def test_contradictions_are_refused(asking: Ragcli, flag: Flag) -> None:
    ran = asking("query", "keys", "--no-rerank", *flag)
    assert (ran.status, ran.err.splitlines()[0]) == (2, f"error: {flag[0]} asks for what --no-rerank forbids")
    ran = asking("eval", "answers", "q.jsonl", *flag)
    assert ran.status == 2
    assert "say how --live asks" in ran.err


def test_a_sweep_tries_every_kind(asking: Ragcli, work: Path, service: Any) -> None:
    endpoint = f"{{kind: endpoint, base_url: '{service.url}'}}"
    (work / "grid.yaml").write_text(
        f"""\
query.strategy: [hybrid, auto]
query.rerank: [{{kind: none}}, {{kind: mmr}}, {endpoint}, {{kind: embedder, embedder: {{kind: hashing}}}}]
query.expand: [{{kind: none}}, {{kind: feedback}}, {{kind: multi-query, base_url: '{service.url}'}}]
query.narrow.kind: [none, hierarchical]
"""
    )
    (work / "many.jsonl").write_text(
        "".join(
            json.dumps({"id": str(place), "question": f"how often do keys rotate {place}", "relevant": {"keys.txt": 1}})
            + "\n"
            for place in range(6)
        )
    )
    words = ("eval", "sweep", "--grid", "grid.yaml", "--dataset", "many.jsonl", "--format", "json", "--top-k", "10")
    ran = done(asking(*words, "--set", "ingest.sources=[{path: docs}]"))
    assert len(ran["points"]) == 2 * 4 * 3 * 2
