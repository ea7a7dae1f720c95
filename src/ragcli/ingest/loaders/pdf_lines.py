"""The lines of a PDF page with their places, measured at few characters each."""

import ctypes
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_BOLD_WEIGHT = 600
_MAX_FONT_NAME = 128
_WIDE_GAP = 1.0


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of a line with wide gaps around it; ``left`` and ``right`` in points."""

    text: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page; lengths in points, baselines from the bottom.

    Attributes:
        y: Baseline of the first character.
        last_y: Baseline of the last one: PDFium makes one line of two that a hyphen joins.
        size: Font size in its middle.
        bold: Whether its first and last characters are.
        cells: Its parts, when there are wide gaps in it.
    """

    text: str
    left: float
    right: float
    y: float
    last_y: float
    size: float
    bold: bool
    cells: tuple[Cell, ...] = ()


def read_lines(text_page: Any) -> Iterator[Line]:
    """The lines of a page in the order in which they are drawn."""
    position = 0
    for raw_line in text_page.get_text_range().split("\n"):
        text = raw_line.rstrip()
        if text.strip():
            skipped = len(text) - len(text.lstrip())
            yield _measure(text_page, text.lstrip(), position + skipped)
        position += len(raw_line) + 1


def _measure(text_page: Any, text: str, position: int) -> Line:
    from pypdfium2 import raw

    first = raw.FPDFText_GetCharIndexFromTextIndex(text_page, position)
    last = raw.FPDFText_GetCharIndexFromTextIndex(text_page, position + len(text) - 1)
    if first < 0 or last < first:
        return Line(text, 0.0, 0.0, 0.0, 0.0, 0.0, bold=False)
    left, _, y = _box(text_page, first)
    _, right, last_y = _box(text_page, last)
    size = _size(text_page, min(first + _middle_of(text), last))
    bold = _is_bold(text_page, first) and _is_bold(text_page, last)
    one_row = abs(y - last_y) < 0.5 * size
    cells: tuple[Cell, ...] = ()
    if one_row and last - first + 1 == len(text) and _has_wide_gap(text_page, first, len(text), size):
        cells = tuple(_cells(text_page, text, first, size))
    return Line(text, left, right, y, last_y, size, bold, cells if len(cells) > 1 else ())


def _has_wide_gap(text_page: Any, first: int, count: int, size: float) -> bool:
    """Whether the rectangles that PDFium draws around a selection of the line leave a gap."""
    from pypdfium2 import raw

    rectangles = raw.FPDFText_CountRects(text_page, first, count)
    if rectangles < 2:
        return False
    left, top, right, bottom = (ctypes.c_double() for _ in range(4))
    edge = math.inf
    for index in range(rectangles):
        raw.FPDFText_GetRect(text_page, index, left, top, right, bottom)
        if left.value - edge > _WIDE_GAP * size:
            return True
        edge = right.value
    return False


def _cells(text_page: Any, text: str, first: int, size: float) -> Iterator[Cell]:
    """The parts of a line between its wide gaps."""
    start = 0
    left = _box(text_page, first)[0]
    for index, letter in enumerate(text):
        if letter != " " or not text[index - 1 : index].strip() or not text[index + 1 : index + 2].strip():
            continue
        edge = _box(text_page, first + index - 1)[1]
        following = _box(text_page, first + index + 1)[0]
        if following - edge > _WIDE_GAP * size:
            yield Cell(text[start:index].strip(), left, edge)
            start, left = index + 1, following
    yield Cell(text[start:].strip(), left, _box(text_page, first + len(text) - 1)[1])


def _box(text_page: Any, index: int) -> tuple[float, float, float]:
    """Left, right and baseline of a character."""
    from pypdfium2 import raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    raw.FPDFText_GetCharBox(text_page, index, left, right, bottom, top)
    x, y = ctypes.c_double(), ctypes.c_double()
    raw.FPDFText_GetCharOrigin(text_page, index, x, y)
    return left.value, right.value, y.value


def _middle_of(text: str) -> int:
    """Index of a letter in the middle: a bullet, a footnote's mark or a space that PDFium put in has another size."""
    middle = len(text) // 2
    return middle + next((step for step, letter in enumerate(text[middle:]) if not letter.isspace()), 0)


def _is_bold(text_page: Any, index: int) -> bool:
    """By the font's weight, or by its name: the fourteen fonts that every viewer has come without a weight."""
    from pypdfium2 import raw

    if raw.FPDFText_GetFontWeight(text_page, index) >= _BOLD_WEIGHT:
        return True
    name = ctypes.create_string_buffer(_MAX_FONT_NAME)
    raw.FPDFText_GetFontInfo(text_page, index, name, _MAX_FONT_NAME, ctypes.c_int())
    return b"bold" in name.value.lower()


def _size(text_page: Any, index: int) -> float:
    """Font size as it appears: the nominal size times the scale of the text's matrix."""
    from pypdfium2 import raw

    size = float(raw.FPDFText_GetFontSize(text_page, index))
    matrix = raw.FS_MATRIX()
    if raw.FPDFText_GetMatrix(text_page, index, matrix):
        size *= math.hypot(matrix.c, matrix.d)
    return size
