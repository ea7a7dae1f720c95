"""Markdown: blocks laid over the text as it was written, front matter read and left out."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import check_length, first_heading, one_line, stem_of
from ragcli.ingest.loaders.decode import decode
from ragcli.ingest.loaders.front_matter import split_front_matter
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.languages import fence_language
from ragcli.records import Block

_TAG = re.compile(r"<[^<>]*>")
_HTML_HEADING = re.compile(r"\s*<h([1-6])\b[^<>]*>(.{1,500}?)</h\1>\s*", re.DOTALL | re.IGNORECASE)
_MARKUP = re.compile(r"[\\`*_\[\]<>!&]")
_ANCHOR = re.compile(r"\s*\{[#.:][^{}]*\}\s*$")
_DATA_URL = re.compile(r"data:[\w.+/;=-]{0,100}base64,[\w+/=%-]{40,}")
_MAX_TITLE_CHARS = 500


class MarkdownLoader:
    """Reads CommonMark with tables, as GitHub writes them."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when the file is blank. Its text starts after the front matter."""
        with refusing("Markdown"):
            source = without_data_urls(decode(file.data))
            check_length(source, self._limits.max_text_chars)
            metadata, start = split_front_matter(source)
            text = source[start:].lstrip("\n")
            if not text.strip():
                return
            blocks = markdown_blocks(text)
            title = metadata.get("title")
            name = one_line(str(title)) if isinstance(title, str | int | float) else ""
            yield Parsed(
                text,
                title=name or first_heading(blocks) or stem_of(file.path),
                blocks=tuple(blocks),
                metadata=metadata,
            )


def markdown_blocks(text: str) -> list[Block]:
    r"""Blocks of a text whose lines end in ``\n``. Only block structure is parsed; text inside stays as it is."""
    markdown = _commonmark()
    tokens: list[Any] = []
    markdown.block.parse(text, markdown, {}, tokens)
    return list(_Layout(text, markdown).read(tokens))


@cache
def _commonmark() -> Any:
    """The parser, which keeps nothing of what it parsed; to make one takes longer than a short page."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table")


class _Layout:
    """Turns tokens with line numbers into blocks with offsets."""

    def __init__(self, text: str, markdown: Any) -> None:
        self._text = text
        self._markdown = markdown
        self._starts = [0]
        for line in text.split("\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def read(self, tokens: Sequence[Any]) -> Iterator[Block]:
        index = 0
        while index < len(tokens):
            token = tokens[index]
            end = _closing(tokens, index) if token.nesting == 1 else index
            if token.map is not None:
                yield from self._read_one(token, tokens[index + 1 : end])
            index = end + 1

    def _read_one(self, token: Any, inside: Sequence[Any]) -> Iterator[Block]:
        first, last = token.map
        start, end = self._span(first, last)
        if start >= end:
            return
        match token.type:
            case "heading_open":
                yield from self._read_heading(token, inside, start, end)
            case "paragraph_open":
                yield Block("paragraph", start, end)
            case "blockquote_open":
                yield Block("quote", start, end)
            case "fence":
                yield Block("code", start, end, language=fence_language(token.info))
            case "code_block":
                yield Block("code", min(self._starts[first], start), end)
            case "bullet_list_open" | "ordered_list_open":
                yield from self._read_list(token, inside)
            case "html_block":
                yield from self._read_html(start, end)
            case "table_open":
                yield Block("table", start, end, header_end=min(end, self._span(first, first + 2)[1]))
            case _:
                pass  # rules between sections have no text

    def _read_heading(self, token: Any, inside: Sequence[Any], start: int, end: int) -> Iterator[Block]:
        title = self._plain(inside[0].content) if inside else ""
        if title:
            yield Block("heading", start, end, level=int(token.tag[1]), title=title)

    def _read_list(self, token: Any, inside: Sequence[Any]) -> Iterator[Block]:
        """One block per item; an item's lines below a nested list are a block of their own, at its depth."""
        first, last = token.map
        owner = [(0, 0)] * (last - first)
        depth = 1
        for item in inside:
            if item.type in {"bullet_list_open", "ordered_list_open"}:
                depth += 1
            elif item.type in {"bullet_list_close", "ordered_list_close"}:
                depth -= 1
            elif item.type == "list_item_open":
                begin, stop = item.map[0] - first, min(item.map[1], last) - first
                owner[begin:stop] = [(item.map[0] + 1, depth)] * (stop - begin)
        begin = 0
        for line in range(1, len(owner) + 1):
            if line == len(owner) or owner[line] != owner[begin]:
                start, end = self._span(first + begin, first + line)
                if start < end:
                    yield Block("list_item", start, end, level=owner[begin][1] or 1)
                begin = line

    def _read_html(self, start: int, end: int) -> Iterator[Block]:
        source = self._text[start:end]
        heading = _HTML_HEADING.fullmatch(source)
        title = one_line(_TAG.sub("", heading[2])) if heading else ""
        if heading and title:
            yield Block("heading", start, end, level=int(heading[1]), title=title)
        elif _TAG.sub("", _without_comments(source)).strip():
            yield Block("paragraph", start, end)

    def _span(self, first: int, last: int) -> tuple[int, int]:
        """Offsets of lines ``[first:last)`` without the white space around them."""
        start = self._starts[first]
        end = min(self._starts[min(last, len(self._starts) - 1)], len(self._text))
        source = self._text[start:end]
        return start + len(source) - len(source.lstrip()), start + len(source.rstrip())

    def _plain(self, source: str) -> str:
        """A heading without its markup."""
        source = _ANCHOR.sub("", source[:_MAX_TITLE_CHARS])
        if not _MARKUP.search(source):
            return one_line(source)
        parts: list[str] = []
        for inline in self._markdown.parseInline(source):
            for child in inline.children or ():
                if child.type in {"text", "code_inline", "image", "text_special"}:
                    parts.append(child.content)
                elif child.type in {"softbreak", "hardbreak"}:
                    parts.append(" ")
        return one_line("".join(parts))


def without_data_urls(source: str) -> str:
    """Markdown without the images that were pasted into it: they are no text."""
    return _DATA_URL.sub("", source) if "base64," in source else source


def _closing(tokens: Sequence[Any], index: int) -> int:
    """Index of the token that closes the one at ``index``."""
    level = tokens[index].level
    for position in range(index + 1, len(tokens)):
        if tokens[position].nesting == -1 and tokens[position].level == level:
            return position
    return len(tokens) - 1


def _without_comments(source: str) -> str:
    parts, position = [], 0
    while (start := source.find("<!--", position)) >= 0:
        parts.append(source[position:start])
        end = source.find("-->", start + 4)
        if end < 0:
            return "".join(parts)
        position = end + 3
    return "".join(parts) + source[position:]
