"""Run a dataset through the engine, or take a stored run, and score what came back."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragcli import __version__
from ragcli.config.evaluate import EvaluateConfig
from ragcli.errors import DataError, UsageError
from ragcli.evaluate.hit_runs import HitRun, is_hit_run, parse_hit_run
from ragcli.evaluate.judgements import Dataset, Qrels
from ragcli.evaluate.lines import Lines
from ragcli.evaluate.make_dataset.note import synthetic_note
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.panel import Panel
from ragcli.evaluate.ranking import rank, rank_lines
from ragcli.evaluate.result import EvalResult, Question, curves
from ragcli.evaluate.retrieval import score, together
from ragcli.evaluate.retrieve import SHOWN, Retrieval, Retrieved, percentiles
from ragcli.evaluate.runs import Run, parse_run
from ragcli.evaluate.spans import Range, score_characters
from ragcli.evaluate.spending import Spending
from ragcli.evaluate.statistics import SEED
from ragcli.records import Query, Score

if TYPE_CHECKING:
    from ragcli.query.engine import Engine

_CURVE_DEPTH = 100
_LIBRARIES = ("faiss-cpu", "numpy", "onnxruntime", "tantivy", "tokenizers")


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


def evaluate(
    engine: "Engine", dataset: Dataset, metrics: Sequence[str], top_k: int, *, only: Collection[str] | None = None
) -> tuple[EvalResult, HitRun]:
    """Retrieve ``top_k`` documents for every judged query, and chunks where a metric needs them, and score them.

    Judgements on chunks (ids of chunks instead of names of documents) are scored against chunks.

    Args:
        engine: Which is asked.
        dataset: Questions and judgements.
        metrics: Names of metrics.
        top_k: Documents per question.
        only: Ask these questions alone; all of them may fail.

    Returns:
        The evaluation, and the run it scored.

    Raises:
        DataError: No judged document is in the index, a character metric is asked of a dataset without spans, or
            every query failed.
        UsageError: A metric has an unknown name, or a cutoff beyond ``top_k``.
    """
    evaluation = Evaluation(engine, dataset, metrics, top_k, only=only)
    for query in evaluation.questions:
        evaluation.ask(query)
    return evaluation.finish()


class Evaluation:
    """An evaluation under way, for whoever asks several engines in turn: ``evaluate`` question by question.

    Attributes:
        questions: To be asked, each once.
        fingerprints: Of what shapes the result.
    """

    def __init__(
        self,
        engine: "Engine",
        dataset: Dataset,
        metrics: Sequence[str],
        top_k: int,
        *,
        only: Collection[str] | None = None,
    ) -> None:
        self._wanted = _metrics(metrics, top_k)
        _check_spans(self._wanted, dataset)
        _check_preferences(self._wanted, dataset)
        self.fingerprints, self._unknown = shaping(engine, dataset, top_k)
        self._started = time.perf_counter()
        self._engine, self._dataset, self._top_k = engine, dataset, top_k
        self._all = only is None
        self._asked = dataset if only is None else dataset.restricted(only)
        self._of_chunks = self.fingerprints["judgements"] == "chunks"
        self._spans, self._lost = judged_spans(engine, self._asked)
        self._character_metrics = [metric for metric in self._wanted if metric.of_characters]
        by_chunk = self._of_chunks or bool(self._character_metrics)
        self._retrieval = Retrieval(engine, self._asked, top_k, self._spans, by_chunk=by_chunk)
        self.questions = self._asked.judged

    def ask(self, query: Query) -> None:
        """Retrieve for one question."""
        self._retrieval.ask(query)

    def finish(self) -> tuple[EvalResult, HitRun]:
        """The evaluation of all that was asked, and the run it scored; raises as ``evaluate`` does."""
        result, run = self._evaluated()
        result = _without_failed(result)
        if self._all and result.failures:
            result.mean(next(iter(result.values)))  # an error when nothing is left
        return result, run

    def _evaluated(self) -> tuple[EvalResult, HitRun]:
        """The evaluation with values of failed rows too, and the run."""
        engine, dataset, found, wanted = self._engine, self._dataset, self._retrieval.found, self._wanted
        qrels = self._asked.judgements
        run = found.run({**engine.fingerprints, "dataset": dataset.fingerprint})
        ranking = _chunk_scores(run) if self._of_chunks else run.documents()
        ranked = replace(rank(ranking, qrels), queries=tuple(qrels))
        characters = _characters(self._character_metrics, found.ranges, self._spans)
        spending = Spending(engine)
        scores = score(ranked, [metric for metric in wanted if not metric.of_characters])
        lost = self._lost if self._character_metrics else ()
        result = EvalResult(
            dataset=dataset.name,
            queries=ranked.queries,
            values={
                **_values(wanted, ranked.queries, scores, characters),
                "latency_ms": found.latency(ranked.queries),
                **spending.columns([found.questions[query] for query in ranked.queries]),
            },
            questions=_questions(self._asked, ranked.queries),
            fingerprints=self.fingerprints,
            unjudged=len(dataset.queries) - len(dataset.judged),
            missing=tuple(query for query in ranked.missing if query not in found.failures),
            unknown_documents=self._unknown,
            failures=found.failures,
            timings_ms=found.timings_ms,
            totals={
                **percentiles(found.timings_ms),
                **spending.totals(),
                **_of_run(wanted, scores, found.failures),
                **_late(found),
            },
            notes={**synthetic_note(dataset), **({"lost spans": "; ".join(lost)} if lost else {})},
            hits=found.shown,
            journeys=found.journeys,
            curves=_curves(run, qrels, [q for q in ranked.queries if q not in found.failures], self._top_k),
            created=_now(),
            seconds=time.perf_counter() - self._started,
        )
        return result, run


def shaping(engine: "Engine", dataset: Dataset, top_k: int) -> tuple[dict[str, str], tuple[str, ...]]:
    """Fingerprints of what shapes an evaluation, and the judged documents that the index has not.

    Raises:
        DataError: It has none of them.
    """
    unknown, of_chunks = _unknown(engine, dataset.judgements)
    shaped = {**engine.fingerprints, "dataset": dataset.fingerprint, "versions": _versions()}
    return _fingerprints(shaped, "chunks" if of_chunks else "documents", top_k, dataset.split), unknown


def evaluate_run(file: Path, judged: Qrels | Dataset | Panel, metrics: Sequence[str], name: str = "") -> EvalResult:
    """Score a stored run, TREC or ``run.jsonl``; nothing is searched.

    Args:
        file: The run; ``-`` is stdin.
        judged: Judgements alone, also those of several judges, or a dataset.
        metrics: Names of metrics.
        name: What the judgements are called, for those that have no name.

    Raises:
        DataError: The run cannot be read, none of its queries is judged, or it has not got what a metric needs.
        UsageError: A metric has an unknown name.
    """
    wanted = _metrics(metrics)
    dataset = judged if isinstance(judged, Dataset) else None
    _check_spans(wanted, dataset)
    _check_preferences(wanted, judged)
    started = time.perf_counter()
    lines = Lines.read(file)
    hits = parse_hit_run(lines) if is_hit_run(lines) else None
    qrels = judged if isinstance(judged, Qrels) else Qrels.of(judged.judgements)
    ranked = rank_lines(lines, qrels) if hits is None else rank(hits.documents(), qrels)
    if dataset is not None:  # whose ids may hold white space, which a TREC run percent-encodes
        ranked = replace(ranked, queries=tuple(dataset.judgements))
    usual = [metric for metric in wanted if not metric.of_characters]
    if isinstance(judged, Panel):
        scores = judged.score(parse_run(lines) if hits is None else Run.of(hits.documents()), usual)
    else:
        scores = score(ranked, usual)
    characters = [] if dataset is None else _stored_characters(dataset, hits, wanted)
    shaped = {} if hits is None else hits.fingerprints
    known = set(ranked.queries)
    return EvalResult(
        dataset=name if dataset is None else dataset.name,
        queries=ranked.queries,
        values=_values(wanted, ranked.queries, scores, characters),
        questions=() if dataset is None else _questions(dataset, ranked.queries),
        fingerprints=_fingerprints(
            {**shaped, "dataset": judged.fingerprint}, "documents", 0, "" if dataset is None else dataset.split
        ),
        unjudged=ranked.unjudged,
        missing=ranked.missing,
        totals=_of_run(wanted, scores),
        notes={} if dataset is None else synthetic_note(dataset),
        hits={} if hits is None else {query: tuple(own[:SHOWN]) for query, own in hits.hits.items() if query in known},
        created=_now(),
        seconds=time.perf_counter() - started,
    )


def _fingerprints(shaped: Mapping[str, str], judgements: str, top_k: int, split: str) -> dict[str, str]:
    """What shaped the numbers, as ``comparison.MUST_AGREE`` calls it."""
    named = {"split": split, "top_k": str(top_k) if top_k else ""}
    return {
        **shaped,
        **{name: value for name, value in named.items() if value},
        "judgements": judgements,
        "seed": str(SEED),
        "ragcli": __version__,
    }


def _versions() -> str:
    """Of the libraries that the numbers of a search depend on."""
    from importlib.metadata import version

    return ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)


def _values(
    wanted: Sequence[Metric], queries: Sequence[str], *groups: Sequence[Score]
) -> dict[str, NDArray[np.float64]]:
    """Values by metric in the order asked for, aligned with the queries; NaN where a query has none."""
    by_name = {score.metric: score.per_query for group in groups for score in group}
    nothing = float("nan")
    names = [str(metric) for metric in wanted if not metric.of_run]
    return {name: np.array([by_name[name].get(query, nothing) for query in queries]) for name in names}


def _late(found: Retrieved) -> dict[str, float]:
    return {"rerank_late": float(found.late)} if found.late else {}


def _of_run(wanted: Sequence[Metric], scores: Sequence[Score], failed: Collection[str] = ()) -> dict[str, float]:
    """Metrics that are one number of a whole run, over the queries that did not fail."""
    by_name = {score.metric: score.per_query for score in scores}
    rows = {
        metric: [value for query, value in by_name[str(metric)].items() if query not in failed]
        for metric in wanted
        if metric.of_run
    }
    return {str(metric): together(metric, np.array(values)) for metric, values in rows.items() if values}


def _questions(dataset: Dataset, queries: Sequence[str]) -> tuple[Question, ...]:
    texts = {query.id: query.text for query in dataset.queries}
    grades = dataset.judgements
    return tuple(
        Question(
            text=texts.get(query, ""),
            tags=tuple(dataset.tags.get(query, ())),
            must_pass=query in dataset.must_pass,
            relevant=sum(grade > 0 for grade in grades.get(query, {}).values()),
        )
        for query in queries
    )


def _curves(
    run: HitRun, qrels: Mapping[str, Mapping[str, int]], queries: Sequence[str], depth: int
) -> dict[str, tuple[float, ...]]:
    """Recall and precision over k, over documents."""
    found = np.zeros((len(queries), min(depth, _CURVE_DEPTH)), dtype=bool)
    for row, query in zip(found, queries, strict=True):
        names = list(run.hits.get(query, ()))[: len(row)]
        row[: len(names)] = [qrels[query].get(hit.document, 0) > 0 for hit in names]
    relevant = np.array([sum(grade > 0 for grade in qrels[query].values()) for query in queries], dtype=np.int64)
    return curves(found, relevant)


def _without_failed(result: EvalResult) -> EvalResult:
    """The result with NaN in the rows that failed, so that no mean counts them."""
    if not result.failures:
        return result
    failed = np.array([query in result.failures for query in result.queries])
    values = {name: np.where(failed, np.nan, column) for name, column in result.values.items()}
    return replace(result, values=values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _metrics(names: Sequence[str], top_k: int | None = None) -> list[Metric]:
    wanted = [Metric.parse(name) for name in names]
    for metric in wanted:
        if top_k is not None and metric.cutoff > top_k:
            raise UsageError(f"{metric} needs {metric.cutoff} results, evaluate.top_k is {top_k}", hint="raise --top-k")
    if wanted and all(metric.of_run for metric in wanted):
        raise UsageError(f"{wanted[0]} is one number of the whole run", hint="add a metric of each query, such as MAP")
    return wanted


def _check_spans(wanted: Sequence[Metric], dataset: Dataset | None) -> None:
    asked = next((metric for metric in wanted if metric.of_characters), None)
    if asked is not None and (dataset is None or not dataset.spans):
        raise DataError(f"{asked} needs judgements on spans, and there are none", hint="see docs/formats.md")


def _check_preferences(wanted: Sequence[Metric], judged: Qrels | Dataset | Panel) -> None:
    asked = next((metric for metric in wanted if metric.of_preferences), None)
    if asked is not None and not isinstance(judged, Panel):
        raise DataError(f"{asked} needs preferences of judges", hint="ragcli eval --run RUN --judges FILE")


def _unknown(engine: "Engine", qrels: Mapping[str, Mapping[str, int]]) -> tuple[tuple[str, ...], bool]:
    """Judged names that are not in the index, and whether the judgements are on chunks."""
    relevant = {name for grades in qrels.values() for name, grade in grades.items() if grade > 0}
    known = engine.known_documents(sorted(relevant))
    if known or not relevant:
        return tuple(sorted(relevant - known)), False
    from ragcli.workspace.document_sql import chunk_rows_by_id

    rows = chunk_rows_by_id(engine.generation.catalog, sorted(relevant))
    alive = {chunk for chunk, row in rows.items() if np.isin(row, engine.generation.chunk_rows)}
    if not alive:
        raise DataError(
            f"none of the {len(relevant)} judged documents is in the index",
            hint="judgements name a document by its path relative to the source, or by its record's id",
        )
    return tuple(sorted(relevant - alive)), True


def _chunk_scores(run: HitRun) -> dict[str, dict[str, float]]:
    return {query: {hit.chunk_id: hit.score for hit in hits} for query, hits in run.chunks.items()}


def judged_spans(engine: "Engine", dataset: Dataset) -> tuple[dict[str, list[Range]], tuple[str, ...]]:
    """Judged spans looked up in the index as it is, and those that are nowhere."""
    if not dataset.spans:
        return {}, ()
    from ragcli.evaluate.texts import Texts, references

    texts = Texts(
        engine.generation.catalog, lambda version: bool(np.isin(version.chunk_row, engine.generation.chunk_rows))
    )
    return references(dataset.spans, texts)


def _stored_characters(dataset: Dataset, run: HitRun | None, wanted: Sequence[Metric]) -> list[Score]:
    """Character metrics of a stored run: without the documents, only offsets tell where a span is."""
    metrics = [metric for metric in wanted if metric.of_characters]
    if not metrics:
        return []
    if run is None:
        raise DataError(f"{metrics[0]} needs the places of chunks, which a TREC run has not", hint="use a run.jsonl")
    quotes = [query for query, spans in dataset.spans.items() for span in spans if span.end < 0]
    if quotes:
        raise DataError(
            f"{len(quotes)} spans are given by quotes alone, which only the documents can tell the place of",
            hint="ragcli eval validate --fix FILE writes their offsets",
        )
    judged = {
        query: [Range(span.document, span.start, span.end) for span in spans] for query, spans in dataset.spans.items()
    }
    hits = run.chunks or run.hits
    ranges = {query: [Range(hit.document, hit.start, hit.end) for hit in own] for query, own in hits.items()}
    return _characters(metrics, ranges, judged)


def _characters(
    metrics: Sequence[Metric], ranges: Mapping[str, Sequence[Range]], judged: Mapping[str, Sequence[Range]]
) -> list[Score]:
    scores = []
    for metric in metrics:
        values = score_characters(ranges, judged, metric)
        scores.append(Score(str(metric), sum(values.values()) / max(len(values), 1), values))
    return scores
