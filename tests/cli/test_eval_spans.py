"""Judged spans, by quotes and by offsets, in the hits of a result and marked on its page."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

from tests.cli.conftest import Ragcli

NIGHTS = "Snapshots are taken every night."
DAYS = "They are kept for thirty days."
TEXT = f"# Backups\n\n{NIGHTS} {DAYS}\n\n## Copies\n\n{'A copy of each & every one goes to another site. ' * 12}\n"


def test_spans_are_found_by_quotes_and_offsets_and_marked(indexed: Ragcli, work: Path) -> None:
    (work / "docs" / "kept.md").write_text(TEXT, encoding="utf-8")
    for words in (("ingest", "docs"), ("index",)):
        assert indexed(*words).status == 0
    start = TEXT.index("for thirty days")
    spans: list[dict[str, Any]] = [
        {"document": "kept.md", "quote": "taken every\nnight"},
        {"document": "kept.md", "start": start, "end": start + len("for thirty days")},
        {"document": "kept.md", "quote": "each & every one goes to another site. A copy"},
        {"document": "kept.md", "quote": "nowhere to be found"},
        {"document": "keys.txt", "quote": "once a quarter"},
    ]
    record = {"id": "q", "question": "how long are snapshots kept", "spans": spans}
    (work / "queries.jsonl").write_text(json.dumps(record) + "\n")
    wanted = ["--dataset", "queries.jsonl", "--metric", "MRR", "--format", "json", "-o", "page.html"]
    ran = indexed("eval", *wanted, "--strategy", "lexical")
    assert ran.status == 0, ran.err
    hits = [hit for hit in ran.result["result"]["hits"]["q"] if hit["document"] == "kept.md"]
    found = [hit["text"][start:end] for hit in hits for start, end in hit["spans"]]
    assert found[:2] == ["taken every night", "for thirty days"]
    for hit in hits:
        for start, end in hit["spans"]:
            at = hit["start"] + start
            assert TEXT[at : hit["start"] + end] == hit["text"][start:end]
    assert ran.envelope["warnings"] == []  # no metric counts the lost one
    marked = [unescape(text) for text in re.findall(r"<mark>(.*?)</mark>", (work / "page.html").read_text())]
    assert marked == [text for hit in ran.result["result"]["hits"]["q"] for text in _texts(hit)]
    assert "taken every night" in marked
    assert "for thirty days" in marked


def _texts(hit: dict[str, Any]) -> list[str]:
    return [hit["text"][start:end] for start, end in sorted(hit["spans"])]


def test_spans_of_another_document_or_beside_the_hit_are_not_its(indexed: Ragcli, work: Path) -> None:
    record = {
        "id": "q",
        "question": "when do signing keys rotate",
        "relevant": ["keys.txt", "backup.md"],
        "spans": [{"document": "backup.md", "start": 0, "end": 9}, {"document": "keys.txt", "quote": "rotate once"}],
    }
    (work / "queries.jsonl").write_text(json.dumps(record) + "\n")
    ran = indexed("eval", "--dataset", "queries.jsonl", "--metric", "MRR", "--format", "json", "--strategy", "dense")
    hits = {hit["document"]: hit for hit in ran.result["result"]["hits"]["q"]}
    assert [hits["keys.txt"]["text"][start:end] for start, end in hits["keys.txt"]["spans"]] == ["rotate once"]
    assert [hits["backup.md"]["text"][start:end] for start, end in hits["backup.md"]["spans"]] == ["# Backups"]
    assert hits["guides/restore.md"]["spans"] == []
