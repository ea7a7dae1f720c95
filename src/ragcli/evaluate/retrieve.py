"""Ask the engine every judged question, and keep what scores, reports and diffs need of the answers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragcli.errors import BackendError
from ragcli.evaluate.hit_runs import HitRun, stored
from ragcli.evaluate.journeys import Journey, Tracker
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.result import StoredHit
from ragcli.evaluate.spans import Range
from ragcli.records import Hit, Query

if TYPE_CHECKING:
    from ragcli.query.engine import Engine
    from ragcli.query.result import Result

SHOWN = 10
"""Hits of each query that a result keeps for pages and diffs."""
_Grouping: TypeAlias = Literal["document", "chunk"]
_PERCENTILES = (50, 95, 99)


@dataclass(slots=True)
class Retrieved:
    """What came back.

    Attributes:
        hits: Query id -> best chunk of each document, best first; likewise ``chunks``, where they were asked for.
        ranges: Where the chunks lie: unlike their names, ids tell documents of several sources apart.
        shown: The first hits with their texts and grades.
        journeys: How far each relevant document came.
        timings_ms: Query id -> stage -> milliseconds.
        failures: Query id -> why the engine failed on it.
        late: How many queries kept the order of retrieval, because reranking took longer than its limit.
    """

    hits: dict[str, tuple[StoredHit, ...]] = field(default_factory=dict)
    chunks: dict[str, tuple[StoredHit, ...]] = field(default_factory=dict)
    questions: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, list[Range]] = field(default_factory=dict)
    shown: dict[str, tuple[StoredHit, ...]] = field(default_factory=dict)
    journeys: dict[str, tuple[Journey, ...]] = field(default_factory=dict)
    timings_ms: dict[str, Mapping[str, float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    late: int = 0

    def run(self, fingerprints: Mapping[str, str]) -> HitRun:
        """The run, without texts."""
        return HitRun(self.hits, self.chunks, self.questions, fingerprints)

    def latency(self, queries: Sequence[str]) -> NDArray[np.float64]:
        """Milliseconds of each query, all stages together, float64 [q]; NaN where it failed."""
        nothing = float("nan")
        return np.array(
            [sum(self.timings_ms[query].values()) if query in self.timings_ms else nothing for query in queries]
        )


def percentiles(timings_ms: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Percentiles of the time of a query, over all stages (``p95_ms``) and of each (``p95_dense_ms``)."""
    stages: dict[str, list[float]] = {"": [sum(own.values()) for own in timings_ms.values()]}
    for own in timings_ms.values():
        for stage, ms in own.items():
            stages.setdefault(f"{stage}_", []).append(ms)
    return {
        f"p{share}_{stage}ms": float(np.percentile(taken, share))
        for stage, taken in stages.items()
        if taken
        for share in _PERCENTILES
    }


def retrieve(
    engine: "Engine", dataset: Dataset, top_k: int, spans: Mapping[str, Sequence[Range]], *, by_chunk: bool
) -> Retrieved:
    """Ask every judged question of a dataset; one that the engine fails on is noted, and the others go on.

    Args:
        engine: Which is asked.
        dataset: Questions and judgements.
        top_k: Documents per question.
        spans: Query id -> judged stretches, by document id.
        by_chunk: Whether chunks are wanted beside documents.
    """
    found = Retrieved(questions={query.id: query.text for query in dataset.judged})
    grades = dataset.judgements
    tracker = Tracker(engine, _relevant(grades.values()))
    queries = list(dataset.judged)
    for result in _results(engine, queries, top_k, "document", found.failures):
        query = result.query.id
        own = grades.get(query, {})
        found.hits[query] = tuple(map(stored, result.hits))
        found.shown[query] = tuple(_shown(hit, own, spans.get(query, ())) for hit in result.hits[:SHOWN])
        found.journeys[query] = tracker.follow(result, [name for name, grade in own.items() if grade > 0])
        found.timings_ms[query] = result.timings_ms
        found.late += result.late
    if by_chunk:
        answered = [query for query in queries if query.id not in found.failures]
        for result in _results(engine, answered, top_k, "chunk", found.failures):
            found.chunks[result.query.id] = tuple(map(stored, result.hits))
            found.ranges[result.query.id] = [Range(hit.document_id, hit.start, hit.end) for hit in result.hits]
    return found


def _shown(hit: Hit, grades: Mapping[str, int], spans: Sequence[Range]) -> StoredHit:
    """A hit with its text, and in it the judged spans."""
    inside = ((max(own.start, hit.start), min(own.end, hit.end)) for own in spans if own.document == hit.document_id)
    marks = tuple((start - hit.start, end - hit.start) for start, end in inside if start < end)
    return replace(stored(hit), text=hit.text, grade=grades.get(hit.document), spans=marks)


def _results(
    engine: "Engine", queries: Sequence[Query], top_k: int, group_by: _Grouping, failures: dict[str, str]
) -> "Iterator[Result]":
    """Results of questions asked one by one, as people ask: of a batch only the mean latency would be known."""
    for query in queries:
        try:
            yield from engine.search([query], top_k=top_k, group_by=group_by)
        except BackendError as error:
            failures[query.id] = error.message


def _relevant(judgements: Iterable[Mapping[str, int]]) -> set[str]:
    return {name for grades in judgements for name, grade in grades.items() if grade > 0}
