"""Run a dataset through the engine and score what comes back."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragcli.config.evaluate import EvaluateConfig
from ragcli.errors import DataError, UsageError
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

    def by_query(self) -> dict[str, dict[str, float]]:
        """The value of each metric for each judged query."""
        queries = self.scores[0].per_query if self.scores else {}
        return {query: {score.metric: score.per_query[query] for score in self.scores} for query in queries}


def required_dataset(settings: EvaluateConfig) -> Path:
    """The dataset that is configured.

    Raises:
        UsageError: None is.
    """
    if settings.dataset is None:
        raise UsageError(
            "there is no dataset to score against", hint="ragcli eval --dataset FOLDER, or set evaluate.dataset"
        )
    return settings.dataset


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
    for metric in wanted:
        if metric.cutoff > top_k:
            raise UsageError(f"{metric} needs {metric.cutoff} results, evaluate.top_k is {top_k}", hint="raise --top-k")
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
