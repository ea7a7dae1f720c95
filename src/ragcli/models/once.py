"""Folders of the cache that are made once, all or nothing, with a record of what is in them."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ragcli.errors import BackendError

_RECORD = "export.json"
_TEMPORARY = ".new-"
_ABANDONED_S = 3600.0


def read_record(folder: Path) -> dict[str, Any] | None:
    """The record of a folder that was made; None when there is none."""
    try:
        record = json.loads((folder / _RECORD).read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def make_once(folder: Path, make: Callable[[Path], Mapping[str, Any]]) -> dict[str, Any]:
    """The record of a folder that was made earlier, or is made now.

    Two processes at once may both make it; one result stays.

    Args:
        folder: Where it is to be.
        make: Fills another folder beside it, without subfolders, and returns the record.

    Raises:
        BackendError: It cannot be written.
    """
    import tempfile

    found = read_record(folder)
    if found is not None:
        return found
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_TEMPORARY))
        try:
            record = dict(make(temporary))
            _publish(temporary, record, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise BackendError(
            f"the model could not be exported into {folder.parent}: {error}",
            hint="set models.cache to a folder you can write, with room for a copy of the model",
        ) from error
    return record


def _publish(made: Path, record: Mapping[str, Any], folder: Path) -> None:
    """Move a finished folder into place, flushed; an equal one that is already there stays."""
    (made / _RECORD).write_text(json.dumps(record, indent=2), encoding="utf-8")
    for path in made.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    try:
        made.rename(folder)
    except OSError:
        if not (folder / _RECORD).is_file():
            raise


def _sweep(parent: Path) -> None:
    """Remove what killed processes left, once it is old enough to be nobody's work."""
    for leftover in parent.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if time.time() - leftover.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(leftover)
