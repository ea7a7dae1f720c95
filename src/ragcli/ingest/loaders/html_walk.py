"""From the tree of a web page to blocks, in one pass without recursion."""

from dataclasses import dataclass
from typing import Any

from ragcli.ingest.loaders.boilerplate import Boilerplate
from ragcli.ingest.loaders.compose import Piece, lines_of, list_piece, one_line, table_piece
from ragcli.ingest.loaders.html_tables import is_layout, read_table
from ragcli.ingest.loaders.languages import fence_language
from ragcli.ingest.loaders.words import words

_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_BLOCKS = words(
    """address article aside body caption center dd details dir div dl dt fieldset figcaption figure footer form
    header hgroup html legend li main nav ol p search section summary table tbody td tfoot th thead tr ul
    blockquote"""
)
_LANGUAGE_CLASSES = ("language-", "lang-", "highlight-source-", "highlight-", "brush:")


@dataclass(frozen=True, slots=True)
class Span:
    """Pieces ``[start:end]`` that came out of one ``main`` or ``article`` element."""

    tag: str
    start: int
    end: int


class HtmlWalker:
    """Collects the pieces of a page.

    Attributes:
        pieces: Blocks in reading order.
        spans: Where the elements lie that the page itself marks as its content.
    """

    def __init__(self, boilerplate: Boilerplate) -> None:
        self.pieces: list[Piece] = []
        self.spans: list[Span] = []
        self._boilerplate = boilerplate
        self._buffer: list[str] = []
        self._lists: list[int] = []  # next number per open list; 0 in one without numbers
        self._items: list[bool] = []  # whether each open list item has its marker already
        self._quotes = 0
        self._content: list[tuple[str, int]] = []

    def walk(self, root: Any) -> None:
        """Visits everything in ``root``."""
        path: list[tuple[Any, str]] = []
        node = root.child
        while node is not None:
            tag = node.tag
            child = self._enter(node, tag)
            if child is not None:
                path.append((node, tag))
                node = child
                continue
            while node.next is None and path:
                node, tag = path.pop()
                self._leave(tag)
            node = node.next
        self._flush()

    def _enter(self, node: Any, tag: str) -> Any:
        """Handles a node; returns its first child when that is to be visited."""
        if tag == "-text":
            self._buffer.append(node.text_content or "")
            return None
        if tag == "br":
            self._buffer.append("\n")
            return None
        if tag[0] == "-" or self._drops(node, tag):
            return None
        if self._takes_whole(node, tag):
            return None
        child = node.child
        if tag in _BLOCKS and child is not None:
            self._open(node, tag)
        return child

    def _drops(self, node: Any, tag: str) -> bool:
        return self._boilerplate.drops(node, tag, in_content=bool(self._content))

    def _takes_whole(self, node: Any, tag: str) -> bool:
        """Handles elements that become one piece, whatever is in them."""
        if tag in _HEADINGS:
            self._flush()
            self._add(Piece("heading", self._text_of(node), level=_HEADINGS[tag]))
        elif tag in {"pre", "listing", "xmp"}:
            self._take_code(node)
        elif tag == "table" and not is_layout(node):
            self._take_table(node)
        elif tag == "math":
            self._buffer.append(_formula(node))
        elif tag == "hr":
            self._flush()
        else:
            return False
        return True

    def _open(self, node: Any, tag: str) -> None:
        if self._items and tag in {"p", "div", "section", "figure", "figcaption", "summary", "details"}:
            self._buffer.append("\n")
            return
        self._flush()
        if tag in {"ol", "ul", "dir"}:
            self._lists.append(_first_number(node) if tag == "ol" else 0)
        elif tag == "li":
            self._items.append(False)
        elif tag == "blockquote":
            self._quotes += 1
        elif tag in {"main", "article"}:
            self._content.append((tag, len(self.pieces)))

    def _leave(self, tag: str) -> None:
        if tag not in _BLOCKS:
            return
        if self._items and tag in {"p", "div", "section", "figure", "figcaption", "summary", "details"}:
            self._buffer.append("\n")
            return
        self._flush()
        if tag in {"ol", "ul", "dir"}:
            self._lists.pop()
        elif tag == "li":
            self._items.pop()
            if self._lists and self._lists[-1]:
                self._lists[-1] += 1
        elif tag == "blockquote":
            self._quotes -= 1
        elif tag in {"main", "article"}:
            _, start = self._content.pop()
            self.spans.append(Span(tag, start, len(self.pieces)))

    def _flush(self) -> None:
        """Ends the running text and makes it a block."""
        if not self._buffer:
            return
        text = lines_of(_soft_lines(self._buffer))
        self._buffer.clear()
        if not text:
            return
        if self._items:
            self._add(list_piece(text, max(1, len(self._lists)), self._marker()))
        else:
            self._add(Piece("quote" if self._quotes else "paragraph", text))

    def _marker(self) -> str:
        """The bullet or number of the open list item; nothing for what follows a block in it."""
        if self._items[-1]:
            return ""
        self._items[-1] = True
        number = self._lists[-1] if self._lists else 0
        return f"{number}." if number else "-"

    def _add(self, piece: Piece) -> None:
        if piece.text:
            self.pieces.append(piece)

    def _take_code(self, node: Any) -> None:
        self._flush()
        text = "".join(self._raw_parts(node)).expandtabs(4).strip("\n").rstrip()
        self._add(Piece("code", text, language=_language_of(node)))

    def _take_table(self, node: Any) -> None:
        self._flush()
        caption = node.css_first("caption")
        if caption is not None:
            self._add(Piece("paragraph", self._text_of(caption)))
        rows, header_rows = read_table(node, self._text_of)
        self._add(table_piece(rows, header_rows))

    def _text_of(self, node: Any) -> str:
        """All text in an element on one line."""
        parts: list[str] = []
        for child, opens in _inside(node, self._drops):
            tag = child.tag
            if tag == "-text":
                parts.append(child.text_content or "")
            elif tag == "math" and opens:
                parts.append(_formula(child))
            elif tag == "br" or tag in _BLOCKS or tag == "pre":
                parts.append(" ")
        return one_line("".join(parts))

    def _raw_parts(self, node: Any) -> list[str]:
        parts: list[str] = []
        for child, opens in _inside(node, self._drops):
            if child.tag == "-text":
                parts.append(child.text_content or "")
            elif child.tag == "br" or (child.tag in {"div", "p", "li", "tr"} and not opens and not _ends_line(parts)):
                parts.append("\n")
        return parts


