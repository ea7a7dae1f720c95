"""``ragcli eval answers``: score answers from a file against references, contexts and judged spans."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragcli.cli.eval_options import (
    BaselineOption,
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
)
from ragcli.cli.evaluate import Wanted, check_suffixes, earlier, emit, gates_of, held_against, print_report
from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output

if TYPE_CHECKING:
    from ragcli.config.settings import Config
    from ragcli.evaluate.result import EvalResult

DEFAULT_METRICS = ("EM", "F1", "ROUGE-L", "length", "refusal_rate")


def answers(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSONL with answer, references, contexts.", show_default=False)
    ],
    *,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Such as ROUGE-L, BERTScore, EM, F1, similarity, judge_faithfulness."),
    ] = None,
    baseline: BaselineOption = None,
    min_: MinOption = None,
    max_: MaxOption = None,
    gate: GateOption = None,
    margin: MarginOption = None,
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
    settings = load(config, set_, workspace).config
    gates = gates_of((min_, max_, margin), False, gate or (), allow_mismatch or ())
    wanted = Wanted(baseline, gates, max_failures, None, resume)
    output = Output("eval answers", format)
    result = _scored(settings, file, metric or DEFAULT_METRICS, wanted, output)
    if result.failures:
        first = next(iter(result.failures.items()))
        output.warn(f"{len(result.failures)} answers failed and are not averaged, such as {first[0]}: {first[1]}")
    report = held_against(settings, result, None, wanted, output, keep=save)
    emit(output, report, None, lambda: print_report(report, str(file), per_query, None), files or ())


def _scored(config: "Config", file: Path, names: Sequence[str], wanted: Wanted, output: Output) -> "EvalResult":
    from ragcli.evaluate.answers.evaluation import evaluate_answers, resume_answers
    from ragcli.evaluate.answers.names import AnswerMetric
    from ragcli.evaluate.answers.rows import read_answers
    from ragcli.evaluate.answers.score import Tools
    from ragcli.models.build import build_embedder

    metrics = [AnswerMetric.parse(name) for name in names]
    rows = read_answers(file)
    tools = Tools(
        config.evaluate.answers,
        config.models,
        config.workspace.path / "answers.db",
        embedder=lambda: build_embedder(config.index.embedder, config.models),
    )
    if wanted.resume is None:
        return evaluate_answers(rows, metrics, tools, file.name)
    before = earlier(config, wanted.resume, file.name, output)
    return resume_answers(rows, metrics, tools, before, wanted.gates.comparison.allow_mismatch)
