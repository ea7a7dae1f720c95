"""``strategy: auto``: which arms a question deserves, by its text alone.

A look-up names what it wants: an identifier, a code, a path, a flag, a quoted phrase. Words find those, and meaning
only adds what resembles them. Everything else is asked both ways.
"""

import re
from dataclasses import dataclass
from typing import Literal

_QUOTED = re.compile(r"\"[^\"]*\w[^\"]*\"|“[^”]*\w[^”]*”|«[^»]*\w[^»]*»|`[^`]*\w[^`]*`")
_IDENTIFIERS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "an address or path",
        re.compile(r"\w+://\S+|(?:~|\.{1,2})?(?:/[\w.@-]+)+/?|[\w.-]+(?:/[\w.@-]+)*/[\w-]+\.\w{1,5}"),
    ),
    ("a path", re.compile(r"[A-Za-z]:\\\S+")),
    ("a flag", re.compile(r"--?[A-Za-z][\w-]*(?:=\S*)?")),
    ("a hash", re.compile(r"(?:0x)?(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{6,}|0x[0-9a-fA-F]+")),
    (
        "a code",
        re.compile(r"(?=[\w.-]*\d)(?=[\w.-]*[A-Za-z])[A-Za-z]{1,8}[-_]?\d[\w]*(?:[-_.]\w+)*|[A-Z]{2,}(?:-\w+)+"),
    ),
    ("a version or number", re.compile(r"v?\d+(?:\.\d+)+[\w.-]*|\d{3,}")),
    ("a name in code", re.compile(r"_*[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+_*|\w+(?:\.\w+)*\(\)|[A-Za-z_]\w*(?:::\w+)+")),
    ("a name in code", re.compile(r"[a-z]+(?:[A-Z][a-z0-9]*)+|(?:[A-Z][a-z0-9]+){2,}")),
    ("a dotted name", re.compile(r"[A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+")),
)
_WRAPPING = ".,;:!?()[]{}'\"“”«»`"
_ASKING = re.compile(
    r"(?i)(?:what|how|why|when|where|who|whom|whose|which|is|are|was|were|do|does|did|can|could|should|would|will|may"
    r"|must|has|have|am|explain|describe|tell)(?:'s|n't)?\b"
)
_LONGEST_LOOKUP_WORDS = 6
_LONGEST_LOOKUP_CHARS = 300


@dataclass(frozen=True, slots=True)
class Route:
    """How a question is asked, and why."""

    strategy: Literal["lexical", "hybrid"]
    reason: str


def route(question: str) -> Route:
    """Words alone for a look-up, words and meaning for everything else.

    A question put in words (``What does E1042 mean?``) is no look-up, whatever it names: the words around the name say
    what is wanted of it.
    """
    text = question.strip()
    if len(text) > _LONGEST_LOOKUP_CHARS:
        return Route("hybrid", "a sentence")
    words = _QUOTED.sub(" ", text).split()
    asking = _ASKING.match(text) is not None or text.endswith(("?", "\uff1f", "\u061f"))
    if asking:
        return Route("hybrid", "a question")
    quoted = _QUOTED.search(text)
    if quoted is not None and len(words) <= _LONGEST_LOOKUP_WORDS:
        return Route("lexical", f"{quoted[0]} is a quoted phrase")
    if len(words) > _LONGEST_LOOKUP_WORDS:
        return Route("hybrid", "a sentence")
    for word in words:
        kind = identifier(word)
        if kind:
            shown = word.strip(",;:!?") if word.endswith("()") else word.strip(_WRAPPING)
            return Route("lexical", f"{shown} is {kind}")
    return Route("hybrid", "words that identify nothing")


def identifier(word: str) -> str:
    """What kind of identifier a word is; empty for a word of a language."""
    bare = word.strip(_WRAPPING)
    for shape in (word.rstrip(",;:!?"), bare):  # a call keeps its parentheses
        for kind, pattern in _IDENTIFIERS:
            if pattern.fullmatch(shape):
                return kind
    return ""
