"""Writes a document block by block, so that text and offsets cannot disagree."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed
from ragcli.ingest.loaders.decode import normalise
from ragcli.records import Block, BlockKind, Metadata

_BLANK = re.compile(r"[ \t\n\r\f\v\u00a0\u2000-\u200a\u202f\u205f\u3000]+")
_NUMBER = re.compile(r"^(?:\d+\.)*\d*[.)]?\s+")
_GENERIC = frozenset(
    {
        "abstract", "background", "contents", "executive summary", "foreword", "introduction", "motivation", "overview",
        "preface", "summary", "table of contents", "tl;dr",
    }
)  # fmt: skip
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200e\u200f\u2060-\u2064\ufeff\x00-\x08\x0e-\x1f]")


def one_line(text: str) -> str:
    """The text with invisible characters removed and every run of white space made one space."""
    return _BLANK.sub(" ", _INVISIBLE.sub("", text)).strip()


def lines_of(text: str) -> str:
    r"""Like ``one_line``, but keeps line breaks; blank lines go."""
    lines = (one_line(line) for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def pipe_table(rows: Sequence[Sequence[str]], header_rows: int) -> tuple[str, int]:
    """A table as Markdown writes it, and where its header ends (0 without a header).

    Cells become single lines, ``|`` in them is escaped, short rows are filled up.
    """
    width = max((len(row) for row in rows), default=0)
    lines = [_pipe_row(row, width) for row in rows]
    if header_rows:
        lines.insert(header_rows, "|" + " --- |" * width)
    header = "\n".join(lines[: header_rows + 1]) if header_rows else ""
    return "\n".join(lines), len(header)


def _pipe_row(row: Sequence[str], width: int) -> str:
    cells = [one_line(cell).replace("|", "\\|") for cell in row]
    cells += [""] * (width - len(cells))
    return "| " + " | ".join(cells) + " |"


@dataclass(frozen=True, slots=True)
class Piece:
    """A block before it has a place: ``header_chars`` is the length of a table's header."""

    kind: BlockKind
    text: str
    level: int = 0
    header_chars: int = 0
    language: str = ""


@dataclass(slots=True)
class Composer:
    """Collects blocks in reading order.

    Blocks are parted by an empty line, neighbouring list items by a line break.

    Args:
        max_chars: Longest text allowed; exceeding it raises ``DataError``.
    """

    max_chars: int
    _parts: list[str] = field(default_factory=list)
    _blocks: list[Block] = field(default_factory=list)
    _page_blocks: list[int] = field(default_factory=list)
    _length: int = 0

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The blocks so far."""
        return tuple(self._blocks)

    def page(self) -> None:
        """Starts a page."""
        self._page_blocks.append(len(self._blocks))

    def heading(self, text: str, level: int) -> None:
        """A heading on one line; ``level`` from 1."""
        self.add(Piece("heading", one_line(text), level=level))

    def paragraph(self, text: str) -> None:
        """Running text; line breaks in it are kept, blank lines are not."""
        self.add(Piece("paragraph", lines_of(text)))

    def list_item(self, text: str, depth: int = 1, marker: str = "-") -> None:
        """A list item; ``depth`` from 1. Further lines are indented under the marker."""
        self.add(list_piece(text, depth, marker))

    def table(self, rows: Sequence[Sequence[str]], header_rows: int = 0) -> None:
        """A table; rows without any text are left out."""
        self.add(table_piece(rows, header_rows))

    def code(self, text: str, language: str = "") -> None:
        """Preformatted text, kept as it is."""
        self.add(Piece("code", text.strip("\n").rstrip(), language=language))

    def add(self, piece: Piece) -> None:
        """Any block; one without text is left out."""
        text = normalise(piece.text)
        if not text.strip():
            return
        indent = "  " * (piece.level - 1) if piece.kind == "list_item" else ""
        separator = self._separator(piece.kind) + indent
        start = self._length + len(separator)
        self._write(separator + text)
        self._blocks.append(
            Block(
                piece.kind,
                start,
                start + len(text),
                level=piece.level,
                header_end=start + piece.header_chars if piece.header_chars else 0,
                language=piece.language,
                title=text if piece.kind == "heading" else "",
            )
        )

    def embed(self, text: str, blocks: Sequence[Block]) -> None:
        """Another document's text with its blocks, moved to the end of this one."""
        if not text.strip():
            return
        separator = "\n\n" if self._parts else ""
        shift = self._length + len(separator)
        self._write(separator + text)
        self._blocks.extend(
            replace(
                block,
                start=block.start + shift,
                end=block.end + shift,
                header_end=block.header_end + shift if block.header_end else 0,
            )
            for block in blocks
        )

    def parsed(self, title: str = "", metadata: Metadata | None = None, record: str = "", name: str = "") -> Parsed:
        """The document. Its title falls back to the first heading that says something."""
        text = "".join(self._parts)
        starts = [block.start for block in self._blocks] + [len(text)]
        pages = tuple(starts[index] if number else 0 for number, index in enumerate(self._page_blocks))
        return Parsed(
            text=text,
            title=one_line(normalise(title)) or first_heading(self._blocks),
            blocks=self.blocks,
            pages=pages,
            record=record,
            name=name,
            metadata=metadata or {},
        )

    def _separator(self, kind: BlockKind) -> str:
        if not self._parts:
            return ""
        return "\n" if kind == "list_item" and self._blocks and self._blocks[-1].kind == "list_item" else "\n\n"

    def _write(self, text: str) -> None:
        self._length += len(text)
        if self._length > self.max_chars:
            raise too_long(self.max_chars)
        self._parts.append(text)


