"""From the lines of PDF pages to paragraphs, headings, list items and tables."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ragcli.ingest.loaders.compose import Composer, Piece, one_line
from ragcli.ingest.loaders.pdf_lines import Line
from ragcli.ingest.loaders.pdf_tables import Table, split_tables
from ragcli.ingest.loaders.words import words

_BULLET = re.compile(r"(?:[•▪◦‣●○■□∙]|[-–*·](?=\s))\s*")  # noqa: RUF001 - the dashes and dots that stand for bullets
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-z])[.)]\s+\S")
_RULE = re.compile(r"[-=_*~.·\s]{5,}")
_LEADERS = re.compile(r"(?: ?\.){4,} ?")
_DIGITS = re.compile(r"\d+")
_COMPOUND = re.compile(r"\w+-\w+")
_SOFT_HYPHENS = ("\ufffe", "\u00ad", "\u0002")
# Second halves that are compounds rather than the rest of a word.
_COMPOUND_TAILS = words("based centric driven oriented aware specific friendly related agnostic dependent optimized")
_HEADING_RATIO = 1.15
_BODY_SHARE = 0.15
_MAX_HEADING_CHARS = 150
_MAX_LEVELS = 3
_GAP_RATIO = 1.35
_MIN_WRAPPED_CHARS = 35


class PdfLayout:
    """Knows what is usual in a document, and writes its pages against that.

    Args:
        pages: The lines of every page, in the order of the file.
    """

    def __init__(self, pages: Sequence[Sequence[Line]]) -> None:
        self._pages = [_in_reading_order(page) for page in _without_running_lines(pages)]
        sizes: Counter[float] = Counter()
        for line in self._lines():
            sizes[round(line.size, 1)] += len(line.text)
        total = sum(sizes.values())
        self._body_size = max((size for size, chars in sizes.items() if chars >= _BODY_SHARE * total), default=0.0)
        self._sizes = sorted((size for size in sizes if size >= self._body_size * _HEADING_RATIO), reverse=True)
        self._compounds = {word.lower() for line in self._lines() for word in _COMPOUND.findall(line.text)}

    def write(self, composer: Composer) -> None:
        """Writes all pages."""
        for lines in self._pages:
            composer.page()
            for part in split_tables(lines):
                if isinstance(part, Table):
                    composer.table(part.rows, part.header_rows)
                    continue
                for group in self._groups(part):
                    self._write_group(group, composer)

    def largest_on_first_page(self) -> str:
        """The heading in the largest type on the first page, or in bold at its top: most often the title."""
        groups = list(self._groups(self._pages[0])) if self._pages else []
        large = [group for group in groups if self._level(group) and round(group[0].size, 1) in self._sizes]
        headings = large or [group for group in groups[:1] if self._level(group)]
        if not headings:
            return ""
        return self._joined(max(headings, key=lambda group: group[0].size))

    def _lines(self) -> Iterator[Line]:
        return (line for page in self._pages for line in page)

    def _groups(self, lines: Sequence[Line]) -> Iterator[list[Line]]:
        """Lines that make one paragraph, heading or list item. Ruling drawn with characters parts them."""
        gap = _usual_gap(lines)
        group: list[Line] = []
        for line in lines:
            is_rule = _RULE.fullmatch(line.text) is not None
            if group and (is_rule or self._starts_group(group, line, gap)):
                yield group
                group = []
            if not is_rule:
                group.append(line)
        if group:
            yield group

    def _starts_group(self, group: list[Line], line: Line, gap: float) -> bool:
        last = group[-1]
        if _BULLET.match(line.text) or (_NUMBERED.match(line.text) and not _is_wrapped(last, line, group)):
            return True
        if self._changes_type(group, line):
            return True
        drop = last.last_y - line.y
        if drop < -0.5 * line.size or drop > 20 * line.size:  # the next column
            return not (line.text[:1].islower() and not last.text.endswith((".", ":", "!", "?")))
        if drop > _GAP_RATIO * max(gap, 0.9 * line.size) or line.left > last.right or line.right < last.left:
            return True
        indented = 0.8 * line.size < line.left - last.left < 5 * line.size
        return indented and last.text.endswith((".", "!", "?", ":")) and len(group) > 1

    def _changes_type(self, group: list[Line], line: Line) -> bool:
        """Whether a heading begins or ends between the group and the line."""
        last = group[-1]
        if abs(line.size - last.size) > 0.1 * max(line.size, last.size):
            same_row = abs(last.last_y - line.y) < 0.6 * max(last.size, line.size)
            return not same_row or bool(self._level([line]) or self._level(group))
        return line.bold != last.bold and (self._is_bold_heading(group) or self._is_bold_heading([line]))

    def _level(self, group: Sequence[Line]) -> int:
        """Heading level from 1; 0 for other text."""
        text = " ".join(line.text for line in group)
        letters = sum(letter.isalpha() for letter in text)
        if len(text) > _MAX_HEADING_CHARS or letters < 3 or letters < 0.4 * len(text):
            return 0
        size = round(group[0].size, 1)
        if size in self._sizes:
            return min(self._sizes.index(size) + 1, _MAX_LEVELS)
        if self._is_bold_heading(group):
            return min(len(self._sizes), _MAX_LEVELS) + 1
        return 0

    def _is_bold_heading(self, group: Sequence[Line]) -> bool:
        """A short bold line of its own; text that is bold throughout has no such headings."""
        text = group[0].text
        return (
            len(group) <= 2
            and all(line.bold for line in group)
            and group[0].size >= self._body_size * 0.95
            and len(text) < 90
            and len(text.split()) <= 12
            and (text[:1].isupper() or text[:1].isdigit())
            and text[-1:].isalpha()
        )

    def _write_group(self, group: list[Line], composer: Composer) -> None:
        bullet = _BULLET.match(group[0].text)
        level = 0 if bullet else self._level(group)
        if level:
            composer.heading(self._joined(group), level)
        elif bullet:
            composer.list_item(self._joined(group)[len(bullet[0]) :])
        else:
            composer.add(Piece("paragraph", self._paragraph(group)))

    def _paragraph(self, group: Sequence[Line]) -> str:
        """Joins lines that were wrapped; lines that end early stay lines."""
        text = group[0].text
        for last, line in pairwise(group):
            text = self._join(text, line.text) if _is_wrapped(last, line, group) else f"{text}\n{line.text}"
        return "\n".join(_LEADERS.sub(" ", one_line(line)) for line in self._without_marks(text).split("\n"))

    def _joined(self, group: Sequence[Line]) -> str:
        text = group[0].text
        for line in group[1:]:
            text = self._join(text, line.text)
        return _LEADERS.sub(" ", one_line(self._without_marks(text))).strip()

    def _join(self, text: str, following: str) -> str:
        """Two lines as one; a hyphen at the break goes unless the word is a compound."""
        if text.endswith(_SOFT_HYPHENS):
            return self._dehyphenated(text[:-1], following)
        if text.endswith("-") and text[-2:-1].isalpha() and following[:1].islower():
            return self._dehyphenated(text[:-1], following)
        return f"{text} {following}"

    def _without_marks(self, text: str) -> str:
        """PDFium marks a hyphen at a line's end; the halves are joined here."""
        for mark in _SOFT_HYPHENS:
            head, *rest = text.split(mark)
            for part in rest:
                head = self._dehyphenated(head, part)
            text = head
        return text

    def _dehyphenated(self, text: str, following: str) -> str:
        before = re.search(r"\w+$", text[-60:])
        after = re.match(r"\w+", following)
        if before and after:
            compound = f"{before[0]}-{after[0]}".lower()
            if compound in self._compounds or after[0].lower() in _COMPOUND_TAILS or before[0].isdigit():
                return f"{text}-{following}"
        return text + following


