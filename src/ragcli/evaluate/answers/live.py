"""Ask the engine and its answerer every question of a dataset, and score what they say."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ragcli.errors import BackendError
from ragcli.evaluate.answers.citations import Relevant
from ragcli.evaluate.answers.evaluation import evaluate_answers
from ragcli.evaluate.answers.names import AnswerMetric
from ragcli.evaluate.answers.rows import AnswerRow, Citation
from ragcli.evaluate.answers.score import Tools
from ragcli.evaluate.evaluation import judged_spans
from ragcli.evaluate.journeys import Journey, Tracker
from ragcli.evaluate.judgements import Dataset
from ragcli.evaluate.result import EvalResult, Question
from ragcli.evaluate.retrieve import percentiles
from ragcli.evaluate.spans import Range

if TYPE_CHECKING:
    from ragcli.query.answering import Answered, Answering
    from ragcli.query.engine import Engine


@dataclass(slots=True)
class _Asked:
    """What was said, question by question."""

    rows: list[AnswerRow] = field(default_factory=list)
    answered: dict[str, "Answered"] = field(default_factory=dict)
    journeys: dict[str, tuple[Journey, ...]] = field(default_factory=dict)


def evaluate_live(
    engine: "Engine",
    answering: "Answering",
    dataset: Dataset,
    metrics: Sequence[AnswerMetric],
    tools: Tools,
) -> EvalResult:
    """Answer all questions of a dataset and score the answers.

    A question without any relevant document is one that the documents do not answer: its answer is held against
    nothing but whether it is a refusal. ``refusal_precision`` and ``refusal_recall`` stand in the totals.

    Raises:
        DataError: Every question failed, or no answer has what a metric compares with.
        MissingModelError: A model is nowhere on this machine.
    """
    grades = dataset.judgements
    relevant = {query: [name for name, grade in own.items() if grade > 0] for query, own in grades.items()}
    spans, _ = judged_spans(engine, dataset)
    asked = _asked(engine, answering, dataset, relevant, spans)
    wanted = {row.id: _relevant(relevant.get(row.id, ()), spans.get(row.id, ())) for row in asked.rows}
    result = evaluate_answers(asked.rows, metrics, replace(tools, relevant=wanted), dataset.name)
    timings = {query: one.timings_ms for query, one in asked.answered.items()}
    return replace(
        result,
        questions=tuple(
            Question(query.text, dataset.tags.get(query.id, ()), query.id in dataset.must_pass)
            for query in dataset.queries
        ),
        fingerprints={
            **engine.fingerprints,
            **result.fingerprints,
            "dataset": dataset.fingerprint,
            "answerer": answering.fingerprint,
        },
        totals={**result.totals, **_totals(asked, relevant), **percentiles(timings)},
        journeys=asked.journeys,
        timings_ms=timings,
    )


def _asked(
    engine: "Engine",
    answering: "Answering",
    dataset: Dataset,
    relevant: Mapping[str, Sequence[str]],
    spans: Mapping[str, Sequence[Range]],
) -> _Asked:
    """Every question, one after the other; one that a service fails on is noted, and the others go on."""
    asked = _Asked()
    tracker = Tracker(engine, [name for names in relevant.values() for name in names])
    for query in dataset.queries:
        references = dataset.answers.get(query.id, ()) if relevant.get(query.id) else ()
        row = AnswerRow(query.id, "", query.text, references)
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


def _totals(asked: _Asked, relevant: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """What answering took, and how well it refused; NaN where that is not known, or nothing was refused."""
    answers = {query: one.answer for query, one in asked.answered.items()}
    refused = {query for query, answer in answers.items() if answer.refused}
    unanswerable = {query for query in answers if not relevant.get(query)}
    costs = [math.nan if answer.cost is None else answer.cost for answer in answers.values()]
    return {
        "tokens_answer_input": float(sum(answer.input_tokens for answer in answers.values())),
        "tokens_answer_output": float(sum(answer.output_tokens for answer in answers.values())),
        "cost_answer": float(np.sum(costs)),
        "removed_citations": float(sum(answer.removed_citations for answer in answers.values())),
        "unanswerable": float(len(unanswerable)),
        "refusal_precision": _share(refused & unanswerable, refused),
        "refusal_recall": _share(refused & unanswerable, unanswerable),
    }


def _share(part: set[str], whole: set[str]) -> float:
    return len(part) / len(whole) if whole else math.nan
