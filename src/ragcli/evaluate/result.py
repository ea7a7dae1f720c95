"""What one evaluation found: stored, compared, gated and reported.

A result travels as JSON in a versioned envelope (docs/formats.md)::

    {"schema": "ragcli/eval/v1", "result": {...}}

Numbers load back as the same doubles; NaN, the value of a row that failed, is ``null``.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import DataError, UsageError
from ragcli.evaluate.journeys import Journey
from ragcli.records import ArmScore

FAMILY = "ragcli/eval"
VERSION = 1
SCHEMA = f"{FAMILY}/v{VERSION}"
MAX_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class Question:
    """Facts of a judged query.

    Attributes:
        must_pass: A golden query: no change may lose it.
        relevant: How many documents (or spans) are relevant to it; 0 when that is not known.
    """

    text: str = ""
    tags: tuple[str, ...] = ()
    must_pass: bool = False
    relevant: int = 0


@dataclass(frozen=True, slots=True)
class StoredHit:
    """A hit as far as a report or a diff needs it, in ranked order; offsets are code points of the document.

    Attributes:
        grade: What the judgements say of it; None when it is unjudged.
        spans: Judged stretches within ``text``, as (start, end) counted from its first character.
        arms: Score and rank in each retrieval arm that returned it.
    """

    document: str
    score: float
    chunk_id: str = ""
    text: str = ""
    start: int = 0
    end: int = 0
    grade: int | None = None
    spans: tuple[tuple[int, int], ...] = ()
    arms: Mapping[str, ArmScore] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class EvalResult:
    """Values of every metric for every judged query, and what they were computed from.

    Attributes:
        queries: Ids of the judged queries, in the dataset's order.
        values: Metric name -> value of each query, float64 [q]; NaN where that row failed.
        questions: Aligned with ``queries``; empty for stored runs without texts.
        fingerprints: What shaped the numbers (corpus, chunker, generation, model, query, dataset, seed, ragcli ...).
        unjudged: Questions of the dataset without judgements; not averaged.
        missing: Judged queries for which nothing came back; averaged as 0.
        unknown_documents: Judged documents that are not in the index; they cannot be found.
        failures: Query id -> why its row failed; kept apart, never averaged.
        totals: Numbers of the whole run, such as ``p95_ms``, ``p95_dense_ms``, ``tokens``, ``cost``.
        notes: What defines a metric beside its name, such as BERTScore's model and layer.
        hits: First hits of each query, for diffs and pages; may be empty.
        journeys: Of each query's relevant documents: how far they came, for diffs; may be empty.
        timings_ms: Query id -> stage -> milliseconds; may be empty.
        curves: ``recall`` and ``precision`` -> mean over the queries at k = 1, 2, ...; may be empty.
        created: When, in ISO 8601 and UTC.
    """

    dataset: str
    queries: tuple[str, ...]
    values: Mapping[str, NDArray[np.float64]]
    questions: tuple[Question, ...] = ()
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    unjudged: int = 0
    missing: tuple[str, ...] = ()
    unknown_documents: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    hits: Mapping[str, tuple[StoredHit, ...]] = field(default_factory=dict)
    journeys: Mapping[str, tuple[Journey, ...]] = field(default_factory=dict)
    timings_ms: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    curves: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    created: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        known = set(self.queries)
        if len(known) != len(self.queries):
            raise DataError(f"a query of {self.dataset} occurs twice in the result")
        for metric, values in self.values.items():
            if values.shape != (len(self.queries),) or np.isinf(values).any():
                raise DataError(f"{metric} needs one finite number a query: {len(self.queries)} queries")
        if self.questions and len(self.questions) != len(self.queries):
            raise DataError(f"{len(self.questions)} questions do not fit {len(self.queries)} queries")
        groups = {
            "missing": self.missing,
            "failed": self.failures,
            "hit": self.hits,
            "followed": self.journeys,
            "timed": self.timings_ms,
        }
        for what, ids in groups.items():
            if strangers := set(ids) - known:
                raise DataError(f"{what} query {min(strangers)!r} is not among the judged queries")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EvalResult):
            return NotImplemented
        same = (getattr(self, item.name) == getattr(other, item.name) for item in fields(self) if item.name != "values")
        return (
            list(self.values) == list(other.values)
            and all(np.array_equal(self.values[name], other.values[name], equal_nan=True) for name in self.values)
            and all(same)
        )

    def __hash__(self) -> int:
        return hash((self.dataset, self.queries, self.created))

    def metric(self, name: str) -> str:
        """The metric's or total's name as this result spells it, whatever the case.

        Raises:
            UsageError: The result has neither a metric nor a total of that name.
        """
        names = {known.casefold(): known for known in (*self.totals, *self.values)}
        if (known := names.get(name.strip().casefold())) is None:
            raise UsageError(f"the result has no metric {name!r}", hint=f"it has: {', '.join(sorted(names.values()))}")
        return known

    def mean(self, metric: str) -> float:
        """Mean over the queries whose row did not fail.

        Raises:
            DataError: No row is left to average.
            UsageError: The result has no such metric.
        """
        return float(self.succeeded(metric).mean())

    def succeeded(self, metric: str) -> NDArray[np.float64]:
        """The values of the rows that did not fail, at least one; raises as ``mean`` does."""
        if metric not in self.values:
            raise UsageError(f"the result has no metric {metric!r}", hint=f"it has: {', '.join(self.values)}")
        values = self.values[metric]
        values = values[~np.isnan(values)]
        if not values.size:
            why = f", the first because of: {next(iter(self.failures.values()))}" if self.failures else ""
            raise DataError(f"there is nothing to average: all {len(self.queries)} rows of {metric} failed{why}")
        return values

    def failed(self, metric: str) -> NDArray[np.bool_]:
        """Which rows failed for a metric; a reason that begins with the names of metrics is about those alone."""
        if not self.failures:
            return np.zeros(len(self.queries), dtype=bool)
        reasons = [self.failures.get(query, "") for query in self.queries]
        others = [f"{name}: " for name in self.values if name != metric]
        return np.array(
            [bool(reason) and (f"{metric}: " in reason or not reason.startswith(tuple(others))) for reason in reasons]
        )

    def question(self, row: int) -> Question:
        """Facts of the query in a row; empty ones when none are stored."""
        return self.questions[row] if self.questions else Question()

    @property
    def golden(self) -> tuple[str, ...]:
        """Ids of the queries that must pass."""
        return tuple(query for row, query in enumerate(self.queries) if self.question(row).must_pass)


def may_be_negative(metric: str) -> bool:
    """Whether 0 or less is no sign of nothing found: of weighed counts, deviations and cosines."""
    return metric.startswith(("utility", "Z", "similarity"))


def curves(found: NDArray[np.bool_], relevant: NDArray[np.int64]) -> dict[str, tuple[float, ...]]:
    """Mean recall and precision at k = 1 .. depth, for ``EvalResult.curves``.

    Args:
        found: Whether the result at each rank is relevant, [q, depth].
        relevant: Number of relevant documents of each query, [q].
    """
    counts = np.cumsum(found, axis=1, dtype=np.float64)
    recall = counts / np.maximum(relevant, 1)[:, None]
    precision = counts / np.arange(1, counts.shape[1] + 1)
    return {"recall": tuple(recall.mean(axis=0).tolist()), "precision": tuple(precision.mean(axis=0).tolist())}


def to_json(result: EvalResult) -> dict[str, Any]:
    """The result as JSON knows it; NaN becomes None."""
    plain = {item.name: getattr(result, item.name) for item in fields(result)}
    return plain | {
        "queries": list(result.queries),
        "values": {name: [finite(value) for value in values.tolist()] for name, values in result.values.items()},
        "totals": {name: finite(value) for name, value in result.totals.items()},
        "questions": [
            {"text": q.text, "tags": list(q.tags), "must_pass": q.must_pass, "relevant": q.relevant}
            for q in result.questions
        ],
        "hits": {query: [_hit_to_json(hit) for hit in hits] for query, hits in result.hits.items()},
        "journeys": {query: [asdict(one) for one in found] for query, found in result.journeys.items()},
        "timings_ms": {query: dict(own) for query, own in result.timings_ms.items()},
        **{name: dict(getattr(result, name)) for name in ("fingerprints", "failures", "notes", "curves")},
    }


def finite(value: float) -> float | None:
    """The number, or None, which JSON knows, for one that is not finite."""
    return value if math.isfinite(value) else None


def _hit_to_json(hit: StoredHit) -> dict[str, Any]:
    plain = {item.name: getattr(hit, item.name) for item in fields(hit)}
    return plain | {"arms": {name: [arm.score, arm.rank] for name, arm in hit.arms.items()}}


def from_json(document: object, where: str) -> EvalResult:
    """Read what ``to_json`` made, out of its envelope, a report or the envelope of ``--format json``.

    Args:
        document: Parsed JSON.
        where: File name for messages.

    Raises:
        DataError: It is something else, was written by a newer ragcli, or is damaged.
    """
    if isinstance(document, dict) and document.get("schema") == "ragcli/v1":
        document = document.get("result")
    schema = document.get("schema") if isinstance(document, dict) else None
    match = re.fullmatch(rf"{FAMILY}/v(\d+)", schema) if isinstance(schema, str) else None
    if match is None or not isinstance(document, dict):
        raise DataError(f"{where} is not a result of ragcli eval", hint="ragcli eval -o FILE.json writes one")
    if int(match[1]) > VERSION:
        raise DataError(
            f"{where} has format {schema}, this ragcli reads up to {SCHEMA}", hint="pip install --upgrade ragcli"
        )
    try:
        return _result(document["result"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{where} is damaged: {type(error).__name__}: {error}") from error


def parse(text: str | bytes, where: str) -> EvalResult:
    """Read a result from the text of a file; raises as ``from_json`` does."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {error}") from error
    return from_json(document, where)


