"""The part of a chunk that shows best why it was found."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff]+")
_MARK = "…"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A short text on one line, without control characters, and the ranges in it to highlight."""

    text: str
    highlights: tuple[tuple[int, int], ...]


def snippet(text: str, words: Sequence[tuple[int, int]], size: int) -> Snippet:
    """A window of about ``size`` characters with as many different question words as possible.

    Args:
        text: The chunk.
        words: Ranges of the question's words in it, ascending.
        size: Longest result in characters, the marks for what was cut not counted.
    """
    start = _best_start(text, words, size)
    end = _word_end(text, min(len(text), start + size), start)
    start = _word_start(text, start, end)
    shown, places = _one_line(text[start:end])
    before = _MARK if text[:start].strip() else ""
    after = _MARK if text[end:].strip() else ""
    highlights = tuple(
        (len(before) + places[low - start], len(before) + places[high - start])
        for low, high in words
        if low >= start and high <= end
    )
    return Snippet(f"{before}{shown}{after}", highlights)


def one_line(text: str) -> str:
    """A text on one line, without control characters."""
    return _SPACE.sub(" ", text).strip()


def _one_line(text: str) -> tuple[str, list[int]]:
    """The text with white space run together, and where each of its characters went, one more for its end."""
    pieces: list[str] = []
    places: list[int] = []
    length = 0
    position = 0
    for gap in _SPACE.finditer(text):
        word = text[position : gap.start()]
        places += range(length, length + len(word))
        length += len(word)
        pieces.append(word)
        space = " " if length and gap.end() < len(text) else ""
        places += [length] * (gap.end() - gap.start())
        length += len(space)
        pieces.append(space)
        position = gap.end()
    rest = text[position:]
    places += range(length, length + len(rest) + 1)
    return "".join([*pieces, rest]), places


def _best_start(text: str, words: Sequence[tuple[int, int]], size: int) -> int:
    """Where the first of the windows with most different words begins; a little in front of its first word."""
    if len(text) <= size or not words:
        return 0
    best, best_start = 0, 0
    for place, (start, _) in enumerate(words):
        inside = {text[low:high].casefold() for low, high in words[place:] if high <= start + size}
        if len(inside) > best:
            best, best_start = len(inside), start
    lead = best_start - size // 5
    return max(0, min(lead, len(text) - size))


def _word_start(text: str, start: int, end: int) -> int:
    if start == 0 or text[start - 1].isspace():
        return start
    space = re.compile(r"\s").search(text, start, min(end, start + 30))
    return space.end() if space else start


def _word_end(text: str, end: int, start: int) -> int:
    if end >= len(text) or text[end].isspace():
        return end
    space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
    return space if space > max(start, end - 30) else end