def _inside(root: Any, drops: Any) -> "list[tuple[Any, bool]]":
    """Nodes in an element in order, elements twice: when they open and when they close."""
    visited: list[tuple[Any, bool]] = []
    path: list[Any] = []
    node = root.child
    while node is not None:
        tag = node.tag
        visited.append((node, True))
        skipped = tag == "math" or (tag[0] != "-" and drops(node, tag))
        if skipped and tag != "math":
            visited.pop()
        child = None if skipped else node.child
        if child is not None:
            path.append(node)
            node = child
            continue
        while node.next is None and path:
            node = path.pop()
            visited.append((node, False))
        node = node.next
    return visited


def _soft_lines(parts: list[str]) -> str:
    """Joins text nodes; their own line breaks are white space, a part that is one line break is meant."""
    return "".join(part if part == "\n" else part.replace("\n", " ") for part in parts)


def _ends_line(parts: list[str]) -> bool:
    return not parts or parts[-1].endswith("\n")


def _formula(node: Any) -> str:
    """What a formula says in TeX, when the page tells; otherwise its symbols."""
    alternative = node.attributes.get("alttext")
    if alternative is None:
        annotation = node.css_first("annotation")
        alternative = annotation.text() if annotation is not None else node.text()
    return (
        " " + one_line(alternative.replace("\n", " ")).removeprefix("{\\displaystyle").removesuffix("}").strip() + " "
    )


def _first_number(node: Any) -> int:
    start = node.attributes.get("start") or "1"
    return int(start) if start.isdecimal() and 0 < int(start[:6]) == int(start) else 1


def _language_of(node: Any) -> str:
    """The language named by a class of the element, the code in it, or the two around it."""
    nodes = [node, node.css_first("code"), node.parent, node.parent.parent if node.parent is not None else None]
    for candidate in nodes:
        if candidate is None or candidate.tag == "-document":
            continue
        for name in (candidate.attributes.get("class") or "").split():
            for prefix in _LANGUAGE_CLASSES:
                if name.startswith(prefix):
                    return fence_language(name[len(prefix) :])
    return ""
