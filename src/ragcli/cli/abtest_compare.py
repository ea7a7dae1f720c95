"""``ragcli abtest compare`` and ``aa``: configurations held against each other on the same questions."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

from ragcli.cli.eval_options import DatasetOption, MarginOption, MismatchOption, SplitOption, TestOption, TopKOption
from ragcli.cli.options import SetOption, WorkspaceOption
from ragcli.errors import UsageError

MetricOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="What decides, nDCG@10 or latency_ms. Repeatable [default: evaluate.metrics]."),
]
OutputOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help="Also write .html, .md or .json. Repeatable."),
]
CompareFormat: TypeAlias = Annotated[
    Literal["table", "json", "md"], typer.Option("--format", help="How the result is printed.")
]


def compare(
    control: Annotated[Path, typer.Argument(metavar="CONTROL", help="Configuration that is in use.")],
    treatment: Annotated[list[Path], typer.Argument(metavar="TREATMENT", help="Configurations that may replace it.")],
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    metric: MetricOption = None,
    top_k: TopKOption = None,
    margin: MarginOption = None,
    test: TestOption = "permutation",
    allow_mismatch: MismatchOption = None,
    output: OutputOption = None,
    format: CompareFormat = "table",
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask configurations the same questions in turn, and decide which is better; exits as the verdict says."""
    raise UsageError("not there yet")


def aa(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration.")],
    *,
    dataset: DatasetOption = None,
    split: SplitOption = None,
    metric: MetricOption = None,
    top_k: TopKOption = None,
    format: CompareFormat = "table",
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Ask one configuration every question twice: how much two alike differ, and which metrics are not deterministic."""
    raise UsageError("not there yet")
