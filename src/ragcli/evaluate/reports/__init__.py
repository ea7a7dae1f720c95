"""One evaluation in the formats that people, pull requests and CI systems read."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

from ragcli.errors import BackendError, UsageError
from ragcli.evaluate.reports.report import Report
from ragcli.evaluate.store import write_whole

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
    """Refuse files of unknown kinds before any work is done.

    Raises:
        UsageError: A suffix is not known, or its folder does not exist.
    """
    for path in paths:
        if path.suffix.lower() not in _MODULES:
            raise UsageError(
                f"cannot tell what to write into {path}", hint=f"name it with one of: {', '.join(SUFFIXES)}"
            )
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}")


def write_reports(paths: Sequence[Path], report: Report) -> None:
    """Write each file in the format that its suffix names, whole or not at all.

    Raises:
        UsageError: A suffix is not known; then nothing is written.
        DataError: A file needs what the evaluation does not have, such as the run for ``.trec``.
        BackendError: A file cannot be written.
    """
    check_suffixes(paths)
    texts = [(path, render(path.suffix.lower(), report)) for path in paths]
    for path, text in texts:
        try:
            write_whole(path, text)
        except OSError as error:
            raise BackendError(f"cannot write {path}: {error.strerror or error}") from error


def render(suffix: str, report: Report) -> str:
    """The text of a report of one kind."""
    write: Callable[[Report], str] = import_module(f"{__name__}.{_MODULES[suffix]}").write
    return write(report)
