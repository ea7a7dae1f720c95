"""Ask the engine every judged question, and keep what scores, reports and diffs need of the answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

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


class Retrieval:
    """Judged questions of a dataset on their way through an engine; one that it fails on is noted, and no more.

    Args:
        engine: Which is asked.
        dataset: Questions and judgements.
        top_k: Documents per question.
        spans: Query id -> judged stretches, by document id.
        by_chunk: Whether chunks are wanted beside documents.

    Attributes:
        found: What came back so far.
    """

    def __init__(
        self, engine: "Engine", dataset: Dataset, top_k: int, spans: Mapping[str, Sequence[Range]], *, by_chunk: bool
    ) -> None:
        self.found = Retrieved(questions={query.id: query.text for query in dataset.judged})
        self._engine = engine
        self._grades = dataset.judgements
        self._top_k = top_k
        self._spans = spans
        self._by_chunk = by_chunk
        self._tracker = Tracker(engine, _relevant(self._grades.values()))

    def ask(self, query: Query) -> None:
        """Ask one question, as people ask: of a batch only the mean latency would be known."""
        try:
            self._keep(*self._engine.search([query], top_k=self._top_k, group_by="document"))
            if self._by_chunk:
                self._keep_chunks(*self._engine.search([query], top_k=self._top_k, group_by="chunk"))
        except BackendError as error:
            self.found.failures[query.id] = error.message

    def _keep(self, result: "Result") -> None:
        found, query = self.found, result.query.id
        own = self._grades.get(query, {})
        found.hits[query] = tuple(map(stored, result.hits))
        found.shown[query] = tuple(_shown(hit, own, self._spans.get(query, ())) for hit in result.hits[:SHOWN])
        found.journeys[query] = self._tracker.follow(result, [name for name, grade in own.items() if grade > 0])
        found.timings_ms[query] = result.timings_ms
        found.late += result.late

    def _keep_chunks(self, result: "Result") -> None:
        query = result.query.id
        self.found.chunks[query] = tuple(map(stored, result.hits))
        self.found.ranges[query] = [Range(hit.document_id, hit.start, hit.end) for hit in result.hits]


def _shown(hit: Hit, grades: Mapping[str, int], spans: Sequence[Range]) -> StoredHit:
    """A hit with its text, and in it the judged spans."""
    inside = ((max(own.start, hit.start), min(own.end, hit.end)) for own in spans if own.document == hit.document_id)
    marks = tuple((start - hit.start, end - hit.start) for start, end in inside if start < end)
    return replace(stored(hit), text=hit.text, grade=grades.get(hit.document), spans=marks)


def _relevant(judgements: Iterable[Mapping[str, int]]) -> set[str]:
    return {name for grades in judgements for name, grade in grades.items() if grade > 0}