def list_piece(text: str, depth: int = 1, marker: str = "-") -> Piece:
    """A list item as a piece; without a marker, the rest of one that a block interrupted."""
    lines = lines_of(text).split("\n")
    first = f"{marker} " if marker else ""
    indent = "\n" + " " * (2 * (depth - 1) + len(first))
    return Piece("list_item", first + indent.join(lines) if lines[0] else "", level=depth)


def table_piece(rows: Sequence[Sequence[str]], header_rows: int = 0) -> Piece:
    """A table as a piece; rows without any text are left out."""
    kept = [(index, row) for index, row in enumerate(rows) if any(cell.strip() for cell in row)]
    headers = sum(1 for index, _ in kept if index < header_rows)
    text, header_chars = pipe_table([row for _, row in kept], headers)
    return Piece("table", text, header_chars=header_chars)


def first_heading(blocks: Sequence[Block]) -> str:
    """Title of the first heading of the highest level among the first few, or nothing if it is a section's name.

    That is a name any document could have, and one that comes after other text and has such a name beside it: what
    follows a document's facts as ``Note``, in front of ``Summary``, is no title.
    """
    headings = [block for block in blocks[:50] if block.kind == "heading" and block.title]
    highest = min((block.level for block in headings), default=0)
    titles = [block.title for block in headings if block.level == highest]
    if not titles or is_generic(titles[0]):
        return ""
    leads = blocks[0].title == titles[0]
    return titles[0] if leads or not any(map(is_generic, titles[1:])) else ""


def is_generic(title: str) -> bool:
    """Whether a title says nothing about its document: ``Summary``, ``1. Introduction``."""
    return _NUMBER.sub("", title.strip()).rstrip(" .:").lower() in _GENERIC


def check_length(text: str, max_chars: int) -> None:
    """Raises ``DataError`` for a text longer than allowed."""
    if len(text) > max_chars:
        raise too_long(max_chars, f" ({len(text)})")


def too_long(max_chars: int, how_long: str = "") -> DataError:
    """What is raised for a text longer than allowed."""
    return DataError(
        f"longer than {max_chars} characters of text{how_long}", hint="raise ingest.limits.max_text_chars to take it"
    )


def stem_of(path: str) -> str:
    """The file's name without folders and suffix: the title of last resort."""
    name = path.rsplit("/", 1)[-1]
    stem = name.rsplit(".", 1)[0]
    return stem or name
