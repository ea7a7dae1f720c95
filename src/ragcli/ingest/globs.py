"""Git's glob patterns (gitignore(5)), each as one regular expression that cannot be made slow.

A ``*`` or ``**`` that another one follows takes as little as it can and never gives it back. That changes no result,
because the later one takes whatever the earlier one left, and it keeps a stranger's ``a*a*a*a*b`` linear.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_STAR = object()
_POSIX = {
    "alnum": r"a-zA-Z0-9",
    "alpha": r"a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": r"0-9",
    "graph": r"\x21-\x7e",
    "lower": r"a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\s",
    "upper": r"A-Z",
    "xdigit": r"0-9a-fA-F",
}


class _Pattern(NamedTuple):
    regex: str
    wanted: bool
    folders_only: bool


class GlobList:
    """Patterns of one file or list; the last that matches a path decides.

    Args:
        lines: As in a .gitignore file: comments and blank lines count for nothing, ``!`` takes a match back, a
            pattern without an inner slash matches at any depth, one with a slash at its end matches folders only.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        patterns = [pattern for line in lines if (pattern := _parse(line)) is not None]
        self._patterns = [(re.compile(regex), wanted, folders) for regex, wanted, folders in reversed(patterns)]
        # One search tells for nearly every path that no pattern speaks of it.
        self._any = re.compile("|".join(pattern.regex for pattern in patterns))

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def says(self, path: str) -> bool | None:
        """Whether a path is meant; None when no pattern speaks of it. A folder's path ends with a slash."""
        plain = path.removesuffix("/")
        if not self._patterns or not self._any.match(plain):
            return None
        is_folder = len(plain) < len(path)
        for regex, wanted, folders_only in self._patterns:
            if (is_folder or not folders_only) and regex.match(plain):
                return wanted
        return None

    def matches(self, path: str) -> bool:
        """Whether a path is meant. A folder's path ends with a slash."""
        return bool(self.says(path))


def _parse(line: str) -> _Pattern | None:
    text = _without_spaces(line.removesuffix("\n").removesuffix("\r"))
    if not text or text.startswith("#"):
        return None
    wanted = not text.startswith("!")
    text = text if wanted else text[1:]
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    if not text:
        return None
    if "/" not in text:
        text = f"**/{text}"
    try:
        return _Pattern(_regex(text.removeprefix("/")), wanted, folders_only)
    except ValueError:
        return None  # Git passes over what it cannot read, too


def _without_spaces(text: str) -> str:
    stripped = text.rstrip(" ")
    escaped = (len(stripped) - len(stripped.rstrip("\\"))) % 2 and len(stripped) < len(text)
    return f"{stripped} " if escaped else stripped


def _regex(pattern: str) -> str:
    """A pattern as a regular expression for the whole path."""
    groups: list[list[str]] = [[]]  # runs of segments between one ** and the next
    for segment in pattern.split("/"):
        if segment == "**":
            groups.append([])
        else:
            groups[-1].append(_segment(segment))
    first, *rest = ["/".join(group) for group in groups]
    if not rest:
        return rf"{first}\Z"
    parts = [f"{first}/" if groups[0] else ""]
    *middle, last = rest
    parts += [rf"(?>(?:[^/]+/)*?{group}/)" for group in middle if group]
    parts.append(rf"(?:[^/]+/)*{last}\Z" if groups[-1] else r"(?s:.+)\Z")
    return "".join(parts)


def _segment(segment: str) -> str:
    """One segment of a path, stars and all, as a regular expression."""
    pieces: list[str] = [""]  # between one star and the next
    for token in _tokens(segment):
        if isinstance(token, str):
            pieces[-1] += token
        else:
            pieces.append("")
    first, *rest = pieces
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle if piece) + f"[^/]*{last}"


def _tokens(segment: str) -> Iterable[object]:
    at = 0
    while at < len(segment):
        character = segment[at]
        at += 1
        if character == "*":
            yield _STAR
        elif character == "?":
            yield "[^/]"
        elif character == "[":
            token, at = _bracket(segment, at)
            yield token
        elif character == "\\":
            if at == len(segment):
                raise ValueError("a backslash at the end escapes nothing")
            yield re.escape(segment[at])
            at += 1
        else:
            yield re.escape(character)


def _bracket(segment: str, at: int) -> tuple[str, int]:
    """The set that starts behind a ``[``, as a regular expression, and where it ends."""
    negated = segment[at : at + 1] in {"!", "^"}
    at += negated
    items: list[str] = []
    start = at
    while at < len(segment) and (segment[at] != "]" or at == start):
        posix = re.compile(r"\[:(\w*):\]").match(segment, at)
        if posix:
            if posix[1] not in _POSIX:
                raise ValueError(f"no class is called {posix[1]}")
            items.append(_POSIX[posix[1]])
            at = posix.end()
            continue
        low, at = _literal(segment, at)
        if segment[at : at + 1] == "-" and segment[at + 1 : at + 2] not in {"]", ""}:
            high, at = _literal(segment, at + 1)
            items.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else "")
        else:
            items.append(re.escape(low))
    if at >= len(segment):
        raise ValueError("a [ without its ]")
    inside = "".join(items)
    if negated:
        return f"[^/{inside}]", at + 1
    return (f"(?!/)[{inside}]" if inside else r"(?!)"), at + 1


def _literal(segment: str, at: int) -> tuple[str, int]:
    if segment[at] == "\\":
        at += 1
    if at >= len(segment):
        raise ValueError("a set without its end")
    return segment[at], at + 1
