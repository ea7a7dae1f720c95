"""Ask the engine and its answerer every question of a dataset, and score what they say."""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragcli import __version__
from ragcli.errors import BackendError, DataError
from ragcli.evaluate.answers.citations import Relevant
from ragcli.evaluate.answers.evaluation import OPERATIONS, check_metrics, completed, evaluate_answers, joined_answers
from ragcli.evaluate.answers.names import AnswerMetric
from ragcli.evaluate.answers.rows import AnswerRow, Citation
from ragcli.evaluate.answers.score import Tools, check_computable, left_note
from ragcli.evaluate.evaluation import judged_spans
from ragcli.evaluate.journeys import Journey, Tracker
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.result import EvalResult, Question
from ragcli.evaluate.resume import agreed
from ragcli.evaluate.retrieve import percentiles
from ragcli.evaluate.spans import Range
from ragcli.models.fingerprints import hash_parts

if TYPE_CHECKING:
    from ragcli.query.answering import Answered, Answering


@dataclass(slots=True)
class _Asked:
    """What was said, question by question."""

    rows: list[AnswerRow] = field(default_factory=list)
    answered: dict[str, "Answered"] = field(default_factory=dict)
    journeys: dict[str, tuple[Journey, ...]] = field(default_factory=dict)


def evaluate_live(
    answering: "Answering",
    dataset: Dataset,
    metrics: Sequence[AnswerMetric],
    tools: Tools,
    *,
    only: Collection[str] | None = None,
) -> EvalResult:
    """Answer all questions of a dataset, or only these, and score the answers; all of these may fail.

    A question without any relevant document is one that the documents do not answer: its answer is held against
    nothing but whether it is a refusal. ``refusal_precision`` and ``refusal_recall`` stand in the totals.

    Raises:
        DataError: Every question failed, or no answer has what a metric compares with.
        MissingModelError: A model is nowhere on this machine.
    """
    started = time.perf_counter()
    relevant = _relevant_documents(dataset)
    spans, _ = judged_spans(answering.engine, dataset)
    queries = [query for query in dataset.queries if only is None or query.id in only]
    wanted = {query.id: _relevant(relevant.get(query.id, ()), spans.get(query.id, ())) for query in queries}
    if only is None:
        known = [metric for metric in metrics if metric.measure != "judge_faithfulness"]  # its contexts come later
        check_computable(known, unanswered(dataset), wanted)
    asked = _asked(answering, replace(dataset, queries=tuple(queries)), relevant, spans)
    tools = replace(tools, relevant=wanted)
    result = evaluate_answers(asked.rows, metrics, tools, dataset.name, partly=only is not None)
    timings = {query: one.timings_ms for query, one in asked.answered.items()}
    return replace(
        result,
        values={**result.values, **_operations(asked, result.queries)},
        questions=tuple(
            Question(query.text, dataset.tags.get(query.id, ()), query.id in dataset.must_pass) for query in queries
        ),
        fingerprints={**result.fingerprints, **shaping(answering, dataset)},
        totals=_with_shares({**result.totals, **_totals(asked, relevant, result.failures), **percentiles(timings)}),
        journeys=asked.journeys,
        timings_ms=timings,
        seconds=time.perf_counter() - started,
    )


def unanswered(dataset: Dataset) -> list[AnswerRow]:
    """The questions of a dataset as they are before they are asked.

    One that the documents do not answer has no reference: all that its answer is held against is whether it refuses.
    """
    relevant = _relevant_documents(dataset)
    return [
        AnswerRow(query.id, "", query.text, dataset.answers.get(query.id, ()) if relevant.get(query.id) else ())
        for query in dataset.queries
    ]


def _relevant_documents(dataset: Dataset) -> dict[str, list[str]]:
    return {query: [name for name, grade in own.items() if grade > 0] for query, own in dataset.judgements.items()}


def shaping(answering: "Answering", dataset: Dataset) -> dict[str, str]:
    """Fingerprints of what shapes answers."""
    return {**answering.engine.fingerprints, "dataset": dataset.fingerprint, "answerer": answering.fingerprint}


def resume_live(
    answering: "Answering",
    dataset: Dataset,
    metrics: Sequence[AnswerMetric],
    tools: Tools,
    before: EvalResult,
    allowed: Collection[str] = (),
) -> EvalResult:
    """Ask the questions again that failed in ``before``, or whose judge did; the others are taken from it.

    Raises:
        NotComparableError: Other settings, documents or judgements would be mixed with those of ``before``.
        DataError: The dataset lacks a question that failed.
        UsageError: ``before`` has other metrics, or nothing of an allowed name.
    """
    check_metrics(metrics, before)
    shaped = {**before.fingerprints, **shaping(answering, dataset), "ragcli": __version__}
    agreed(before.fingerprints, shaped, allowed)
    if not before.failures:
        return before
    if gone := set(before.failures) - {query.id for query in dataset.queries}:
        raise DataError(f"question {min(gone)!r}, which failed, is not in the dataset")
    again = evaluate_live(answering, dataset, metrics, tools, only=before.failures)
    result = joined_answers(before, again, shaped, allowed)
    result = replace(result, totals=_with_shares({**result.totals, **percentiles(result.timings_ms)}))
    answers = hash_parts(before.fingerprints["answers"], again.fingerprints["answers"])[:16]
    return completed(result, _left_out(result, metrics), answers)


