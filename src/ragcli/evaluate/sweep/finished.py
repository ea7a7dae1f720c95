"""Points that were scored before, kept by fingerprint, so that a sweep goes on where it was stopped."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from ragcli.errors import BackendError

Values = Mapping[str, Mapping[str, float]]
"""Metric -> query id -> value."""


class Finished:
    """One line of JSON for each scored point. A line that was cut off by a kill is passed over.

    Args:
        file: Made with its folder when the first point is kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known = _read(file)

    def get(self, key: str) -> Values | None:
        """The values of a point; None when it was not scored."""
        return self._known.get(key)

    def keep(self, key: str, values: Values) -> None:
        """Store a scored point, for good once this returns.

        Raises:
            BackendError: The file cannot be written.
        """
        self._known[key] = values
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a", encoding="utf-8") as out:
                out.write(f"\n{json.dumps({'point': key, 'values': values})}\n")  # a cut line may stand before it
                out.flush()
                os.fsync(out.fileno())
        except OSError as error:
            raise BackendError(f"cannot write {self._file}: {error.strerror or error}") from error


def _read(file: Path) -> dict[str, Values]:
    known: dict[str, Values] = {}
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return known
    for line in lines:
        try:
            record = json.loads(line)
            values = {
                str(metric): {str(query): float(value) for query, value in own.items()}
                for metric, own in record["values"].items()
            }
            known[str(record["point"])] = values
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return known
