"""Where sentences end: one linear pass of regular expressions, for scripts with and without spaces.

Rules, not a model: a terminator ends a sentence when white space follows, unless it belongs to an abbreviation, an
initial or a list number, or a lower-case word goes on. CJK terminators need no space. Quotes and brackets that close
after a terminator stay with their sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_CLOSERS = "\"'”’»›)\\]}*_"  # noqa: RUF001 - quotation marks as people type them
_CJK_CLOSERS = "」』）》】〕”’\"'"  # noqa: RUF001 - quotation marks as people type them
_CJK_END = rf"(?P<cjk>[。！？｡]++[{_CJK_CLOSERS}]*+)(?!と)"  # noqa: RUF001 - a quotation goes on with "と"
_END = re.compile(rf"(?<![.!?…])(?P<marks>[.!?…؟۔।॥]++)[{_CLOSERS}]*+(?=\s|$)|{_CJK_END}")  # noqa: RUF001 - Urdu's full stop is meant
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n|[\f\v\u2029]")
_LINE = re.compile(r"\n")
# Text inside quoted data, such as a chat log, has its line breaks written as a backslash and an n.
_ESCAPED_PARAGRAPH = re.compile(rf"(?:\\n){{2,}}|{_PARAGRAPH.pattern}")
_ESCAPED_END = re.compile(_END.pattern.replace(r"(?=\s|$)", r"(?:(?:\\n)++|(?=\s|$))"))
_ESCAPED_LINE = re.compile(r"(?:\\n)+|\n")
_FIRST_WORD = re.compile(r"\s*(\S{1,64})")
_LAST_WORD = re.compile(r"[\w.]{1,24}$")
_BULLET = re.compile(r"\s*(?:[-*+•◦▪‣–—#>]|\(?(?:\d{1,3}|[A-Za-z])[.)])\s")  # noqa: RUF001 - dashes serve as bullets
_NUMBER = re.compile(r"\W*(?:\d{1,3}|[A-Za-z]|[ivxIVX]{1,5})")

# Lines of running text are this wide; shorter ones are headings, verses, addresses, wider ones whole paragraphs.
_WRAPPED_CHARS = range(40, 201)
_SAMPLE_CHARS = 20_000

_ABBREVIATION = re.compile(
    r"""(?ix) mrs? | ms | dr | prof | sr | jr | st | messrs | mme | mlle | hon | rev | gen | col | maj | sgt | capt
    | cpt | lt | cmdr | adm | gov | sen | rep | pres | vs | etc | viz | cf | e\.?g | i\.?e | ca | approx | al | et
    | ibid | eds? | inc | ltd | co | corp | llc | plc | bros | dept | univ | assn | ave | blvd | rd | mt | ft | [ap]\.m
    | u\.[skn] | e\.u | u\.s\.a | ph\.d | [mb]\.[ad] | [bm]\.sc | d\.c | bzw | usw | z\.b | d\.h | u\.a | vgl | evtl
    | ggf | inkl | zzgl | str | tel | env | sras? | sres | uds? | pág | núm"""
)
# These are abbreviations in front of a number and otherwise mostly words.
_NUMBERED = re.compile(
    r"""(?ix) nos? | nr | vols? | pp? | par | art | sec | ch | chap | figs? | eqs? | refs? | tab | abs | est | jan | feb
    | mar | apr | jun | jul | aug | sept? | oct | nov | dec | mon | tues? | wed | thurs? | fri | sat | sun"""
)
_DIGIT = re.compile(r"\s*[\[(]?\d")


@dataclass(frozen=True, slots=True)
class Sentence:
    """The range of a sentence without the white space around it, and whether its line or paragraph ends with it."""

    start: int
    end: int
    ends_line: bool = False
    ends_paragraph: bool = False


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Sentence]:
    """Sentences of ``text[start:end]`` in order; together they hold every character that is not white space.

    A line break ends a sentence too, unless it only wraps running text. A paragraph ends at a blank line.
    """
    yield from _splitter(text).split(start, len(text) if end is None else end)


@lru_cache(maxsize=1)
def _splitter(text: str) -> "_Splitter":
    """The splitter of a text: a document is asked for block by block."""
    return _Splitter(text)


class _Splitter:
    def __init__(self, text: str) -> None:
        self._text = text
        sample = text[:_SAMPLE_CHARS]
        # Capitals say nothing where all was lower-cased, or in a script without case.
        self._caseless = sum(map(str.isupper, sample)) * 200 < sum(map(str.islower, sample))
        escaped = sample.count("\\n") > sample.count("\n")
        self._paragraph = _ESCAPED_PARAGRAPH if escaped else _PARAGRAPH
        self._line = _ESCAPED_LINE if escaped else _LINE
        self._end = _ESCAPED_END if escaped else _END

    def split(self, start: int, end: int) -> Iterator[Sentence]:
        """Sentences of a range."""
        for paragraph in self._between(self._paragraph, start, end):
            for first, last in self._lines(*paragraph):
                for begin, stop in self._within(first, last):
                    yield Sentence(begin, stop, ends_line=stop == last, ends_paragraph=stop == paragraph[1])

    def _between(self, separator: re.Pattern[str], start: int, end: int) -> Iterator[tuple[int, int]]:
        """Ranges between separators without the white space around them; a separator that is not blank stays."""
        bounds = [start, *(found.end() for found in separator.finditer(self._text, start, end)), end]
        for pair in pairwise(bounds):
            first, last = self._trim(*pair)
            if first < last:
                yield first, last

    def _trim(self, start: int, end: int) -> tuple[int, int]:
        while start < end and self._text[start].isspace():
            start += 1
        while end > start and self._text[end - 1].isspace():
            end -= 1
        return start, end

    def _lines(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Lines of a paragraph, with wrapped ones joined."""
        lines = list(self._between(self._line, start, end))
        width = max((last - first for first, last in lines), default=0)
        joined = start
        for line, (following, _) in pairwise(lines):
            if not self._wraps(*line, following, width):
                yield joined, line[1]
                joined = following
        yield joined, end

    def _wraps(self, start: int, end: int, following: int, width: int) -> bool:
        """Whether the break after a line is there only because the next word had no room left."""
        if width not in _WRAPPED_CHARS or "|" in self._text[start:end] or _BULLET.match(self._text, following):
            return False
        word = _FIRST_WORD.match(self._text, following)
        return word is not None and end - start + 1 + len(word[1]) > width

    def _within(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Sentences of a line."""
        position = start
        for found in self._end.finditer(self._text, start, end):
            if found.end() < end and (found["cjk"] or self._ends(position, found, end)):
                yield self._trim(position, found.end())
                position = found.end()
        yield self._trim(position, end)

    def _ends(self, start: int, found: re.Match[str], end: int) -> bool:
        """Whether a terminator ends the sentence that begins at ``start``."""
        if _NUMBER.fullmatch(self._text, start, found.start()):
            return False
        if found["marks"] == "." and self._abbreviates(start, found.start()):
            return False
        return self._caseless or not self._goes_on(found.end(), end)

    def _abbreviates(self, start: int, end: int) -> bool:
        word = _LAST_WORD.search(self._text, max(start, end - 24), end)
        if word is None:
            return False
        if _NUMBERED.fullmatch(word[0]):
            return _DIGIT.match(self._text, end + 1) is not None
        initial = len(word[0]) == 1 and word[0].isalpha() and word[0] != "I"
        return initial or _ABBREVIATION.fullmatch(word[0]) is not None

    def _goes_on(self, start: int, end: int) -> bool:
        """Whether the next word starts in lower case."""
        word = _FIRST_WORD.match(self._text, start, end)
        return word is not None and word[1][0].islower()