def _left_out(result: EvalResult, metrics: Sequence[AnswerMetric]) -> dict[str, str]:
    """Notes on metrics that some answers have nothing to be held against for, as ``score.left_out`` makes them."""
    notes: dict[str, str] = {}
    for metric in metrics:
        failed = result.failed(str(metric))
        if left := int(np.count_nonzero(np.isnan(result.values[str(metric)]) & ~failed)):
            notes |= left_note(metric, left, int(np.count_nonzero(~failed)))
    return notes


def _asked(
    answering: "Answering",
    dataset: Dataset,
    relevant: Mapping[str, Sequence[str]],
    spans: Mapping[str, Sequence[Range]],
) -> _Asked:
    """Every question, one after the other; one that a service fails on is noted, and the others go on."""
    asked = _Asked()
    tracker = Tracker(answering.engine, [name for names in relevant.values() for name in names])
    for query, row in zip(dataset.queries, unanswered(dataset), strict=True):
        try:
            one = answering.ask(query)
        except BackendError as error:
            asked.rows.append(replace(row, failure=error.message))
            continue
        asked.answered[query.id] = one
        asked.journeys[query.id] = tracker.follow(one.result, relevant.get(query.id, ()), one.context)
        texts = tuple(excerpt.text for excerpt in one.context.excerpts)
        cited = _citations(one, by_id=bool(spans.get(query.id)))
        asked.rows.append(replace(row, answer=one.answer.text, contexts=texts, citations=cited))
    return asked


def _citations(one: "Answered", *, by_id: bool) -> tuple[Citation, ...]:
    """Citations with their documents called as judgements call them; as spans do, by id."""
    ids = {excerpt.number: excerpt.document_id for excerpt in one.context.excerpts}
    return tuple(
        Citation(ids[cited.number] if by_id else cited.document, cited.start, cited.end)
        for cited in one.answer.citations
    )


def _relevant(documents: Sequence[str], spans: Sequence[Range]) -> Relevant:
    return Relevant(tuple(spans), frozenset(documents))


def _operations(asked: _Asked, queries: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """What each question took; NaN where it failed. Cost is left out where it is not known."""
    answers = [asked.answered[query].answer if query in asked.answered else None for query in queries]
    times = [
        sum(asked.answered[query].timings_ms.values()) if query in asked.answered else math.nan for query in queries
    ]
    tokens = [math.nan if answer is None else answer.input_tokens + answer.output_tokens for answer in answers]
    costs = [math.nan if answer is None or answer.cost is None else answer.cost for answer in answers]
    unknown = any(answer is not None and answer.cost is None for answer in answers)
    columns = dict(zip(OPERATIONS, (times, tokens, costs), strict=True))
    return {name: np.array(own) for name, own in columns.items() if not (unknown and name == "answer_cost")}


def _totals(asked: _Asked, relevant: Mapping[str, Sequence[str]], failed: Collection[str]) -> dict[str, float]:
    """What answering took, and counts of the answers that were scored; NaN where that is not known."""
    answers = {query: one.answer for query, one in asked.answered.items()}
    scored = {query: answer for query, answer in answers.items() if query not in failed}
    refused = {query for query, answer in scored.items() if answer.refused}
    unanswerable = {query for query in scored if not relevant.get(query)}
    costs = [math.nan if answer.cost is None else answer.cost for answer in answers.values()]
    return {
        "tokens_answer_input": float(sum(answer.input_tokens for answer in answers.values())),
        "tokens_answer_output": float(sum(answer.output_tokens for answer in answers.values())),
        "cost_answer": float(np.sum(costs)),
        "removed_citations": float(sum(answer.removed_citations for answer in scored.values())),
        "unanswerable": float(len(unanswerable)),
        "refused": float(len(refused)),
        "rightly_refused": float(len(refused & unanswerable)),
    }


def _with_shares(totals: Mapping[str, float]) -> dict[str, float]:
    """Totals with how well it refused; NaN where nothing was, or should have been."""
    rightly = totals["rightly_refused"]
    shares = {"refusal_precision": totals["refused"], "refusal_recall": totals["unanswerable"]}
    return {**totals, **{name: rightly / of if of else math.nan for name, of in shares.items()}}
