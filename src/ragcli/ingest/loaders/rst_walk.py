"""From a docutils tree to blocks."""

import re
from collections.abc import Callable
from typing import Any

from ragcli.ingest.loaders.compose import Composer, Piece, lines_of, one_line
from ragcli.ingest.loaders.languages import fence_language
from ragcli.ingest.loaders.words import words
from ragcli.records import JsonValue

_DIRECTIVE = re.compile(r"\.\.[ \t]+(?:\|[^|]+\|[ \t]+)?(?P<name>[\w:.+-]+?)[ \t]*::[ \t]*(?P<arguments>[^\n]*)")
_OPTION = re.compile(r"[ \t]*:[\w -]+:(?:[ \t]|$)")
_ROLE = re.compile(r":[\w:.+-]+:`(?P<text>[^`]*)`")
_TARGET = re.compile(r"^(?P<text>.*?)\s*<[^<>]*>$", re.DOTALL)
_SILENT = words(
    """toctree index currentmodule module highlight contents sectionauthor codeauthor include literalinclude raw
    image tabularcolumns only-latex meta default-role default-domain py:currentmodule js:module cpp:namespace
    automodule autosummary autodata testsetup testcleanup bibliography raw-html"""
)
_VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
    "versionremoved": "Removed in version",
}
_CODE = words("code-block sourcecode code highlight testcode doctest ipython prompt parsed-literal")
_MAX_NESTING = 6
_TRANSPARENT = words(
    """document compound container topic sidebar admonition
    figure legend footnote citation definition definition_list field_body decoration"""
)
_ADMONITIONS = words("attention caution danger error hint important note tip warning")
_IGNORED = words(
    """comment substitution_definition target pending image raw transition generated docinfo header footer
    title_reference_definition meta label"""
)


class RstWalker:
    """Writes a document tree into a composer.

    Attributes:
        metadata: The fields at the top of the document.
    """

    def __init__(self, composer: Composer, parse: Callable[[str], Any]) -> None:
        self.metadata: dict[str, JsonValue] = {}
        self._composer = composer
        self._parse = parse
        self._nesting = 0
        self._quotes = 0

    def walk(self, document: Any) -> None:
        """Writes everything in a document."""
        self._children(document, level=0, depth=0)

    def _children(self, node: Any, level: int, depth: int) -> None:
        for child in node.children:
            self._node(child, level, depth)

    def _node(self, node: Any, level: int, depth: int) -> None:
        """Writes a node below ``level`` sections and ``depth`` lists."""
        name = type(node).__name__
        if name in _IGNORED or (name == "topic" and "contents" in node.get("classes", ())):
            return
        if name == "section":
            self._children(node, level + 1, depth)
        elif name in {"title", "subtitle", "rubric"}:
            self._title(node, name, level)
        elif name in {"bullet_list", "enumerated_list"}:
            self._list(node, level, depth + 1)
        elif name == "table":
            self._table(node)
        elif name in {"literal_block", "doctest_block", "math_block"}:
            self._composer.code(node.astext(), _language(node))
        elif name == "system_message":
            self._message(node, level, depth)
        else:
            self._other(node, name, level, depth)

    def _other(self, node: Any, name: str, level: int, depth: int) -> None:
        if name == "block_quote":
            self._quotes += 1
            self._children(node, level, depth)
            self._quotes -= 1
        elif name == "definition_list_item":
            self._definition(node, level, depth)
        elif name == "field_list":
            self._fields(node, level)
        elif name == "option_list":
            for item in node.children:
                self._composer.list_item(": ".join(_inline(part) for part in item.children))
        elif name == "line_block":
            self._composer.paragraph(_lines(node))
        elif name in _ADMONITIONS:
            self._admonition(node, name, level, depth)
        elif name in _TRANSPARENT or _has_blocks(node):
            self._children(node, level, depth)
        else:
            self._paragraph(_inline(node))

    def _admonition(self, node: Any, name: str, level: int, depth: int) -> None:
        """A note begins with what it is, since ``Warning:`` matters to who reads it alone."""
        first, *others = node.children or [None]
        if type(first).__name__ == "paragraph":
            self._paragraph(f"{name.capitalize()}: {_inline(first)}")
        elif first is not None:
            self._node(first, level, depth)
        for child in others:
            self._node(child, level, depth)

    def _paragraph(self, text: str) -> None:
        if self._quotes:
            self._composer.add(Piece("quote", lines_of(text)))
        else:
            self._composer.paragraph(text)

    def _title(self, node: Any, name: str, level: int) -> None:
        if type(node.parent).__name__ in {"section", "document"} and name != "rubric":
            self._composer.heading(_inline(node), max(1, level + (name == "subtitle")))
        else:
            self._paragraph(_inline(node))

    def _list(self, node: Any, level: int, depth: int) -> None:
        number = int(node.get("start", 1)) if type(node).__name__ == "enumerated_list" else 0
        for item in node.children:
            self._item(item, f"{number}." if number else "-", level, depth)
            number += bool(number)

    def _item(self, item: Any, marker: str, level: int, depth: int) -> None:
        """One list item; what follows a block in it has no marker again."""
        text: list[str] = []
        for child in item.children:
            if type(child).__name__ in {"paragraph", "line_block"}:
                text.append(_inline(child))
                continue
            if text:
                self._composer.list_item("\n".join(text), depth, marker)
                text, marker = [], ""
            self._node(child, level, depth)
        self._composer.list_item("\n".join(text), depth, marker)

    def _definition(self, node: Any, level: int, depth: int) -> None:
        terms = [_inline(child) for child in node.children if type(child).__name__ in {"term", "classifier"}]
        bodies = [child for child in node.children if type(child).__name__ == "definition"]
        term = " : ".join(terms)
        first = bodies[0].children[0] if bodies and bodies[0].children else None
        if first is not None and type(first).__name__ == "paragraph":
            self._paragraph(f"{term}\n{_inline(first)}")
            for child in bodies[0].children[1:]:
                self._node(child, level, depth)
        else:
            self._paragraph(term)
            for body in bodies:
                self._children(body, level, depth)

    def _fields(self, node: Any, level: int) -> None:
        at_top = level <= 1 and all(block.kind == "heading" for block in self._composer.blocks)
        for item in node.children:
            name, value = (_inline(child) for child in item.children[:2])
            if at_top and value and len(value) < 1000:
                self.metadata[name.lower()] = value
            self._composer.list_item(f"{name}: {value}" if value else name)

    def _table(self, node: Any) -> None:
        rows: list[list[str]] = []
        header_rows = 0
        for child in node.findall():
            name = type(child).__name__
            if name == "row":
                rows.append([])
                header_rows += type(child.parent).__name__ == "thead"
                for entry in child.children:
                    rows[-1].append(" ".join(_inline(part) for part in entry.children))
                    rows[-1].extend([""] * int(entry.get("morecols", 0)))
            elif name == "title" and child.parent is node:
                self._composer.paragraph(_inline(child))
        self._composer.table(rows, header_rows if header_rows < len(rows) else 0)

    def _message(self, node: Any, level: int, depth: int) -> None:
        """A directive that docutils does not know, or refuses, stands in its message as it was written."""
        sources = [child for child in node.children if type(child).__name__ == "literal_block"]
        source = sources[0].astext() if sources else ""
        directive = _DIRECTIVE.match(source)
        if directive is None:
            return
        name = directive["name"].lower()
        if name in _SILENT or self._nesting >= _MAX_NESTING:
            return
        more, body = _split_body(source[directive.end() :])
        arguments = directive["arguments"].strip()
        if name in _CODE:
            self._composer.code(body, fence_language(arguments))
            return
        self._nesting += 1
        head = " ".join([arguments, *more]).strip()
        if name in _VERSIONS:
            head = f"{_VERSIONS[name]} {arguments}{': ' if more else ''}{' '.join(more)}"
        if head:
            self._children(self._parse(head), level, depth)
        if body.strip():
            self._children(self._parse(body), level, depth)
        self._nesting -= 1


