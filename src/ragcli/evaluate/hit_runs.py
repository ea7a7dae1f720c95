"""ragcli's own runs, ``run.jsonl``: hits with the places of their chunks and what each arm said.

The first line tells the schema and the fingerprints of what was searched, each other line is one question::

    {"schema": "ragcli/run/v1", "fingerprints": {"generation": "000007", "query": "..."}}
    {"query": "q1", "question": "...", "hits": [{"document": "a.md", "score": 0.9, "chunk_id": "...", "start": 0,
     "end": 120, "arms": {"dense": {"score": 0.7, "rank": 1}}}], "chunks": [...]}

``hits`` has one hit a document, its best chunk; ``chunks`` is there where chunks were asked for too.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ragcli.errors import DataError
from ragcli.evaluate.lines import Lines
from ragcli.evaluate.result import StoredHit
from ragcli.records import ArmScore, Hit

SCHEMA = "ragcli/run/v1"


@dataclass(frozen=True, slots=True)
class HitRun:
    """Hits of many questions.

    Attributes:
        hits: Query id -> best chunk of each document, best first.
        chunks: Query id -> chunks, best first; empty where only documents were asked for.
        questions: Query id -> question; may be empty.
        fingerprints: What shaped the run.
    """

    hits: Mapping[str, Sequence[StoredHit]]
    chunks: Mapping[str, Sequence[StoredHit]] = field(default_factory=dict)
    questions: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    def documents(self) -> dict[str, dict[str, float]]:
        """Query id -> document -> score of its best chunk."""
        return {query: best_per_document(hits) for query, hits in self.hits.items()}


def best_per_document(hits: Iterable[StoredHit | Hit]) -> dict[str, float]:
    """Document -> score of its best hit."""
    best: dict[str, float] = {}
    for hit in hits:
        best[hit.document] = max(hit.score, best.get(hit.document, -math.inf))
    return best


def stored(hit: Hit) -> StoredHit:
    """A hit without its text, as a run keeps it."""
    return StoredHit(hit.document, hit.score, hit.chunk_id, start=hit.start, end=hit.end, arms=hit.arms)


def run_lines(run: HitRun) -> Iterator[str]:
    """The lines of ``run.jsonl``."""
    yield _line({"schema": SCHEMA, "fingerprints": dict(run.fingerprints)})
    for query, hits in run.hits.items():
        record: dict[str, Any] = {"query": query}
        if query in run.questions:
            record["question"] = run.questions[query]
        record["hits"] = [_fields(hit) for hit in hits]
        if query in run.chunks:
            record["chunks"] = [_fields(hit) for hit in run.chunks[query]]
        yield _line(record)


def _line(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _fields(hit: StoredHit) -> dict[str, Any]:
    arms = {arm: {"score": own.score, "rank": own.rank} for arm, own in hit.arms.items()}
    place = {"chunk_id": hit.chunk_id, "start": hit.start, "end": hit.end}
    return {"document": hit.document, "score": hit.score, **place, "arms": arms}


def is_hit_run(lines: Lines) -> bool:
    """Whether a file is a ``run.jsonl``, rather than a TREC run."""
    return lines.data[: min(lines.size, 4096)].tobytes().removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"


def parse_hit_run(lines: Lines) -> HitRun:
    """Read the text of a ``run.jsonl``.

    Raises:
        DataError: A line is malformed, a question is there twice, or there is none.
    """
    hits: dict[str, tuple[StoredHit, ...]] = {}
    chunks: dict[str, tuple[StoredHit, ...]] = {}
    questions: dict[str, str] = {}
    fingerprints: dict[str, str] = {}
    for where, record in _records(lines):
        if "schema" in record:
            if record["schema"] != SCHEMA:
                raise DataError(f"{where}: schema {record['schema']!r} is not {SCHEMA!r}")
            fingerprints = record.get("fingerprints") or {}
            continue
        query = record.get("query")
        if not isinstance(query, str) or not isinstance(record.get("hits"), list):
            raise DataError(f"{where}: expected an object with query and hits")
        if query in hits:
            raise DataError(f"{where}: query {query!r} occurs twice")
        hits[query] = tuple(_hit(where, value) for value in record["hits"])
        if record.get("chunks") is not None:
            chunks[query] = tuple(_hit(where, value) for value in record["chunks"])
        questions[query] = str(record.get("question", ""))
    if not hits:
        raise DataError(f"{lines.name} holds no results")
    return HitRun(hits, chunks, questions, fingerprints)


def _records(lines: Lines) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(lines.data[: lines.size].tobytes().split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{lines.name}:{number}"
        try:
            record = json.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise DataError(f"{where}: expected an object with query and hits")
        yield where, record


def _hit(where: str, value: object) -> StoredHit:
    try:
        fields: dict[str, Any] = dict(cast("Mapping[str, Any]", value))
        score = float(fields["score"])
        arms = {str(arm): ArmScore(float(own["score"]), int(own["rank"])) for arm, own in fields["arms"].items()}
        start, end = int(fields["start"]), int(fields["end"])
        hit = StoredHit(str(fields["document"]), score, str(fields["chunk_id"]), start=start, end=end, arms=arms)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{where}: a hit needs document, score, chunk_id, start, end and arms: {error}") from error
    if math.isnan(score):
        raise DataError(f"{where}: the score of {hit.document!r} is not a number")
    return hit
