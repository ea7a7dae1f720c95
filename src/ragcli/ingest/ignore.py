"""The .gitignore files of a folder, of the folders in it, and of the repository around it."""

import os
from pathlib import Path
from typing import NamedTuple

from ragcli.ingest.globs import GlobList
from ragcli.ingest.opening import open_file

_MAX_BYTES = 2**20  # a larger .gitignore is no .gitignore


class _Rules(NamedTuple):
    base: str  # the folder of the .gitignore, relative to the source, with a slash at its end; "" for the source itself
    above: str  # for a .gitignore above the source: the source's path from there, with a slash at its end
    patterns: GlobList

    def says(self, path: str) -> bool | None:
        """Whether the path is ignored; None when no pattern speaks of it."""
        return self.patterns.says(self.above + path[len(self.base) :])


class IgnoreRules:
    """The .gitignore files that are in force in one folder. The deepest that speaks of a path decides."""

    def __init__(self, rules: tuple[_Rules, ...] = ()) -> None:
        self._rules = rules  # deepest first

    def ignores(self, path: str) -> bool:
        """Whether a path below this folder is ignored; a folder's path ends with a slash."""
        for rules in self._rules:
            decision = rules.says(path)
            if decision is not None:
                return decision
        return False

    def entering(self, folder: str, base: str) -> "IgnoreRules":
        """The rules in force in a subfolder, given that it has a .gitignore.

        Args:
            folder: Where it is.
            base: Its path relative to the source, with a slash at its end unless empty.
        """
        patterns = _read(f"{folder}/.gitignore")
        return self if patterns is None else IgnoreRules((_Rules(base, "", patterns), *self._rules))


def rules_above(root: Path) -> IgnoreRules:
    """The .gitignore files between a source and the top of the repository it lies in.

    They are not in force when they ignore the source itself: whoever names an ignored folder wants it.
    """
    rules: list[_Rules] = []
    if _is_repository(root):
        return IgnoreRules()
    for folder in root.parents:
        patterns = _read(f"{folder}/.gitignore")
        if patterns is not None:
            rules.append(_Rules("", f"{root.relative_to(folder).as_posix()}/", patterns))
        if _is_repository(folder):
            found = IgnoreRules(tuple(rules))
            return IgnoreRules() if found.ignores("") else found
    return IgnoreRules()  # in no repository


def _is_repository(folder: Path) -> bool:
    return os.path.lexists(folder / ".git")


def _read(path: str) -> GlobList | None:
    try:
        with open_file(path) as file:
            lines = file.read(_MAX_BYTES).decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    patterns = GlobList(lines)
    return patterns or None