def _result(record: Mapping[str, Any]) -> EvalResult:
    return EvalResult(
        dataset=str(record["dataset"]),
        queries=tuple(map(str, record["queries"])),
        values={name: _numbers(values) for name, values in record["values"].items()},
        questions=tuple(
            Question(str(q["text"]), tuple(map(str, q["tags"])), bool(q["must_pass"]), int(q.get("relevant", 0)))
            for q in record["questions"]
        ),
        fingerprints=_texts(record["fingerprints"]),
        unjudged=int(record["unjudged"]),
        missing=tuple(map(str, record["missing"])),
        unknown_documents=tuple(map(str, record["unknown_documents"])),
        failures=_texts(record["failures"]),
        totals={name: math.nan if value is None else float(value) for name, value in record["totals"].items()},
        notes=_texts(record["notes"]),
        hits={query: tuple(map(_hit, hits)) for query, hits in record["hits"].items()},
        journeys={query: tuple(map(_journey, found)) for query, found in record.get("journeys", {}).items()},
        timings_ms={
            query: {str(stage): float(ms) for stage, ms in own.items()}
            for query, own in record.get("timings_ms", {}).items()
        },
        curves={name: tuple(map(float, points)) for name, points in record.get("curves", {}).items()},
        created=str(record["created"]),
        seconds=float(record["seconds"]),
    )


def _numbers(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _texts(record: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in record.items()}


def _hit(record: Mapping[str, Any]) -> StoredHit:
    return StoredHit(
        document=str(record["document"]),
        score=float(record["score"]),
        chunk_id=str(record["chunk_id"]),
        text=str(record["text"]),
        start=int(record["start"]),
        end=int(record["end"]),
        grade=None if record["grade"] is None else int(record["grade"]),
        spans=tuple((int(start), int(end)) for start, end in record["spans"]),
        arms={name: ArmScore(float(score), int(rank)) for name, (score, rank) in record["arms"].items()},
    )


def _journey(record: Mapping[str, Any]) -> Journey:
    arms = {str(name): int(rank) for name, rank in record["arms"].items()}
    return Journey(str(record["document"]), int(record["rank"]), arms, int(record["fused"]), str(record["lost"]))
