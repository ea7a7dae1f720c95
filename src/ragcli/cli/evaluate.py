"""``ragcli eval``: score the engine on questions with judgements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.evaluate.evaluation import Evaluation
    from ragcli.evaluate.metrics import Run

EvalFormat: TypeAlias = Annotated[
    Literal["table", "json", "jsonl", "trec"],
    typer.Option("--format", help="jsonl prints one line a query; trec prints the run that was scored."),
]
DatasetOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(help="BEIR folder, or a folder or file with queries.jsonl [default: evaluate.dataset]."),
]


def evaluate(
    dataset: DatasetOption = None,
    split: Annotated[str | None, typer.Option(help="Which qrels/<split>.tsv of a BEIR folder.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="Metric such as nDCG@10, P@5, recall@100. Repeatable.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="How many documents are retrieved per query.")] = None,
    strategy: Annotated[Literal["dense", "lexical", "hybrid"] | None, typer.Option(help="How to retrieve.")] = None,
    per_query: Annotated[
        bool, typer.Option("--per-query", help="Also print every query's values, worst first.")
    ] = False,
    save_run: Annotated[Path | None, typer.Option(help="Write the run in TREC format to this file.")] = None,
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
        save_run.write_text("".join(_trec(run)), encoding="utf-8")
    if format == "trec":
        print("".join(_trec(run)), end="")
    elif format == "jsonl":
        print("\n".join(_json_lines(evaluation)))
    else:
        output.emit(evaluation, lambda console: _print(console, evaluation, title, per_query))


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


def _print(console: "Console", evaluation: "Evaluation", title: str, per_query: bool) -> None:
    from rich.table import Table

    names = [score.metric for score in evaluation.scores]
    if per_query:
        rows = Table("query", *names, title="per query, worst first")
        for query, values in sorted(evaluation.by_query().items(), key=lambda item: (item[1][names[0]], item[0])):
            rows.add_row(query, *(f"{values[name]:.4f}" for name in names))
        console.print(rows)
    means = Table("metric", "mean", title=title)
    means.columns[1].justify = "right"
    for score in evaluation.scores:
        means.add_row(score.metric, f"{score.value:.4f}")
    console.print(means)
    rest = f", {evaluation.unjudged} without judgements left out" if evaluation.unjudged else ""
    console.print(
        f"{evaluation.queries} judged queries{rest}; generation {evaluation.fingerprints['generation']};"
        f" {evaluation.seconds:.1f} s"
    )
