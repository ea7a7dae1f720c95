"""Which paths of a folder are left out: globs and .gitignore files, both with Git's rules."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_MAX_BYTES = 2**20  # a larger .gitignore is no .gitignore


_NAMED_GROUP = re.compile(r"\(\?P<\w+>")


class _Patterns:
    """Patterns of one file or list; the last that matches a path decides."""

    def __init__(self, spec: "GitIgnoreSpec") -> None:
        self._spec = spec
        # One search tells for nearly every path that no pattern speaks of it, far faster than asking each.
        regexes = [pattern.regex.pattern for pattern in spec.patterns if pattern.regex is not None]
        self._any = re.compile("|".join(f"(?:{_NAMED_GROUP.sub('(?:', regex)})" for regex in regexes))

    def says(self, path: str) -> bool | None:
        """Whether a path is meant; None when no pattern speaks of it."""
        return self._spec.check_file(path).include if self._any.search(path) else None


class GlobSet:
    """Globs relative to a folder. A glob without a slash matches at any depth, as in .gitignore files."""

    def __init__(self, globs: Sequence[str]) -> None:
        self._patterns = _compile(globs) if globs else None

    def __bool__(self) -> bool:
        return self._patterns is not None

    def matches(self, path: str) -> bool:
        """Whether a relative path matches; a folder's path ends with a slash."""
        return self._patterns is not None and bool(self._patterns.says(path))


class _Rules(NamedTuple):
    base: str  # the folder of the .gitignore, relative to the source, with a slash at its end; "" for the source itself
    above: str  # for a .gitignore above the source: the source's path from there, with a slash at its end
    patterns: "_Patterns"

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


def _read(path: str) -> "_Patterns | None":
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        try:
            lines = file.read(_MAX_BYTES).decode("utf-8", "surrogateescape").splitlines()
        except OSError:
            return None
    return _compile(lines)


def _compile(lines: Sequence[str]) -> "_Patterns | None":
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines([line for line in lines if _is_valid(line)], backend="simple")
    return _Patterns(spec) if any(pattern.include is not None for pattern in spec.patterns) else None


def _is_valid(line: str) -> bool:
    """Git passes over a pattern that it cannot read; so do we."""
    from pathspec.patterns.gitignore import GitIgnorePatternError
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    try:
        GitIgnoreSpecPattern(line)
    except GitIgnorePatternError:
        return False
    return True
