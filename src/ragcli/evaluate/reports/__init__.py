"""One evaluation in the formats that people, pull requests and CI systems read."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from ragcli.evaluate.reports.files import check_files, write_files
from ragcli.evaluate.reports.report import Report

_MODULES: Mapping[str, str] = {
    ".json": "json",
    ".jsonl": "jsonl",
    ".csv": "csv",
    ".md": "markdown",
    ".xml": "junit",
    ".trec": "trec",
    ".html": "html",
}
"""Suffix -> module, imported when it is asked for."""

SUFFIXES = tuple(_MODULES)


def check_suffixes(paths: Sequence[Path]) -> None:
    """Refuse files of unknown kinds before any work is done; see ``check_files``."""
    check_files(paths, SUFFIXES)


def write_reports(paths: Sequence[Path], report: Report) -> None:
    """Write each file in the format that its suffix names, whole or not at all.

    Raises:
        UsageError: A suffix is not known; then nothing is written.
        DataError: A file needs what the evaluation does not have, such as the run for ``.trec``.
        BackendError: A file cannot be written.
    """
    check_suffixes(paths)
    write_files(paths, lambda suffix: render(suffix, report))


def render(suffix: str, report: Report) -> str:
    """The text of a report of one kind."""
    write: Callable[[Report], str] = import_module(f"{__name__}.{_MODULES[suffix]}").write
    return write(report)