def _split_body(source: str) -> tuple[list[str], str]:
    """Further argument lines, and the directive's content without its indentation; options are left out."""
    lines = source.expandtabs(8).split("\n")[1:]
    head: list[str] = []
    while lines and lines[0].strip():
        line = lines.pop(0)
        if not _OPTION.match(line):
            head.append(line.strip())
    filled = [line for line in lines if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in filled), default=0)
    return head, "\n".join(line[indent:] for line in lines)


def _inline(node: Any) -> str:
    """The text of a node; a role that docutils does not know keeps what it marks."""
    parts: list[str] = []
    for child in node.findall(include_self=True, descend=True):
        if type(child).__name__ != "Text" or _is_message(child):
            continue
        text = str(child)
        parts.append(_ROLE.sub(_role_text, text) if type(child.parent).__name__ == "problematic" else text)
    return one_line("".join(parts))


def _is_message(text: Any) -> bool:
    parent = text.parent
    return parent is not None and type(parent.parent).__name__ == "system_message"


def _role_text(role: re.Match[str]) -> str:
    text = role["text"]
    target = _TARGET.match(text)
    if target and target["text"]:
        return target["text"]
    return text[1:].rsplit(".", 1)[-1] if text.startswith("~") else text.removeprefix("!")


def _lines(node: Any) -> str:
    return "\n".join(
        _lines(child) if type(child).__name__ == "line_block" else _inline(child) for child in node.children
    )


def _has_blocks(node: Any) -> bool:
    return any(type(child).__name__ in {"paragraph", "bullet_list", "literal_block"} for child in node.children)


def _language(node: Any) -> str:
    classes = [name for name in node.get("classes", ()) if name not in {"code", "math", "literal-block"}]
    return fence_language(classes[0]) if classes and "code" in node.get("classes", ()) else ""
