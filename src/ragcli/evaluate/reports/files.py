"""Files that a report is written into, in the formats that their suffixes name."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ragcli.errors import BackendError, UsageError
from ragcli.evaluate.store import write_whole


def check_files(paths: Sequence[Path], suffixes: Sequence[str]) -> None:
    """Refuse files of unknown kinds before any work is done.

    Raises:
        UsageError: A suffix is not known, or its folder does not exist.
    """
    for path in paths:
        if path.suffix.lower() not in suffixes:
            raise UsageError(
                f"cannot tell what to write into {path}", hint=f"name it with one of: {', '.join(suffixes)}"
            )
        if not path.parent.is_dir():
            raise UsageError(f"cannot write {path}: there is no folder {path.parent}")


def write_files(paths: Sequence[Path], render: Callable[[str], str]) -> None:
    """Write what ``render`` makes for each file's suffix, whole or not at all; nothing where it fails for one.

    Raises:
        BackendError: A file cannot be written.
    """
    texts = [(path, render(path.suffix.lower())) for path in paths]
    for path, text in texts:
        try:
            write_whole(path, text)
        except OSError as error:
            raise BackendError(f"cannot write {path}: {error.strerror or error}") from error
