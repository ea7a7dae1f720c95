"""Run a dataset through the engine and score what comes back."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ragcli.errors import DataError
from ragcli.evaluate.datasets import Dataset
from ragcli.evaluate.metrics import Metric, Qrels, Run, score
from ragcli.query.engine import Engine
from ragcli.records import Query, Score


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of one run and what they were computed from.

    Attributes:
        scores: One per metric, with its value for each judged query.
        queries: How many queries were judged and therefore averaged.
        unjudged: Questions of the dataset without judgements; not averaged.
        missing: Judged queries for which nothing was retrieved; averaged as 0.
        unknown_documents: Judged documents that are not in the index; they cannot be found.
        fingerprints: What shaped the numbers; two evaluations are comparable when these agree.
    """

    dataset: str
    scores: tuple[Score, ...]
    queries: int
    unjudged: int
    missing: tuple[str, ...]
    unknown_documents: tuple[str, ...]
    fingerprints: Mapping[str, str]
    seconds: float


def retrieve(engine: Engine, queries: Sequence[Query], top_k: int) -> dict[str, dict[str, float]]:
    """Ranked documents of each query: a document scores as its best chunk."""
    results = engine.search(queries, top_k=top_k, group_by="document")
    return {result.query.id: {hit.document: hit.score for hit in result.hits} for result in results}


def evaluate(engine: Engine, dataset: Dataset, metrics: Sequence[str], top_k: int) -> tuple[Evaluation, Run]:
    """Retrieve ``top_k`` documents for every judged query and score them.

    Returns:
        The evaluation, and the run it scored: query id -> document name -> score.

    Raises:
        DataError: No judged document is in the index.
        UsageError: A metric has an unknown name, or a cutoff beyond ``top_k``.
    """
    wanted = [Metric.parse(name) for name in metrics]
    unknown = _unknown_documents(engine, dataset.qrels)
    started = time.perf_counter()
    run = retrieve(engine, dataset.judged, top_k)
    seconds = time.perf_counter() - started
    evaluation = Evaluation(
        dataset=dataset.name,
        scores=tuple(score(run, dataset.qrels, wanted)),
        queries=len(dataset.qrels),
        unjudged=len(dataset.queries) - len(dataset.judged),
        missing=tuple(query for query in dataset.qrels if not run.get(query)),
        unknown_documents=unknown,
        fingerprints={**engine.fingerprints, "dataset": dataset.fingerprint},
        seconds=seconds,
    )
    return evaluation, run


def _unknown_documents(engine: Engine, qrels: Qrels) -> tuple[str, ...]:
    relevant = {name for grades in qrels.values() for name, grade in grades.items() if grade > 0}
    known = engine.known_documents(sorted(relevant))
    if not known:
        raise DataError(
            f"none of the {len(relevant)} judged documents is in the index",
            hint="judgements name a document by its path relative to the source, or by its record's id",
        )
    return tuple(sorted(relevant - known))
