"""``ragcli eval``: score the engine on questions with judgements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, columns, line
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.evaluate.evaluation import Evaluation
    from ragcli.evaluate.metrics import Run

EvalFormat: TypeAlias = Annotated[
    Literal["table", "json", "jsonl", "trec"],
    typer.Option("--format", help="jsonl prints one line a query; trec prints the run that was scored."),
]
DatasetOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="BEIR folder, or a folder or file with queries.jsonl [default: evaluate.dataset]."
    ),
]
SplitOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which qrels/NAME.tsv of a BEIR folder [default: evaluate.split]."),
]
MetricOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="Metric such as nDCG@10, P@5, recall@100. Repeatable [default: evaluate.metrics]."
    ),
]
TopKOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--top-k", "-k", metavar="N", help="How many documents are retrieved per query [default: evaluate.top_k]."
    ),
]
StrategyOption: TypeAlias = Annotated[
    Literal["dense", "lexical", "hybrid"] | None,
    typer.Option("--strategy", "-s", help="Search by meaning, by words, or both [default: query.strategy]."),
]
SaveRunOption: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the run in TREC format to this file.")
]


def evaluate(
    dataset: DatasetOption = None,
    split: SplitOption = None,
    metric: MetricOption = None,
    top_k: TopKOption = None,
    strategy: StrategyOption = None,
    per_query: Annotated[
        bool, typer.Option("--per-query", help="Also print every query's values, worst first.")
    ] = False,
    save_run: SaveRunOption = None,
    format: EvalFormat = "table",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Score the index on questions with judgements: precision, recall, MRR and nDCG in trec_eval's definitions."""
    flags = {
        "evaluate.dataset": dataset,
        "evaluate.split": split,
        "evaluate.metrics": metric or None,
        "evaluate.top_k": top_k,
        "query.strategy": strategy,
    }
    loaded = load(config, set_, workspace, flags).config

    from ragcli.evaluate.datasets import load_dataset
    from ragcli.evaluate.evaluation import evaluate as evaluate_engine
    from ragcli.evaluate.evaluation import required_dataset
    from ragcli.query.engine import Engine
    from ragcli.workspace import Workspace

    output = Output("eval", format)
    settings = loaded.evaluate
    questions = load_dataset(required_dataset(settings), settings.split)
    with Engine(loaded, Workspace(loaded.workspace.path)) as engine:
        for warning in engine.warnings:
            output.warn(warning)
        evaluation, run = evaluate_engine(engine, questions, settings.metrics, settings.top_k)
    _warn(output, evaluation)
    title = f"{evaluation.dataset}: {loaded.query.strategy}"
    if save_run is not None:
        _save(save_run, run)
    if format == "trec":
        print("".join(_trec(run)), end="")
    elif format == "jsonl":
        print("\n".join(_json_lines(evaluation)))
    else:
        output.emit(evaluation, lambda: _print(evaluation, title, per_query))


def _save(file: Path, run: "Run") -> None:
    try:
        file.write_text("".join(_trec(run)), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--save-run: {file} cannot be written: {error.strerror}") from error


def _warn(output: Output, evaluation: "Evaluation") -> None:
    if evaluation.unknown_documents:
        some = ", ".join(evaluation.unknown_documents[:3])
        output.warn(
            f"{len(evaluation.unknown_documents)} judged documents are not in the index and count as missed: {some}"
        )
    if evaluation.missing:
        output.warn(f"{len(evaluation.missing)} judged queries retrieved nothing and count 0")


def _trec(run: "Run") -> list[str]:
    from ragcli.evaluate.runs import trec_lines

    return [f"{line}\n" for query, results in run.items() for line in trec_lines(query, results.items(), "ragcli")]


def _json_lines(evaluation: "Evaluation") -> list[str]:
    import json

    return [
        json.dumps({"query": query, **values}, ensure_ascii=False) for query, values in evaluation.by_query().items()
    ]


def _print(evaluation: "Evaluation", title: str, per_query: bool) -> None:
    names = [score.metric for score in evaluation.scores]
    numbers = range(1, len(names) + 1)
    if per_query:
        worst_first = sorted(evaluation.by_query().items(), key=lambda item: (item[1][names[0]], item[0]))
        rows = [("query", *names), *((query, *map("{:.4f}".format, values.values())) for query, values in worst_first)]
        for text in columns(rows, right=numbers):
            line(text)
        print()
    line(title)
    for text in columns([(score.metric, f"{score.value:.4f}") for score in evaluation.scores], right=(1,)):
        line(text)
    rest = f", {evaluation.unjudged} without judgements left out" if evaluation.unjudged else ""
    generation = evaluation.fingerprints["generation"]
    line(f"{evaluation.queries} judged queries{rest}; generation {generation}; {evaluation.seconds:.1f} s")
