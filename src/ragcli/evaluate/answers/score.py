"""Answers to values: every wanted metric over every row, with what defines it and what could not be scored."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragcli.config.judge import AnswersConfig, NoJudgeConfig
from ragcli.config.models import ModelsConfig
from ragcli.errors import ConfigError, DataError, UsageError
from ragcli.evaluate.answers import exact
from ragcli.evaluate.answers.cache import AnswerCache
from ragcli.evaluate.answers.citations import Relevant, citation_precision, citation_recall
from ragcli.evaluate.answers.names import AnswerMeasure, AnswerMetric
from ragcli.evaluate.answers.rouge import Rouge, RougeType, rouge
from ragcli.evaluate.answers.rows import AnswerRow

if TYPE_CHECKING:
    from ragcli.evaluate.answers.judge import Aspect, Judge
    from ragcli.models import Embedder

Values = NDArray[np.float64]

_ROUGE: dict[AnswerMeasure, RougeType] = {
    "ROUGE-1": "ROUGE-1",
    "ROUGE-2": "ROUGE-2",
    "ROUGE-L": "ROUGE-L",
    "ROUGE-Lsum": "ROUGE-Lsum",
}
_HINTS = {
    "reference": 'give each answer of a file "reference", each question that --live asks "answer"',
    "judgements": "citations are held against the documents that a dataset calls relevant: --live --dataset FILE",
    "contexts": 'give each answer "contexts"',
    "question": 'give each answer "question"',
}
_ASPECTS: dict[AnswerMeasure, "Aspect"] = {"judge_faithfulness": "faithfulness", "judge_relevance": "relevance"}


@dataclass(frozen=True, slots=True)
class Tools:
    """What metrics need beside the answers.

    Attributes:
        cache: File for values that are dear; None keeps none.
        embedder: Makes the embedder for ``similarity``.
        relevant: Row id -> what citations are held against.
    """

    config: AnswersConfig = field(default_factory=AnswersConfig.defaults)
    models: ModelsConfig = field(default_factory=ModelsConfig.defaults)
    cache: Path | None = None
    embedder: "Callable[[], Embedder] | None" = None
    relevant: Mapping[str, Relevant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnswerScores:
    """Values as ``EvalResult`` takes them.

    Attributes:
        values: Metric -> value of each row; NaN where it failed, or has nothing to be held against.
        notes: Metric or measure -> what defines it, and how many rows it leaves out.
        totals: Counts, and tokens and cost of the judge.
        failures: Row id -> why it failed.
    """

    values: Mapping[str, Values]
    notes: Mapping[str, str]
    totals: Mapping[str, float]
    failures: Mapping[str, str]


def score_answers(
    rows: Sequence[AnswerRow], metrics: Sequence[AnswerMetric], tools: Tools, *, partly: bool = False
) -> AnswerScores:
    """Score answers; of rows that are a part of many, a metric need not fit any.

    Raises:
        DataError: There are no rows, all failed, or none has what a metric compares with.
        UsageError: No metric is asked for.
        ConfigError: A metric needs a judge or an embedder, and there is none.
        MissingModelError: BERTScore's model is nowhere on this machine.
        BackendError: A model cannot be run.
    """
    if not metrics:
        raise UsageError("there is no metric to compute")
    live = [row for row in rows if not row.failure]
    if not live and not partly:
        first = f", the first because of: {rows[0].failure}" if rows else ""
        raise DataError(f"there is nothing to score: all {len(rows)} answers failed{first}")
    return _Run(rows, tools, partly).score(list(dict.fromkeys(metrics)))


@dataclass
class _Run:
    """One scoring, and what it gathers on its way."""

    rows: Sequence[AnswerRow]
    tools: Tools
    partly: bool
    notes: dict[str, str] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def score(self, metrics: Sequence[AnswerMetric]) -> AnswerScores:
        self.failures |= {row.id: row.failure for row in self.rows if row.failure}
        found: dict[AnswerMetric, Values] = {}
        for together in _together(metrics):
            found |= self._compute(together)
        self._count(metrics)
        values = {str(metric): found[metric] for metric in metrics}
        return AnswerScores(values, self.notes, self.totals, self.failures)

    def _count(self, metrics: Sequence[AnswerMetric]) -> None:
        """Count what is missing in the answers that did not fail."""
        scored = [row for row in self.rows if row.id not in self.failures]
        counts = {"empty_answers": sum(not row.answer.strip() for row in scored)}
        if any(metric.measure.startswith("citation_") for metric in metrics):
            judged = [row for row in scored if self.tools.relevant.get(row.id)]
            counts["uncited_answers"] = sum(not row.citations for row in judged)
        self.totals = {**counts, **self.totals}

    def _compute(self, metrics: Sequence[AnswerMetric]) -> dict[AnswerMetric, Values]:
        """Metrics that come out of one computation."""
        places = self._usable(metrics)
        rows = [self.rows[place] for place in places]
        columns = self._columns(metrics, rows) if rows else [()] * len(metrics)
        spread = {}
        for metric, column in zip(metrics, columns, strict=True):
            spread[metric] = np.full(len(self.rows), np.nan)
            spread[metric][places] = column
        return spread

    def _columns(
        self, metrics: Sequence[AnswerMetric], rows: Sequence[AnswerRow]
    ) -> Sequence[Sequence[float] | Values]:
        """One column of values a metric, of rows that have what it needs."""
        match metrics[0].measure:
            case "ROUGE-1" | "ROUGE-2" | "ROUGE-L" | "ROUGE-Lsum":
                return _rouge(metrics, rows)
            case "BERTScore":
                return self._bertscore(metrics, rows)
            case "similarity":
                return [self._similarity(rows)]
            case "judge_faithfulness" | "judge_relevance":
                return [self._judge(metrics[0], rows)]
            case "citation_precision" | "citation_recall":
                return [self._citations(metrics[0], rows)]
            case _:
                return [self._exact(metrics[0], rows)]

    def _usable(self, metrics: Sequence[AnswerMetric]) -> list[int]:
        """The rows that did not fail and have what metrics of one kind compare with.

        Raises:
            DataError: There are none, and the rows are all there are.
        """
        _, has = _need(metrics[0], self.tools.relevant)
        usable = [place for place, row in enumerate(self.rows) if not row.failure and has(row)]
        if not self.partly:
            check_computable(metrics[:1], self.rows, self.tools.relevant)
        self.notes |= left_out(metrics, self.rows, self.tools.relevant)
        return usable

    def _exact(self, metric: AnswerMetric, rows: Sequence[AnswerRow]) -> list[float]:
        match metric.measure:
            case "EM":
                return [exact.exact_match(row.answer, row.references) for row in rows]
            case "F1":
                return [exact.token_f1(row.answer, row.references) for row in rows]
            case "length":
                self.notes["length"] = "words, separated by white space"
                return [exact.length_words(row.answer) for row in rows]
            case _:
                refusals = exact.Refusals(self.tools.config.refusals)
                return [refusals.refuses(row.answer) for row in rows]

    def _citations(self, metric: AnswerMetric, rows: Sequence[AnswerRow]) -> list[float]:
        formula = citation_precision if metric.measure == "citation_precision" else citation_recall
        return [formula(row.citations, self.tools.relevant[row.id]) for row in rows]

    def _bertscore(self, metrics: Sequence[AnswerMetric], rows: Sequence[AnswerRow]) -> list[list[float]]:
        from ragcli.evaluate.answers.bertscore import BertScorer

        tools = self.tools
        scorer = BertScorer(tools.config.bertscore, tools.models, AnswerCache(tools.cache))
        scores = scorer.score([row.answer for row in rows], [row.references for row in rows])
        self.notes["BERTScore"] = scorer.note
        places = {"P": 0, "R": 1, "F1": 2}
        return [[score[places[metric.part]] for score in scores] for metric in metrics]

    def _similarity(self, rows: Sequence[AnswerRow]) -> Values:
        from ragcli.evaluate.answers.similarity import similarity

        if self.tools.embedder is None:
            raise ConfigError("similarity needs an embedder", hint="set index.embedder to something other than none")
        embedder = self.tools.embedder()
        self.notes["similarity"] = f"cosine, {embedder.name}"
        return similarity([row.answer for row in rows], [row.references for row in rows], embedder)

    def _judge(self, metric: AnswerMetric, rows: Sequence[AnswerRow]) -> Sequence[float]:
        from ragcli.evaluate.answers.judge import Judge

        config = self.tools.config.judge
        if isinstance(config, NoJudgeConfig):
            raise ConfigError(f"{metric} needs a language model", hint="set evaluate.answers.judge.kind to openai")
        aspect = _ASPECTS[metric.measure]
        judge = Judge(config, AnswerCache(self.tools.cache))
        try:
            opinions = judge.opinions(aspect, rows)
        finally:
            judge.close()
        self._account(judge)
        self.notes[str(metric)] = judge.note(aspect)
        for place, reason in opinions.failures.items():
            before = self.failures.get(rows[place].id)
            self.failures[rows[place].id] = f"{before}; {metric}: {reason}" if before else f"{metric}: {reason}"
        return opinions.values

    def _account(self, judge: "Judge") -> None:
        """Add what judging took to the totals; both aspects share them."""
        spent = judge.spent
        known = math.nan if spent.without_usage else 1.0
        added = {
            "tokens_judge_input": spent.input_tokens * known,
            "tokens_judge_output": spent.output_tokens * known,
            "cost_judge": judge.cost,
            "judge_requests": spent.asked,
            "judge_cached": spent.cached,
        }
        for name, value in added.items():
            self.totals[name] = self.totals.get(name, 0.0) + value
        if spent.without_usage:
            self.notes["tokens_judge"] = "the endpoint does not report the tokens of every reply"


def incomputable(
    metrics: Sequence[AnswerMetric], rows: Sequence[AnswerRow], relevant: Mapping[str, Relevant]
) -> list[AnswerMetric]:
    """The metrics that all answers, if there are any, have nothing to be held against for."""
    live = [row for row in rows if not row.failure]
    return [metric for metric in metrics if live and not any(map(_need(metric, relevant)[1], live))]


def check_computable(
    metrics: Sequence[AnswerMetric], rows: Sequence[AnswerRow], relevant: Mapping[str, Relevant]
) -> None:
    """Raise DataError where a metric has nothing to hold any answer against."""
    for metric in incomputable(metrics, rows, relevant):
        needed, live = _need(metric, relevant)[0], sum(not row.failure for row in rows)
        raise DataError(
            f"{metric} cannot be computed: none of the {live} answers has {needed}", hint=_HINTS.get(needed, "")
        )


def left_out(
    metrics: Sequence[AnswerMetric], rows: Sequence[AnswerRow], relevant: Mapping[str, Relevant]
) -> dict[str, str]:
    """Notes on metrics that some answers have nothing to be held against for: measure -> how many."""
    live = [row for row in rows if not row.failure]
    notes: dict[str, str] = {}
    for metric in metrics:
        _, has = _need(metric, relevant)
        if left := sum(not has(row) for row in live):
            notes |= left_note(metric, left, len(live))
    return notes


def left_note(metric: AnswerMetric, left: int, of: int) -> dict[str, str]:
    """The note that some of the answers have nothing to be held against for a metric."""
    needed, _ = _need(metric, {})
    return {f"{metric.measure} rows": f"{left} of {of} have no {needed}: not averaged"}


def _together(metrics: Sequence[AnswerMetric]) -> list[list[AnswerMetric]]:
    """Metrics in groups that one computation yields: all of ROUGE with or without stems, all of BERTScore."""
    groups: dict[object, list[AnswerMetric]] = {}
    for metric in metrics:
        if metric.measure in _ROUGE:
            key: object = ("ROUGE", metric.stem)
        else:
            key = metric.measure
        groups.setdefault(key, []).append(metric)
    return list(groups.values())


def _rouge(metrics: Sequence[AnswerMetric], rows: Sequence[AnswerRow]) -> list[list[float]]:
    types = list(dict.fromkeys(_ROUGE[metric.measure] for metric in metrics))
    scores = [rouge(row.answer, row.references, types, stem=metrics[0].stem) for row in rows]
    return [[_part(score[_ROUGE[metric.measure]], metric) for score in scores] for metric in metrics]


def _part(score: Rouge, metric: AnswerMetric) -> float:
    match metric.part:
        case "F1":
            return score.f1
        case "P":
            return score.precision
        case "R":
            return score.recall


def _need(metric: AnswerMetric, relevant: Mapping[str, Relevant]) -> tuple[str, Callable[[AnswerRow], bool]]:
    """What a metric compares an answer with, in words, and whether a row has it."""
    match metric.measure:
        case "citation_precision" | "citation_recall":
            return "judgements", lambda row: bool(relevant.get(row.id))
        case "judge_faithfulness":
            return "contexts", lambda row: bool(row.contexts)
        case "judge_relevance":
            return "question", lambda row: bool(row.question.strip())
        case _ if metric.needs_reference:
            return "reference", lambda row: bool(row.references)
        case _:
            return "answer", lambda _: True
