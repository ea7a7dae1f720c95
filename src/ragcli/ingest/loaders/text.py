"""Plain text: paragraphs, underlined headings, bullet lists."""

import re
from collections.abc import Iterator

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import check_length, first_heading, one_line, stem_of
from ragcli.ingest.loaders.decode import decode
from ragcli.ingest.loaders.guard import refusing
from ragcli.records import Block

_BULLET = re.compile(r"(?P<indent>[ \t]{0,12})(?:[-*+•◦▪‣–]|\d{1,3}[.)])[ \t]+\S")  # noqa: RUF001 - dashes are bullets too
_UNDERLINE = re.compile(r"(={3,}|-{3,}|~{3,})[ \t]*$")
_LEVELS = {"=": 1, "-": 2, "~": 3}
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
                blocks = text_blocks(text)
                yield Parsed(text, title=first_heading(blocks) or stem_of(file.path), blocks=tuple(blocks))


def text_blocks(text: str, offset: int = 0) -> list[Block]:
    """Blocks of plain text; ``offset`` is added to every position."""
    blocks: list[Block] = []
    lines: list[tuple[int, str]] = []
    start = 0
    for line in text.split("\n"):
        if line.strip():
            lines.append((start + offset, line))
        elif lines:
            blocks.extend(_group(lines))
            lines = []
        start += len(line) + 1
    blocks.extend(_group(lines))
    return blocks


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
    depth = 1 + len(bullet["indent"].expandtabs(4)) // 2
    return Block("list_item", start, _end(lines[-1]), level=depth)


def _end(line: tuple[int, str]) -> int:
    return line[0] + len(line[1].rstrip())
