"""Evaluations kept in the workspace, so that later ones have something to be compared with.

One file a result in ``<workspace>/results``, named by time, written whole or not at all. The first line is the header
(id, branch, commit, dataset), so that a list need not read the values::

    {"schema": "ragcli/eval/v1", "id": "...", "branch": "main", "commit": "...", "dataset": "...", "created": "...",
    "result": {...}}
"""

import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ragcli.errors import BackendError, DataError
from ragcli.evaluate.branches import branch as current_branch
from ragcli.evaluate.branches import commit as current_commit
from ragcli.evaluate.result import MAX_BYTES, SCHEMA, EvalResult, parse, to_json

KEPT = 100
"""How many results are kept; older ones stay only while they are the newest of their branch and dataset."""
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{6}")
_HEADER_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored result, without its values."""

    id: str
    dataset: str
    branch: str
    commit: str
    created: str


class ResultStore:
    """The results of one workspace.

    Args:
        folder: ``Workspace.results``; made when the first result is saved.
        checkout: Where to look for the branch: a folder of the repository.
    """

    def __init__(self, folder: Path, checkout: Path | None = None) -> None:
        self.folder = folder
        self._checkout = checkout or Path.cwd()

    def save(self, result: EvalResult, *, kept: int = KEPT) -> Entry:
        """Store a result under a new id, without the texts of its hits, and let go of the oldest.

        Raises:
            BackendError: The workspace cannot be written to.
        """
        now = datetime.now(UTC)
        entry = Entry(
            id=f"{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(3)}",
            dataset=result.dataset,
            branch=current_branch(self._checkout),
            commit=current_commit(self._checkout),
            created=result.created or now.isoformat(timespec="seconds"),
        )
        header = json.dumps({"schema": SCHEMA, **asdict(entry)}, ensure_ascii=True)
        body = json.dumps(to_json(_lean(result)), ensure_ascii=True, allow_nan=False)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(entry.id), f'{header[:-1]},\n"result": {body}}}\n')
        except OSError as error:
            raise BackendError(f"cannot store the result in {self.folder}: {error.strerror or error}") from error
        self._let_go(kept)
        return entry

    def entries(self) -> list[Entry]:
        """All stored results, newest first; a file that is not one is passed over."""
        return list(self._entries())

    def load(self, reference: str, *, dataset: str = "") -> tuple[str, EvalResult]:
        """Find a result and read it.

        Args:
            reference: ``@last``, ``@branch:NAME``, an id of the store, or the path of a file.
            dataset: With ``@``, look only among results of this dataset; empty for any.

        Returns:
            What it is called, and the result.

        Raises:
            DataError: There is no such result, or it cannot be read.
        """
        if reference.startswith("@"):
            reference = self._find(reference, dataset).id
        path = self._path(reference) if _NAME.fullmatch(reference) else Path(reference)
        return path.name.removesuffix(".json") if path.parent == self.folder else str(path), read_result(path)

    def _find(self, reference: str, dataset: str) -> Entry:
        kind, _, name = reference[1:].partition(":")
        if reference != "@last" and not (kind == "branch" and name):
            raise DataError(f"{reference!r} names no stored result", hint="@last, @branch:NAME, an id, or a file")
        entries = self.entries()
        fitting = [entry for entry in entries if not dataset or entry.dataset == dataset]
        for entry in fitting:
            if kind == "last" or entry.branch == name:
                return entry
        where = f" on branch {name!r}" if kind == "branch" else ""
        known = ", ".join(sorted({entry.branch or "no branch" for entry in fitting})) or "none"
        raise DataError(
            f"no result{f' of {dataset}' if dataset else ''}{where} is stored in {self.folder}; stored are: {known}",
            hint="a CI job must restore that folder first, or name a file that ragcli eval -o FILE.json wrote",
        )

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _names(self) -> list[str]:
        with suppress(FileNotFoundError, NotADirectoryError):
            names = [path.name.removesuffix(".json") for path in self.folder.iterdir() if path.suffix == ".json"]
            return sorted((name for name in names if _NAME.fullmatch(name)), reverse=True)
        return []

    def _entries(self) -> Iterator[Entry]:
        for name in self._names():
            record = _header(self._path(name))
            if record is not None:
                yield Entry(name, *(str(record.get(key, "")) for key in ("dataset", "branch", "commit", "created")))

    def _let_go(self, kept: int) -> None:
        """Remove all but the newest, but leave the newest of each branch and dataset, at most ``kept`` of those too."""
        entries, seen, spared = self.entries(), set(), 0
        for index, entry in enumerate(entries):
            newest = (entry.branch, entry.dataset) not in seen
            seen.add((entry.branch, entry.dataset))
            if index < max(1, kept):
                continue
            if newest and entry.branch and spared < kept:
                spared += 1
            else:
                with suppress(OSError):  # another process may have removed it
                    self._path(entry.id).unlink()


def read_result(path: Path) -> EvalResult:
    """Read a result or a ``.json`` report.

    Raises:
        DataError: The file is missing, too large, or no result.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DataError(f"{path} is larger than {MAX_BYTES} bytes, which no result is")
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(
            f"cannot read the result {path}: {error.strerror or error}", hint="ragcli eval -o FILE.json writes one"
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all; raises OSError.

    Half of a surrogate pair, which UTF-8 cannot hold, is written as JSON's escape of it, and read back as it was.
    """
    temporary = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _lean(result: EvalResult) -> EvalResult:
    """The result without the texts of its hits, which would make a hundred stored ones as large as many corpora."""
    hits = {query: tuple(replace(hit, text="", spans=()) for hit in found) for query, found in result.hits.items()}
    return replace(result, hits=hits)


def _header(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            line = file.readline(_HEADER_BYTES).rstrip()
        record = json.loads(line.removesuffix(b",") + b"}" if line.endswith(b",") else line)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
