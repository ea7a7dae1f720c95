"""Plain text: paragraphs, headings underlined or in capitals, bullet lists."""

import re
from collections.abc import Iterator
from dataclasses import replace

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import check_length, first_heading, one_line, stem_of
from ragcli.ingest.loaders.decode import decode
from ragcli.ingest.loaders.guard import refusing
from ragcli.records import Block

_BULLET = re.compile(r"(?P<indent>[ \t]{0,12})(?:[-*+•◦▪‣–]|\d{1,3}[.)])[ \t]+\S")  # noqa: RUF001 - dashes are bullets too
_UNDERLINE = re.compile(r"(={3,}|-{3,}|~{3,})[ \t]*$")
_LEVELS = {"=": 1, "-": 2, "~": 3}
_CAPITALS = re.compile(r"(?P<number>(?:\d{1,3}\.)*\d{1,3}[.)]?[ \t]+)?(?P<title>[^a-z]*[A-Z]{2}[^a-z]*[^a-z.,:;!?\s])")
_CAPITALS_LEVEL = 2
_MAX_HEADING_CHARS = 120


class TextLoader:
    """Reads plain text; its blocks lie over the text as it is."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when the file is blank."""
        with refusing("text"):
            text = decode(file.data)
            check_length(text, self._limits.max_text_chars)
            if text.strip():
                blocks = text_blocks(text, capitals=True)
                yield Parsed(text, title=first_heading(blocks) or stem_of(file.path), blocks=tuple(blocks))


def text_blocks(text: str, offset: int = 0, *, capitals: bool = False) -> list[Block]:
    """Blocks of plain text.

    Args:
        text: The text.
        offset: Added to every position.
        capitals: Whether a line of its own in capitals is a heading.
    """
    blocks: list[Block] = []
    lines: list[tuple[int, str]] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            lines.append((start + offset, line))
        elif lines:
            blocks.extend(_capitals(lines) if capitals and _is_in_capitals(lines) else _group(lines))
            lines = []
        start += len(line) + 1
    blocks.extend(_group(lines))
    return _nested(blocks)


def _group(lines: list[tuple[int, str]]) -> Iterator[Block]:
    """Blocks of lines without a blank one between them."""
    if len(lines) >= 2 and _is_underlined(lines[0][1], lines[1][1]):
        title = one_line(lines[0][1])
        yield Block("heading", lines[0][0], _end(lines[1]), level=_LEVELS[lines[1][1].strip()[0]], title=title)
        lines = lines[2:]
    run: list[tuple[int, str]] = []
    for line in lines:
        if run and _BULLET.match(line[1]):
            yield _block(run)
            run = []
        run.append(line)
    if run:
        yield _block(run)


def _is_in_capitals(lines: list[tuple[int, str]]) -> bool:
    return (
        len(lines) == 1
        and len(lines[0][1]) <= _MAX_HEADING_CHARS
        and _CAPITALS.fullmatch(lines[0][1].strip()) is not None
    )


def _capitals(lines: list[tuple[int, str]]) -> Iterator[Block]:
    """The heading that a line in capitals is; ``1.2`` before it lies a level below ``1.``."""
    line = lines[0][1].strip()
    found = _CAPITALS.fullmatch(line)
    parts = len(re.findall(r"\d+", found["number"])) if found and found["number"] else 1
    start = lines[0][0] + lines[0][1].index(line)
    yield Block("heading", start, _end(lines[0]), level=min(6, _CAPITALS_LEVEL + parts - 1), title=one_line(line))


def _nested(blocks: list[Block]) -> list[Block]:
    """The blocks with the indents of list items made depths: relative to the items before them."""
    indents: list[int] = []
    found: list[Block] = []
    for block in blocks:
        if block.kind != "list_item":
            indents = []
            found.append(block)
            continue
        while indents and indents[-1] > block.level:
            indents.pop()
        if not indents or indents[-1] < block.level:
            indents.append(block.level)
        found.append(replace(block, level=len(indents)))
    return found


def _is_underlined(title: str, below: str) -> bool:
    stripped = title.strip()
    return (
        len(stripped) <= _MAX_HEADING_CHARS
        and any(letter.isalnum() for letter in stripped)
        and _UNDERLINE.match(below.strip()) is not None
        and len(below.strip()) >= len(stripped) * 0.7
    )


def _block(lines: list[tuple[int, str]]) -> Block:
    start = lines[0][0] + len(lines[0][1]) - len(lines[0][1].lstrip())
    bullet = _BULLET.match(lines[0][1])
    if bullet is None:
        return Block("paragraph", start, _end(lines[-1]))
    return Block("list_item", start, _end(lines[-1]), level=len(bullet["indent"].expandtabs(4)))


def _end(line: tuple[int, str]) -> int:
    return line[0] + len(line[1].rstrip())
