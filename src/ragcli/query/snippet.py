"""The part of a chunk that shows best why it was found."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff]+")
_MARK = "…"
_FENCES = ("```", "~~~")
_CODE_INDENT = 4
_MOST_LINES = 8


@dataclass(frozen=True, slots=True)
class Snippet:
    """A short text without control characters, and the ranges in it to highlight."""

    text: str
    highlights: tuple[tuple[int, int], ...]


def snippet(text: str, words: Sequence[tuple[int, int]], size: int, line_starts: Collection[int] = ()) -> Snippet:
    """A window of about ``size`` characters with as many different question words as possible.

    Args:
        text: The chunk.
        words: Ranges of the question's words in it, ascending.
        size: Longest result in characters, the marks for what was cut not counted.
        line_starts: Where lines begin that stay lines, with their indentation; all else is run together.
    """
    start = _best_start(text, words, size)
    end = _word_end(text, min(len(text), start + size), start)
    start = _word_start(text, start, end)
    start, end = _few_lines(start, end, words, line_starts)
    shown, places = _laid_out(text[start:end], {place - start for place in line_starts})
    before = _MARK if text[:start].strip() else ""
    after = _MARK if text[end:].strip() else ""
    highlights = tuple(
        (len(before) + places[low - start], len(before) + places[high - start])
        for low, high in words
        if low >= start and high <= end
    )
    return Snippet(f"{before}{shown}{after}", highlights)


def line_starts(text: str, *, code: bool = False) -> Iterator[int]:
    """Where lines begin that say less once they are run together: table rows and code, and what follows them.

    Args:
        text: The chunk.
        code: All of it is code.
    """
    fenced = kept = False
    offset = 0
    for line in text.splitlines(keepends=True):
        bare = line.lstrip()
        if bare:
            margin = line[: -len(bare)]
            fence = bare.startswith(_FENCES)
            indented = len(margin.expandtabs(_CODE_INDENT)) >= _CODE_INDENT
            before, kept = kept, code or fenced or fence or bare[0] == "|" or indented
            fenced ^= fence
            if kept or before:
                yield offset + len(margin)
        offset += len(line)


def one_line(text: str) -> str:
    """A text on one line, without control characters."""
    return _SPACE.sub(" ", text).strip()


def _few_lines(start: int, end: int, words: Sequence[tuple[int, int]], line_starts: Collection[int]) -> tuple[int, int]:
    """The window, or the lines of it around its first word where they are too many."""
    bounds = [start, *(place for place in sorted(line_starts) if start < place < end), end]
    if len(bounds) - 1 <= _MOST_LINES:
        return start, end
    first = next((low for low, _ in words if low >= start), start)
    top = max(0, min(bisect_right(bounds, first) - 3, len(bounds) - 1 - _MOST_LINES))
    return bounds[top], bounds[top + _MOST_LINES]


def _laid_out(text: str, line_starts: Collection[int]) -> tuple[str, list[int]]:
    """The text with white space run together except in front of lines that stay lines.

    Returns:
        It, and where each of the text's characters went, one more for its end.
    """
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
        if space and gap.end() in line_starts:
            space = "\n" + " " * len(gap[0].rpartition("\n")[2].expandtabs(_CODE_INDENT))
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
