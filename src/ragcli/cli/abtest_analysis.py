"""``ragcli abtest analyze, power, simulate``: from events to a decision, and how many events that takes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragcli.cli.abtest_experiments import NameArgument, opened
from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption
from ragcli.cli.output import Output, columns, line

if TYPE_CHECKING:
    from ragcli.abtest.analysis import Analysis

FilesOption = Annotated[
    list[Path] | None,
    typer.Option("--output", "-o", metavar="FILE", help="Also write a .html, .md or .json file. Repeatable."),
]
ReportFormat = Annotated[
    Literal["table", "json", "md", "html"], typer.Option("--format", help="How the analysis is printed.")
]


def analyze(
    name: NameArgument,
    *,
    files: FilesOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: ReportFormat = "table",
) -> None:
    """Decide: first whether the experiment is sound, then every metric, then what to do (status 0, 10, 11 or 12)."""
    from ragcli.abtest.analysis import analyze as analyse

    output = Output("abtest analyze", format)
    with opened(config, set_, workspace, readonly=True) as store:
        found = analyse(store, name)
    _emit(output, found)


def _emit(output: Output, found: "Analysis") -> None:
    from ragcli.abtest.reports.document import document
    from ragcli.abtest.reports.markdown import write

    content = document(found) if output.format == "json" else None
    human = (lambda: print(write(found), end="")) if output.format == "md" else (lambda: _show(found))
    output.emit(content, human, error=found.failure)


def _show(found: "Analysis") -> None:
    from ragcli.abtest.reports import table

    line(table.headline(found))
    for check in found.health:
        line(f"{check.level}: {check.message}", indent=4)
    print()
    for text in columns([table.HEADS, *table.rows(found.findings)], right=(3, 4, 5, 7, 8)):
        line(text)
    print()
    for one in found.findings:
        line(f"{one.metric.name}, {one.treatment}:")
        for text in table.remarks(one):
            line(f"  {text}", indent=4)
    print()
    line(table.method(found))
    line(found.sentence)
