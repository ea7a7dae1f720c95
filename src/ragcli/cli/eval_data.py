"""``ragcli eval convert`` and ``ragcli eval validate``: datasets from one layout to another, and looked over."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, line
from ragcli.evaluate.counting import counted

if TYPE_CHECKING:
    from ragcli.evaluate.datasets.validate import Validation

DatasetArgument = Annotated[Path, typer.Argument(help="BEIR folder, TREC topics, JSONL or CSV.", show_default=False)]
SplitOption = Annotated[str, typer.Option(metavar="NAME", help="Which qrels/NAME.tsv of a BEIR folder.")]
QrelsOption = Annotated[
    Path | None, typer.Option(help="Judgements, TREC or BEIR format, instead of the dataset's own.", show_default=False)
]
LayoutOption = Annotated[
    Literal["beir", "trec", "jsonl", "csv"] | None,
    typer.Option("--to", help="Layout to write [default: what the target's suffix says].", show_default=False),
]


def convert(
    dataset: DatasetArgument,
    target: Annotated[Path, typer.Argument(help="File, or folder for beir and trec.", show_default=False)],
    to: LayoutOption = None,
    split: SplitOption = "test",
    qrels: QrelsOption = None,
    format: FormatOption = "table",
) -> None:
    """Write a dataset in another layout, and tell what that layout cannot hold."""
    from ragcli.evaluate.datasets import load_dataset
    from ragcli.evaluate.datasets.convert import layout_of, write_dataset

    output = Output("eval convert", format)
    layout = to or layout_of(target)
    questions = load_dataset(dataset, split, qrels)
    lost = write_dataset(questions, target, layout, split)
    for what in lost:
        output.warn(f"{layout} cannot hold: {what}")
    judgements = sum(map(len, questions.judgements.values()))
    result = {
        "target": target,
        "layout": layout,
        "questions": len(questions.queries),
        "judgements": judgements,
        "lost": lost,
    }
    asked, judged = counted(len(questions.queries), "question"), counted(judgements, "judgement")
    summary = f"eval convert: {asked}, {judged}; {target} ({layout})"
    output.emit(result, lambda: line(summary))


def validate(
    dataset: DatasetArgument,
    fix: Annotated[Path | None, typer.Option(help="Write a copy without the faults.", show_default=False)] = None,
    to: LayoutOption = None,
    split: SplitOption = "test",
    qrels: QrelsOption = None,
    format: FormatOption = "table",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Look for unknown ids, double judgements, questions without judgements, quotes that are nowhere or twice."""
    from ragcli.errors import DataError
    from ragcli.evaluate.datasets import read_dataset
    from ragcli.evaluate.datasets.convert import layout_of, write_dataset
    from ragcli.evaluate.datasets.validate import cleaned, validate_in
    from ragcli.workspace import Workspace

    output = Output("eval validate", format)
    layout = None if fix is None else to or layout_of(fix)
    settings = load(config, set_, workspace).config
    result, clean = validate_in(Workspace(settings.workspace.path), read_dataset(dataset, split, qrels))
    if not result.checked_documents:
        output.warn("there is no catalog, so that names of documents and quotes were not looked up; run ragcli ingest")
    error = None
    if fix is not None and layout is not None:
        for what in write_dataset(cleaned(result, clean), fix, layout, split):
            output.warn(f"{layout} cannot hold: {what}")
    elif result.problems:
        error = DataError(f"{dataset}: {_counted(result)}", hint="--fix FILE writes a copy without them")
    output.emit(result, lambda: _print(result, fix), error=error)


def _counted(result: "Validation") -> str:
    counts = Counter(problem.kind for problem in result.problems)
    return ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in counts.items())


def _print(result: "Validation", fix: Path | None) -> None:
    for problem in result.problems:
        line(f"{problem.where}: {problem.kind}: {problem.message}")
    done = f"; {fix} has none of them" if fix else ""
    line(
        f"eval validate: {counted(result.questions, 'question')}, {counted(result.judgements, 'judgement')},"
        f" {counted(result.spans, 'span')}; {counted(len(result.problems), 'problem')}{done}"
    )
    if result.unanswerable:
        line(
            f"{result.unanswerable:,} with an answer and no judgements: taken for ones that the documents do not answer"
        )
