"""Runs in the TREC format: ``query Q0 document rank score tag``, one result a line."""

import math
from collections.abc import Iterable
from pathlib import Path

from ragcli.errors import DataError


def read_run(file: Path) -> dict[str, dict[str, float]]:
    """Read a run; ranks are ignored, as trec_eval does.

    Raises:
        DataError: The file is missing, or a line is malformed or names a document twice for one query.
    """
    run: dict[str, dict[str, float]] = {}
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    _add(run, f"{file}:{number}", line.split())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read the run {file}: {error}") from error
    if not run:
        raise DataError(f"{file} holds no results")
    return run


def _add(run: dict[str, dict[str, float]], where: str, fields: list[str]) -> None:
    try:
        query, _, document, _, text, _ = fields
        value = float(text)
    except ValueError as error:
        raise DataError(f"{where}: expected 'query Q0 document rank score tag'") from error
    if math.isnan(value):
        raise DataError(f"{where}: the score is not a number")
    results = run.setdefault(query, {})
    if document in results:
        raise DataError(f"{where}: document {document!r} occurs twice for query {query!r}")
    results[document] = value


def trec_lines(query: str, results: Iterable[tuple[str, float]], tag: str) -> Iterable[str]:
    """Lines of a run for one query, results in ranked order.

    White space in ids is percent-encoded, because the format separates fields by it.
    """
    for rank, (document, value) in enumerate(results, 1):
        yield f"{_field(query)} Q0 {_field(document)} {rank} {value:.9g} {_field(tag)}"


def _field(text: str) -> str:
    return "".join(f"%{ord(letter):02X}" if letter.isspace() else letter for letter in text)