def _is_wrapped(last: Line, line: Line, group: Sequence[Line]) -> bool:
    """Whether the break between two lines is only where the line was full."""
    if last.text.endswith(_SOFT_HYPHENS):
        return True
    if len(last.text) < _MIN_WRAPPED_CHARS or _is_tabular(last.text) or _is_tabular(line.text):
        return False
    width = max(other.right for other in group) - min(other.left for other in group)
    return last.right - last.left >= 0.7 * width or line.text[:1].islower()


def _is_tabular(text: str) -> bool:
    """Whether a line looks like a row of values rather than like prose."""
    if _LEADERS.search(text):
        return True
    words = text.split()
    values = sum(any(letter.isdigit() for letter in word) for word in words)
    return values >= 2 and values * 3 > len(words)


def _usual_gap(lines: Sequence[Line]) -> float:
    """The most usual distance of a page's baselines."""
    drops = Counter(
        round(last.last_y - line.y)
        for last, line in pairwise(lines)
        if 0 < last.last_y - line.y < 4 * max(line.size, 1)
    )
    return float(drops.most_common(1)[0][0]) if drops else 0.0


def _in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """A page whose top is drawn last is put in order; others, columns among them, stay as they are drawn."""
    runs: list[list[Line]] = []
    for line in lines:
        if not runs or line.y > runs[-1][-1].last_y + 0.5 * line.size:
            runs.append([])
        runs[-1].append(line)
    if not runs or all(run[0].y <= runs[0][0].y + 1.5 * run[0].size for run in runs):
        return list(lines)
    runs.sort(key=lambda run: -round(run[0].y))
    return [line for run in runs for line in run]


def _without_running_lines(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Pages without the headers and footers that repeat on most of them, page numbers aside."""
    if len(pages) < 3:
        return [list(page) for page in pages]
    counts: Counter[tuple[str, int]] = Counter()
    for page in pages:
        counts.update({_running_key(line) for line in [*page[:2], *page[-2:]]})
    repeated = {key for key, count in counts.items() if count >= 3 and count > 0.5 * len(pages)}
    return [_without_edges(page, repeated) for page in pages]


def _without_edges(page: Sequence[Line], repeated: set[tuple[str, int]]) -> list[Line]:
    """A page without running lines; where nothing else is on it, they are its text."""
    kept = [
        line
        for index, line in enumerate(page)
        if not ((index < 2 or index >= len(page) - 2) and _running_key(line) in repeated)
    ]
    return kept or list(page)


def _running_key(line: Line) -> tuple[str, int]:
    return _DIGITS.sub("#", line.text), round(line.y / 6)
