"""What the styles and the numbering of a Word document say about a paragraph."""

import re
from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING = re.compile(r"heading (\d)$")
_MAX_CHAIN = 20


@dataclass(frozen=True, slots=True)
class ListPlace:
    """Where a list item stands: its list, depth from 1, and whether its list counts."""

    list_id: str
    depth: int
    numbered: bool
    start: int


class DocxStyles:
    """Looks styles up through the chain they are based on."""

    def __init__(self, document: Any) -> None:
        self._styles = {style.get(f"{W}styleId", ""): style for style in _styles(document)}
        self._formats: dict[tuple[str, int], tuple[str, int]] = {}
        numbering = _numbering(document)
        if numbering is not None:
            self._read_numbering(numbering)

    def heading_level(self, paragraph: Any) -> int:
        """Level from 1, or 0 for a paragraph that is no heading."""
        own = _value(paragraph, "pPr", "outlineLvl")
        if own.isdecimal():
            return int(own) + 1 if int(own) < 9 else 0
        for style in self._chain(paragraph):
            name = _value(style, "name").lower()
            if name == "title":
                return 1
            heading = _HEADING.match(name)
            if heading:
                return max(1, int(heading[1]))
            outline = _value(style, "pPr", "outlineLvl")
            if outline.isdecimal():
                return int(outline) + 1 if int(outline) < 9 else 0
        return 0

    def style_name(self, paragraph: Any) -> str:
        """Name of the paragraph's style in lower case; empty for the default one."""
        style = self._styles.get(_value(paragraph, "pPr", "pStyle"))
        return "" if style is None else _value(style, "name").lower()

    def list_place(self, paragraph: Any) -> ListPlace | None:
        """Where the paragraph stands in a list; ``None`` outside of lists."""
        number, level = "", ""
        for source in (paragraph, *self._chain(paragraph)):
            number = number or _value(source, "pPr", "numPr", "numId")
            level = level or _value(source, "pPr", "numPr", "ilvl")
        name = self.style_name(paragraph)
        depth = int(level) if level.isdecimal() else 0
        if number and number != "0":
            kind, start = self._formats.get((number, depth), ("bullet", 1))
            return ListPlace(number, min(depth, 8) + 1, kind not in {"bullet", "none"}, start)
        if name.startswith(("list bullet", "list number", "list paragraph")) and number != "0":
            if name == "list paragraph":
                return None  # Word's indent without a marker
            last = name[-1]
            return ListPlace(name, int(last) if last.isdecimal() else 1, name.startswith("list number"), 1)
        return None

    def _chain(self, paragraph: Any) -> list[Any]:
        chain: list[Any] = []
        name = _value(paragraph, "pPr", "pStyle")
        while name in self._styles and len(chain) < _MAX_CHAIN:
            chain.append(self._styles[name])
            name = _value(chain[-1], "basedOn")
        return chain

    def _read_numbering(self, root: Any) -> None:
        abstract: dict[str, dict[int, tuple[str, int]]] = {}
        for definition in root.findall(f"{W}abstractNum"):
            levels = {}
            for level in definition.findall(f"{W}lvl"):
                start = _value(level, "start")
                levels[int(level.get(f"{W}ilvl", "0"))] = (
                    _value(level, "numFmt") or "decimal",
                    int(start) if start.isdecimal() else 1,
                )
            abstract[definition.get(f"{W}abstractNumId", "")] = levels
        for number in root.findall(f"{W}num"):
            for level, style in abstract.get(_value(number, "abstractNumId"), {}).items():
                self._formats[number.get(f"{W}numId", ""), level] = style


def _styles(document: Any) -> list[Any]:
    try:
        return list(document.styles.element.findall(f"{W}style"))
    except KeyError:
        return []


def _numbering(document: Any) -> Any:
    for relation in document.part.rels.values():
        if relation.reltype.endswith("/numbering") and not relation.is_external:
            return relation.target_part.element
    return None


def _value(element: Any, *path: str) -> str:
    """The ``w:val`` of an element under another one; empty when it is not there."""
    for name in path:
        element = element.find(f"{W}{name}")
        if element is None:
            return ""
    return str(element.get(f"{W}val", ""))
