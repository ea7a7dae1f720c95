"""A sweep from grid to winner."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ragcli import __version__
from ragcli.config.fingerprint import fingerprint
from ragcli.config.settings import Config
from ragcli.errors import BackendError, UsageError
from ragcli.evaluate.evaluation import evaluate
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.make_dataset.note import synthetic_note
from ragcli.evaluate.measures import Metric
from ragcli.evaluate.sweep.finished import Finished, Values
from ragcli.evaluate.sweep.grid import Grid, Point
from ragcli.evaluate.sweep.result import (
    ScoredPoint,
    SweepResult,
    Work,
    choose,
    compared,
    mean,
    split,
    standing,
)
from ragcli.evaluate.sweep.stages import SharingEngine, Stages
from ragcli.evaluate.sweep.workspaces import FOLDER, bring_up_to_date, find_origin, prepare, state_of, workspace_key
from ragcli.index.progress import NoProgress, Progress
from ragcli.workspace import Workspace
from ragcli.workspace.lock import WriterLock


@dataclass(frozen=True, slots=True)
class SweepOptions:
    """How a sweep goes.

    Attributes:
        metric: What the winner is chosen by.
        holdout: Share of the questions that only report.
        seed: Of the split and the intervals.
        fresh: Score points again that an earlier run has scored.
    """

    metric: str = "nDCG@10"
    holdout: float = 0.3
    seed: int = 0
    fresh: bool = False


def sweep(
    points: Sequence[Point],
    grid: Grid,
    dataset: Dataset,
    options: SweepOptions,
    progress: Progress | None = None,
) -> SweepResult:
    """Score every point and choose one. Killed at any instruction, the next run goes on from the last scored point.

    Args:
        points: The base configuration first.
        grid: What they were made from.
        dataset: Questions with judgements.
        options: How to choose.
        progress: Told of scored points.

    Raises:
        UsageError: ``holdout`` is no share, or the metric is unknown or needs more results than are retrieved.
        DataError: Too few questions are judged to split them.
        BusyError: Another sweep is at work in this workspace.
    """
    if not 0.0 < options.holdout < 1.0:
        raise UsageError(f"--holdout {options.holdout:g} is no share between 0 and 1", hint="--holdout 0.3")
    started = time.monotonic()
    chosen = Metric.parse(options.metric)
    if chosen.of_run:
        raise UsageError(f"{chosen} is one number of a whole run, which no question can be held out of", hint="MAP")
    metric = str(chosen)
    split([query.id for query in dataset.judged], options.holdout, options.seed)
    settings = points[0].loaded.config.workspace
    with WriterLock(Workspace(settings.path / FOLDER), settings.lock_timeout_s, "ragcli eval sweep"):
        run = _Run(points, dataset, metric, options, progress or NoProgress())
        run.run()
    return _result(run, points, grid, dataset, options, started)


class _Run:
    """Scores the points in the order that shares most: by workspace, then by index."""

    def __init__(
        self, points: Sequence[Point], dataset: Dataset, metric: str, options: SweepOptions, progress: Progress
    ) -> None:
        base = points[0].loaded
        self._points = points
        self._dataset = dataset
        self._metric = metric
        self._options = options
        self._progress = progress
        self._origin = find_origin(base)
        self._finished = Finished(base.config.workspace.path / FOLDER / "points.jsonl")
        self._stages = Stages()
        self._workspaces = self._indexes = 0
        self.values: dict[int, Mapping[str, float]] = {}
        self.resumed: set[int] = set()

    @property
    def work(self) -> Work:
        """What was done so far."""
        return Work(self._workspaces, self._indexes, self._stages.searches, self._stages.spared, len(self.resumed))

    def run(self) -> None:
        """Score every point."""
        for key, own in _grouped(self._points, lambda point: workspace_key(point.loaded.config, self._origin)):
            self._stages.forget()
            self._workspaces += 1
            prepared = prepare(own[0].loaded, key, self._origin)
            state = state_of(prepared)
            for _, alike in _grouped(own, lambda point: _index_key(point.loaded.config)):
                self._score_alike(alike, prepared, f"{key} {state}")

    def _score_alike(self, points: Sequence[Point], prepared: Config, documents: str) -> None:
        """Score points that search one index, which is built when the first of them was not scored before."""
        indexed = False
        for point in points:
            config = point.loaded.config.model_copy(update={"workspace": prepared.workspace, "ingest": prepared.ingest})
            name = self._name(config, documents)
            known = None if self._options.fresh else self._finished.get(name)
            if known is None:
                if not indexed:
                    bring_up_to_date(config)
                    self._indexes += 1
                    indexed = True
                known = self._score(config)
                self._finished.keep(name, known)
            else:
                self.resumed.add(point.number)
            self.values[point.number] = known[self._metric]
            self._progress.update("sweep", len(self.values), len(self._points))

    def _name(self, config: Config, documents: str) -> str:
        """Fingerprint of everything that shapes a point's values."""
        query = config.query.model_copy(update={"top_k": 1, "require_fresh": False})
        scoring = [__version__, self._dataset.fingerprint, self._metric, config.evaluate.top_k]
        return fingerprint(documents, config.index, query, scoring)

    def _score(self, config: Config) -> Values:
        with SharingEngine(config, Workspace(config.workspace.path), self._stages) as engine:
            result, _ = evaluate(engine, self._dataset, [self._metric], config.evaluate.top_k)
        if result.failures:
            query, reason = next(iter(result.failures.items()))
            raise BackendError(
                f"{len(result.failures)} questions failed, the first {query}: {reason}", hint="run the sweep again"
            )
        values = zip(result.queries, result.values[self._metric].tolist(), strict=True)
        # A character metric has no value for questions without spans.
        return {self._metric: {query: value for query, value in values if not math.isnan(value)}}


def _result(
    run: _Run, points: Sequence[Point], grid: Grid, dataset: Dataset, options: SweepOptions, started: float
) -> SweepResult:
    metric = str(Metric.parse(options.metric))
    base = run.values[0]
    parts = split(list(base), options.holdout, options.seed)
    tune = {number: mean(values, parts.tune) for number, values in run.values.items()}
    best = choose(points, tune, grid)
    winner = run.values[best.number]
    same = best.number == 0
    return SweepResult(
        dataset=dataset.name,
        metric=metric,
        seed=options.seed,
        tune_queries=len(parts.tune),
        held_out_queries=len(parts.held_out),
        points=tuple(
            ScoredPoint(point.number, point.settings, tune[point.number], point is best, point.number in run.resumed)
            for point in points
        ),
        base=standing(points[0], base, parts, options.seed),
        winner=standing(best, winner, parts, options.seed),
        comparison=None if same else compared(metric, base, winner, parts.held_out, options.seed),
        notes=synthetic_note(dataset),
        work=run.work,
        seconds=round(time.monotonic() - started, 3),
    )


def unseen_candidates(points: Sequence[Point]) -> bool:
    """Whether points differ in ``query.candidates`` below ``evaluate.top_k``, where it changes nothing."""
    found = {point.loaded.config.query.candidates for point in points}
    return len(found) > 1 and min(found) < points[0].loaded.config.evaluate.top_k


def _grouped(points: Sequence[Point], key: Callable[[Point], str]) -> list[tuple[str, list[Point]]]:
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(key(point), []).append(point)
    return list(groups.items())


def _index_key(config: Config) -> str:
    """Identity of the index that a configuration needs; how thoroughly it is searched does not shape it."""
    vectors = config.index.vectors.model_copy(update={"ef_search": 1, "nprobe": 1})
    return fingerprint(config.index.embedder, config.index.context, vectors, config.index.lexical)
