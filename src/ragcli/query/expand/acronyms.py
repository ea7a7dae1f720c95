"""Acronyms and what they stand for, as texts define them: ``point in time recovery (PITR)``.

The rule is that of Schwartz, Hearst: A Simple Algorithm for Identifying Abbreviation Definitions in Biomedical Text,
PSB 2003: reading backwards, every letter of the short form is found in order in the words before it, the first one at
the beginning of a word.
"""

import re
from collections.abc import Iterator

_SHORT = r"[A-Z][A-Za-z0-9&-]{0,8}[A-Z0-9]s?"
_OPENING = re.compile(r"\(([A-Za-z][\w' &/-]{1,120})\)")
_SHORT_FORM = re.compile(_SHORT)
_SHORT_BEFORE = re.compile(rf"\b({_SHORT})\s*$")
_LONG_BEFORE = re.compile(r"[\w' /-]{3,120}$")
_LOOK_BACK_CHARS = 120
_ACRONYM = re.compile(r"\b[A-Z][A-Z0-9&-]{1,8}s?\b")


def acronyms_in(question: str) -> list[str]:
    """The words of a question that look like acronyms, each once; none where all of it is in capitals."""
    if question.isupper() and " " in question.strip():
        return []
    return list(dict.fromkeys(match.removesuffix("s") for match in _ACRONYM.findall(question)))


def definitions(text: str) -> Iterator[tuple[str, str]]:
    """(short form, long form) of every definition in a text."""
    for match in _OPENING.finditer(text):
        before = text[max(0, match.start() - _LOOK_BACK_CHARS) : match.start()]
        inside = match[1]
        if _SHORT_FORM.fullmatch(inside):
            words = _LONG_BEFORE.search(before)
            long = long_form(inside, words[0]) if words else ""
            if long:
                yield inside, long
        elif short := _SHORT_BEFORE.search(before):
            long = long_form(short[1], inside)
            if long == inside.strip():
                yield short[1], long


def long_form(short: str, before: str) -> str:
    """The end of ``before`` that ``short`` stands for; empty when it does not."""
    letters = [letter for letter in short.removesuffix("s").casefold() if letter.isalnum()]
    text = before.strip()
    folded = text.casefold()
    if len(folded) != len(text):  # a letter that folds to several: positions would not agree
        return ""
    place = len(folded)
    for index in range(len(letters) - 1, -1, -1):
        place -= 1
        while place >= 0 and not (
            folded[place] == letters[index] and (index > 0 or place == 0 or not folded[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return ""
    found = text[place:]
    words = len(found.split())
    if len(found) <= len(short) or words > min(len(letters) + 5, 2 * len(letters)) or short in found.split():
        return ""
    return found
