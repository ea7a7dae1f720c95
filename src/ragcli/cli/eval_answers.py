"""``ragcli eval answers``: score answers, from a file or asked for now, against references, contexts, judged spans."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragcli.cli.asking import ANSWERING, ASKING, Flags, load_asking, takes
from ragcli.cli.eval_options import (
    BaselineOption,
    DatasetOption,
    FailuresOption,
    GateOption,
    MarginOption,
    MaxOption,
    MinOption,
    MismatchOption,
    OutputOption,
    PerQueryOption,
    ResumeOption,
    SaveOption,
    SplitOption,
    TestOption,
)
from ragcli.cli.evaluate import Wanted, check_suffixes, earlier, emit, gates_of, held_against, print_report
from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output
from ragcli.errors import UsageError
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from ragcli.config.settings import Config
    from ragcli.evaluate.answers.names import AnswerMetric
    from ragcli.evaluate.answers.rows import AnswerRow
    from ragcli.evaluate.answers.score import Tools
    from ragcli.evaluate.result import EvalResult

DEFAULT_METRICS = ("EM", "F1", "ROUGE-L", "length", "refusal_rate")


@takes(asked=ASKING, answered=ANSWERING)
def answers(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="JSONL with answer, references, contexts.", show_default=False),
    ] = None,
    *,
    live: Annotated[
        bool, typer.Option("--live", help="Ask the index and its answerer the questions of a dataset, and score that.")
    ] = False,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Such as ROUGE-L, BERTScore, EM, F1, similarity, judge_faithfulness."),
    ] = None,
    asked: Flags,
    answered: Flags,
    baseline: BaselineOption = None,
    min_: MinOption = None,
    max_: MaxOption = None,
    gate: GateOption = None,
    margin: MarginOption = None,
    test: TestOption = "permutation",
    allow_mismatch: MismatchOption = None,
    max_failures: FailuresOption = 0,
    resume: ResumeOption = None,
    save: SaveOption = True,
    per_query: PerQueryOption = False,
    files: OutputOption = None,
    format: Annotated[Literal["table", "json", "jsonl"], typer.Option("--format", help="How it is printed.")] = "table",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Score answers: ROUGE, BERTScore, exact match, F1, citations, similarity, and a judging model where one is set."""
    check_suffixes(files or ())
    flags = {"evaluate.dataset": dataset, "evaluate.split": split, **asked, **answered}
    settings = load_asking(lambda more: load(config, set_, workspace, more), flags).config
    _check(file, live=live, dataset=dataset is not None or split is not None)
    if not live and any(value is not None for value in (*asked.values(), *answered.values())):
        raise UsageError("--strategy and its like say how --live asks", hint="add --live")
    gates = gates_of((min_, max_, margin), False, gate or (), allow_mismatch or (), test)
    wanted = Wanted(baseline, gates, max_failures, None, resume)
    output = Output("eval answers", format)
    result = _scored(settings, file, metric, wanted, output) if file else _live(settings, metric, wanted, output)
    if result.failures:
        first = next(iter(result.failures.items()))
        output.warn(
            f"failed and not averaged: {counted(len(result.failures), 'answer')}, such as {first[0]}: {first[1]}"
        )
    report = held_against(settings, result, None, wanted, output, keep=save)
    emit(output, report, None, lambda: print_report(report, str(file or result.dataset), per_query, None), files or ())


def _check(file: Path | None, *, live: bool, dataset: bool) -> None:
    """Whether the options make one kind of run."""
    if live == (file is not None):
        raise UsageError(
            "give a file of answers or --live, not both" if live else "give a file of answers, or --live to ask now",
            hint="ragcli eval answers --live --dataset questions.jsonl",
        )
    if dataset and not live:
        raise UsageError("--dataset and --split choose the questions that --live asks", hint="add --live")


def _metrics(
    names: Sequence[str] | None, rows: "Sequence[AnswerRow]", output: Output, remedy: str
) -> "list[AnswerMetric]":
    """Those that are named; otherwise the default ones, without references only those that need none."""
    from ragcli.evaluate.answers.names import AnswerMetric
    from ragcli.evaluate.answers.score import incomputable

    metrics = [AnswerMetric.parse(name) for name in names or DEFAULT_METRICS]
    left = [] if names else incomputable(metrics, rows, {})
    if left:
        output.warn(f"left out, as no answer has a reference: {', '.join(map(str, left))}; {remedy}")
    return [metric for metric in metrics if metric not in left]


def _live(config: "Config", names: Sequence[str] | None, wanted: Wanted, output: Output) -> "EvalResult":
    from ragcli.evaluate.answers.live import evaluate_live, resume_live, unanswered
    from ragcli.evaluate.datasets import load_dataset
    from ragcli.evaluate.evaluation import required_dataset
    from ragcli.query.answering import Answering
    from ragcli.query.engine import Engine
    from ragcli.workspace import Workspace

    questions = load_dataset(required_dataset(config.evaluate), config.evaluate.split)
    remedy = f'give each question of {questions.name} "answer"'
    metrics = _metrics(names, unanswered(questions), output, remedy)
    with Engine(config, Workspace(config.workspace.path)) as engine, Answering(engine) as answering:
        for warning in (*engine.warnings, *answering.warnings):
            output.warn(warning)
        tools = _tools(config)
        if wanted.resume is None:
            return evaluate_live(answering, questions, metrics, tools)
        before = earlier(config, wanted.resume, questions.name, output)
        allowed = wanted.gates.comparison.allow_mismatch
        return resume_live(answering, questions, metrics, tools, before, allowed)


def _tools(config: "Config") -> "Tools":
    from ragcli.evaluate.answers.score import Tools
    from ragcli.models.build import build_embedder

    return Tools(
        config.evaluate.answers,
        config.models,
        config.workspace.path / "answers.db",
        embedder=lambda: build_embedder(config.index.embedder, config.models),
    )


def _scored(config: "Config", file: Path, names: Sequence[str] | None, wanted: Wanted, output: Output) -> "EvalResult":
    from ragcli.evaluate.answers.evaluation import evaluate_answers, resume_answers
    from ragcli.evaluate.answers.rows import read_answers

    rows = read_answers(file)
    metrics = _metrics(names, rows, output, f'give each line of {file.name} "reference"')
    tools = _tools(config)
    if wanted.resume is None:
        return evaluate_answers(rows, metrics, tools, file.name)
    before = earlier(config, wanted.resume, file.name, output)
    return resume_answers(rows, metrics, tools, before, wanted.gates.comparison.allow_mismatch)
