"""An analysis for other tools, for pull requests and as a page."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ragcli.errors import BackendError, UsageError
from ragcli.evaluate.store import write_whole

if TYPE_CHECKING:
    from ragcli.abtest.analysis import Analysis
    from ragcli.abtest.preference import Preference

SUFFIXES = (".html", ".md", ".json")


def check_suffixes(paths: Sequence[Path]) -> None:
    """Refuse files of unknown kinds before any work is done.

    Raises:
        UsageError: A suffix is not known, or its folder does not exist.
    """
    for path in paths:
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(
                f"cannot tell what to write into {path}", hint=f"name it with one of {', '.join(SUFFIXES)}"
            )
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}")


def document(found: "Analysis | Preference") -> dict[str, Any]:
    """As JSON knows it."""
    from ragcli.abtest.analysis import Analysis
    from ragcli.abtest.reports import json

    return json.analysis(found) if isinstance(found, Analysis) else json.preference(found)


def render(suffix: str, found: "Analysis | Preference") -> str:
    """The text of a report of one kind."""
    match suffix:
        case ".html":
            from ragcli.abtest.reports import html

            return html.write(found)
        case ".md":
            from ragcli.abtest.reports import markdown

            return markdown.write(found)
        case _:
            from json import dumps

            return dumps(document(found), ensure_ascii=False, indent=2) + "\n"


def write_reports(paths: Sequence[Path], found: "Analysis | Preference") -> None:
    """Write each file in the format that its suffix names, whole or not at all.

    Raises:
        BackendError: A file cannot be written.
    """
    for path in paths:
        text = render(path.suffix.lower(), found)
        try:
            write_whole(path, text)
        except OSError as error:
            raise BackendError(f"cannot write {path}: {error.strerror or error}") from error
