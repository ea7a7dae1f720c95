"""An evaluation of answers, whole or of the rows that failed."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import astuple, replace
from datetime import UTC, datetime

from ragcli import __version__
from ragcli.errors import UsageError
from ragcli.evaluate.answers.names import AnswerMetric
from ragcli.evaluate.answers.rows import AnswerRow
from ragcli.evaluate.answers.score import Tools, left_out, score_answers
from ragcli.evaluate.result import EvalResult, Question
from ragcli.evaluate.resume import agreed, joined
from ragcli.models.fingerprints import hash_parts

OPERATIONS = ("latency_ms", "answer_tokens", "answer_cost")
"""What answering a question took, beside the metrics."""

_ROWS = " rows"  # notes on how many rows a metric leaves out end so


def evaluate_answers(
    rows: Sequence[AnswerRow], metrics: Sequence[AnswerMetric], tools: Tools, name: str, *, partly: bool = False
) -> EvalResult:
    """Score answers; see ``score_answers`` for what is raised.

    Args:
        rows: The answers.
        metrics: What to compute.
        tools: What it is computed with.
        name: What the answers are called.
        partly: Whether they are some of many: a metric then needs no answer that it can be computed of.
    """
    started = time.perf_counter()
    scores = score_answers(rows, metrics, tools, partly=partly)
    return EvalResult(
        dataset=name,
        queries=tuple(row.id for row in rows),
        values=scores.values,
        questions=tuple(Question(row.question) for row in rows),
        fingerprints={**scores.notes, "answers": _digest(rows, scores.failures), "ragcli": __version__},
        failures=scores.failures,
        totals=scores.totals,
        notes=scores.notes,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=time.perf_counter() - started,
    )


def resume_answers(
    rows: Sequence[AnswerRow],
    metrics: Sequence[AnswerMetric],
    tools: Tools,
    before: EvalResult,
    allowed: Collection[str] = (),
) -> EvalResult:
    """Score the rows that failed in ``before`` again; an answer that was missing then may be there now.

    Raises:
        NotComparableError: Other answers, or another judge, would be mixed with those of ``before``.
        UsageError: ``before`` has other metrics or rows, or nothing of an allowed name.
    """
    check_metrics(metrics, before)
    if tuple(row.id for row in rows) != before.queries:
        raise UsageError("the result to resume has other rows", hint="score the file anew, without --resume")
    shaped = {**before.fingerprints, "answers": _digest(rows, before.failures), "ragcli": __version__}
    agreed(before.fingerprints, shaped, allowed)
    again = [row for row in rows if row.id in before.failures and not row.failure]
    if not again:
        return before
    part = evaluate_answers(again, metrics, tools, before.dataset, partly=True)
    result = joined_answers(before, part, shaped, allowed)
    return completed(result, left_out(metrics, rows, tools.relevant), _digest(rows, result.failures))


def check_metrics(metrics: Sequence[AnswerMetric], before: EvalResult) -> None:
    """Raise UsageError unless a result to resume has these metrics."""
    names = [str(metric) for metric in metrics]
    had = [name for name in before.values if name not in OPERATIONS]
    if set(names) != set(had):
        raise UsageError(
            f"the result to resume has {', '.join(had)}, not {', '.join(names)}",
            hint=" ".join(f"--metric '{name}'" for name in had),
        )


def joined_answers(
    before: EvalResult, part: EvalResult, shaped: Mapping[str, str], allowed: Collection[str]
) -> EvalResult:
    """One result of both, without what ``completed`` adds.

    Args:
        before: What is gone on with.
        part: The rows of it that failed, scored again.
        shaped: Fingerprints of what shapes values now.
        allowed: Names of those that may differ from ``before``'s.

    Raises:
        NotComparableError: Others differ too, or what a metric is defined by does.
    """
    notes = {name: note for name, note in part.notes.items() if not name.endswith(_ROWS)}
    merged = agreed(before.fingerprints, {name: notes.get(name, value) for name, value in shaped.items()}, allowed)
    result = joined(before, replace(part, fingerprints=merged))
    notes = {name: merged.get(name, note) for name, note in {**before.notes, **notes}.items()}
    return replace(
        result,
        fingerprints={name: value for name, value in merged.items() if not name.endswith(_ROWS)},
        notes={name: note for name, note in notes.items() if not name.endswith(_ROWS)},
    )


def completed(result: EvalResult, left: Mapping[str, str], answers: str) -> EvalResult:
    """The result with notes on how many rows each metric leaves out, and the identity of its answers."""
    notes = {**result.notes, **left}
    return replace(result, notes=notes, fingerprints={**notes, **result.fingerprints, "answers": answers})


def _digest(rows: Sequence[AnswerRow], failures: Collection[str]) -> str:
    """Identity of the rows that did not fail, with all that shapes their values."""
    return hash_parts([repr(astuple(row)) for row in rows if row.id not in failures])[:16]
