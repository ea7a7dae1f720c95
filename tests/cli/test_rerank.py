"""``ragcli rerank`` as a filter, and ``query --rerank``."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Ragcli


def lengths(body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """A service that likes long texts."""
    results = [{"index": place, "relevance_score": len(text)} for place, text in enumerate(body["documents"])]
    return 200, {}, json.dumps({"results": results}).encode()


@pytest.fixture(autouse=True)
def _service(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    service.always = lengths
    monkeypatch.setenv("RAGCLI_QUERY__RERANK__BASE_URL", service.url)
    monkeypatch.setenv("RAGCLI_QUERY__RERANK__KIND", "endpoint")
    monkeypatch.setenv("RAGCLI_RERANKER_API_KEY", "secret")


LISTS = b"""\
{"query": "rotation", "documents": ["short", "a longer text", {"id": "best", "text": "the longest text of all"}]}
{"id": "q2", "query": "umlaut", "documents": [{"id": "\xc3\xa4 1", "text": "\xc3\xa4"}]}
"""


def lines(out: str) -> list[Any]:
    return [json.loads(line) for line in out.splitlines()]


def test_lists_by_stdin_and_file_alike(ragcli: Ragcli, work: Path, service: Any) -> None:
    (work / "lists.jsonl").write_bytes(LISTS)
    ran = ragcli("rerank", stdin=LISTS)
    assert (ran.status, ran.err) == (0, "")
    assert ragcli("rerank", "lists.jsonl").out == ran.out
    first, second = lines(ran.out)
    assert first["id"] == "1"
    assert first["query"] == "rotation"
    assert first["results"] == [
        {"index": 2, "id": "best", "score": 23.0, "text": "the longest text of all"},
        {"index": 1, "id": "1", "score": 13.0, "text": "a longer text"},
        {"index": 0, "id": "0", "score": 5.0, "text": "short"},
    ]
    assert second["results"] == [{"index": 0, "id": "ä 1", "score": 1.0, "text": "ä"}]
    assert service.keys[0] == "Bearer secret"
    assert not (work / ".ragcli").exists()


def test_lists_as_a_run(ragcli: Ragcli) -> None:
    ran = ragcli("rerank", "-", "--format", "trec", "--top-k", 2, "--run-name", "mine", stdin=LISTS)
    assert ran.out.splitlines() == ["1 Q0 best 1 23 mine", "1 Q0 1 2 13 mine", "q2 Q0 ä%201 1 1 mine"]


def test_a_run_of_the_index(indexed: Ragcli, work: Path) -> None:
    (work / "questions.jsonl").write_text('{"id": "q", "question": "snapshots"}\n', encoding="utf-8")
    run = indexed("query", "-f", "questions.jsonl", "--no-rerank", "--format", "trec")
    assert run.status == 0, run.err
    names = [line.split()[2] for line in run.out.splitlines()]
    assert len(names) == 3
    ran = indexed("rerank", "-", "--questions", "questions.jsonl", stdin=run.out.encode())
    assert ran.status == 0, ran.err
    fields = [line.split() for line in ran.out.splitlines()]
    assert [row[2] for row in fields] == ["backup.md", "guides/restore.md", "keys.txt"]  # by length
    assert [row[3] for row in fields] == ["1", "2", "3"]
    as_json = indexed("rerank", "-", "--questions", "questions.jsonl", "--format", "jsonl", stdin=run.out.encode())
    (own,) = lines(as_json.out)
    assert [row["id"] for row in own["results"]] == [row[2] for row in fields]
    two = indexed("rerank", "-", "--questions", "questions.jsonl", "--candidates", 1, stdin=run.out.encode())
    assert [line.split()[2] for line in two.out.splitlines()] == names


@pytest.mark.parametrize(
    ("words", "stdin", "status", "message"),
    [
        ((), b"", 4, "stdin holds no list"),
        ((), b"{oops\n", 4, "stdin:1: not JSON"),
        ((), b'\n{"documents": []}\n', 4, "stdin:2: a list needs a question"),
        ((), b'{"query": "a"}\n', 4, "stdin:1: a list needs documents"),
        ((), b'{"query": "a", "documents": [3]}\n', 4, "document 0 has no text"),
        ((), b'{"query": "a", "documents": [{"text": "b", "score": "1"}]}\n', 4, "score that is no number"),
        ((), b"q Q0 d 1 0.5 tag\n", 2, "needs --questions"),
        (("nowhere.jsonl",), b"", 4, "cannot read nowhere.jsonl"),
        (("--top-k", "0"), LISTS, 2, "--top-k must be at least 1"),
        (("--set", "query.rerank.kind=mmr"), LISTS, 3, "lists have not"),
        (("--set", "query.rerank.base_url=ftp://x"), LISTS, 3, "must be an http"),
    ],
)
def test_what_is_wrong_is_told(ragcli: Ragcli, words: tuple[str, ...], stdin: bytes, status: int, message: str) -> None:
    ran = ragcli("rerank", *words, stdin=stdin)
    assert ran.status == status, ran.err
    assert message in ran.err
    assert "try: " in ran.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("other Q0 keys.txt 1 0.5 t", "no question 'other'"),
        ("q Q0 gone.txt 1 0.5 t", "1 of 1 documents of the run are not in the index"),
        ("q Q0 keys.txt 1 0.5", "expected 'query Q0 document rank score tag'"),
        ("q Q0 keys.txt 1 0.5 t\nq Q0 keys.txt 2 0.4 t", "occurs twice"),
    ],
)
def test_a_run_of_something_else_is_told(indexed: Ragcli, work: Path, line: str, message: str) -> None:
    (work / "questions.jsonl").write_text('{"id": "q", "question": "snapshots"}\n', encoding="utf-8")
    ran = indexed("rerank", "--questions", "questions.jsonl", stdin=line.encode())
    assert ran.status == 4
    assert message in ran.err


def test_a_list_that_took_too_long_keeps_its_order_and_says_so(ragcli: Ragcli) -> None:
    ran = ragcli("rerank", "--set", "query.rerank.time_limit_ms=0.000001", stdin=LISTS)
    assert ran.status == 0
    assert [row["index"] for row in lines(ran.out)[0]["results"]] == [0, 1, 2]
    assert lines(ran.out)[0]["late"] is True
    assert "2 questions took longer than query.rerank.time_limit_ms" in ran.err


def test_query_reranks_when_asked_and_explains(indexed: Ragcli) -> None:
    plain = indexed("query", "signing keys", "--no-rerank", "--format", "json").result
    ran = indexed("query", "signing keys", "--explain", "--format", "json")
    (query,) = ran.result["queries"]
    scores = [hit["score"] for hit in query["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert "rerank" in query["timings_ms"]
    for hit in query["hits"]:
        before = plain["queries"][0]["hits"][hit["reranked"]["rank"] - 1]
        assert hit["chunk_id"] == before["chunk_id"]
        assert hit["reranked"]["score"] == before["score"]
        assert hit["reranked"]["model_score"] == hit["score"]
    table = indexed("query", "signing keys", "--explain")
    assert "rerank   rank" in table.out
    assert "model " in table.out


def test_flags_choose_the_reranker(indexed: Ragcli, service: Any) -> None:
    ran = indexed("query", "signing keys", "--rerank-candidates", "2", "--format", "json")
    assert ran.status == 0, ran.err
    assert [len(body["documents"]) for body in service.bodies] == [2]
    both = indexed("query", "signing keys", "--no-rerank", "--rerank-candidates", "2")
    assert both.status == 2
    unset = indexed("query", "signing keys", "--rerank", "--set", "query.rerank.kind=none")
    assert unset.status != 2


def test_a_late_query_says_so(indexed: Ragcli) -> None:
    ran = indexed("query", "signing keys", "--set", "query.rerank.time_limit_ms=0.000001", "--format", "json")
    assert ran.status == 0
    assert ran.result["queries"][0]["late"] is True
    assert any("time_limit_ms" in warning for warning in ran.envelope["warnings"])
