"""From the elements of a Word document to blocks."""

from collections.abc import Iterable
from typing import Any

from ragcli.ingest.loaders.compose import Composer, one_line
from ragcli.ingest.loaders.csv import has_header
from ragcli.ingest.loaders.docx_styles import DocxStyles, ListPlace, W
from ragcli.ingest.loaders.omml import formula_text
from ragcli.ingest.loaders.safe_xml import local_name
from ragcli.ingest.loaders.words import words

_SKIPPED = words("del moveFrom instrText delText Fallback pPr rPr sectPr delInstrText")
_TEXT = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": ""}


class DocxBody:
    """Writes a body into a composer.

    Attributes:
        title: Text of the first paragraph in the style ``Title``.
    """

    def __init__(self, composer: Composer, styles: DocxStyles) -> None:
        self.title = ""
        self._composer = composer
        self._styles = styles
        self._numbers: dict[tuple[str, int], int] = {}

    def write(self, parent: Any) -> None:
        """Writes the paragraphs and tables in an element, in order."""
        for child in parent:
            name = local_name(child)
            if name == "p":
                self._write_paragraph(child)
            elif name == "tbl":
                self._write_table(child)
            elif name in {"sdt", "sdtContent", "ins", "moveTo", "customXml", "AlternateContent", "Choice", "smartTag"}:
                self.write(child)

    def write_notes(self, heading: str, notes: Iterable[Any]) -> None:
        """Writes notes as a list under a heading; separators among them have no text."""
        texts = [(note.get(f"{W}author", ""), self._text_of(note)) for note in notes]
        texts = [(author, text) for author, text in texts if text]
        if texts:
            self._composer.heading(heading, 2)
        for author, text in texts:
            self._composer.list_item(f"{author}: {text}" if author else text)

    def _write_paragraph(self, paragraph: Any) -> None:
        style = self._styles.style_name(paragraph)
        if style.startswith(("toc ", "table of figures")) or style == "toc heading":
            return
        text = paragraph_text(paragraph)
        level = self._styles.heading_level(paragraph)
        place = self._styles.list_place(paragraph)
        if not text.strip():
            pass
        elif level:
            self._composer.heading(text, level)
            if style == "title":
                self.title = self.title or one_line(text)
        elif place is not None:
            self._composer.list_item(text, place.depth, self._marker(place))
        else:
            self._composer.paragraph(text)
        for box in _text_boxes(paragraph):
            self.write(box)

    def _marker(self, place: ListPlace) -> str:
        """The item's bullet or number; a number restarts the deeper ones."""
        if not place.numbered:
            return "-"
        key = (place.list_id, place.depth)
        self._numbers[key] = self._numbers.get(key, place.start - 1) + 1
        for other in list(self._numbers):
            if other[0] == place.list_id and other[1] > place.depth:
                del self._numbers[other]
        return f"{self._numbers[key]}."

    def _write_table(self, table: Any) -> None:
        rows, header_rows = self._rows(table)
        if max((len(row) for row in rows), default=0) < 2:
            for cell in table.iter(f"{W}tc"):  # a box around text
                if next(cell.iterancestors(f"{W}tbl")) is table:
                    self.write(cell)
            return
        if not header_rows and has_header(rows):
            header_rows = 1
        self._composer.table(rows, header_rows if header_rows < len(rows) else 0)

    def _rows(self, table: Any) -> tuple[list[list[str]], int]:
        rows: list[list[str]] = []
        header_rows = 0
        for row in _inside(table, "tr"):
            cells: list[str] = []
            for cell in _inside(row, "tc"):
                above = rows[-1][len(cells)] if rows and len(cells) < len(rows[-1]) else ""
                merged = cell.find(f"{W}tcPr/{W}vMerge")
                continues = merged is not None and merged.get(f"{W}val") != "restart"
                cells.append(above if continues else self._text_of(cell))
                span = cell.find(f"{W}tcPr/{W}gridSpan")
                width = span.get(f"{W}val", "1") if span is not None else "1"
                cells.extend([""] * (min(int(width), 100) - 1 if width.isdecimal() else 0))
            if row.find(f"{W}trPr/{W}tblHeader") is not None and header_rows == len(rows):
                header_rows += 1
            rows.append(cells)
        return rows, header_rows

    def _text_of(self, element: Any) -> str:
        """Everything in a cell or note on one line."""
        return one_line(" ".join(paragraph_text(paragraph) for paragraph in element.iter(f"{W}p")))


def _inside(element: Any, name: str) -> Iterable[Any]:
    """Children of a name, also those in content controls."""
    for child in element:
        found = local_name(child)
        if found == name:
            yield child
        elif found in {"sdt", "sdtContent", "ins", "customXml"}:
            yield from _inside(child, name)


def _text_boxes(paragraph: Any) -> list[Any]:
    """Text boxes that hang on a paragraph; the copies for old readers are left out."""
    boxes = paragraph.iter(f"{W}txbxContent")
    return [box for box in boxes if not any(local_name(parent) == "Fallback" for parent in box.iterancestors())]


def paragraph_text(node: Any) -> str:
    """The text of a paragraph without that of text boxes in it."""
    parts: list[str] = []
    for child in node:
        name = local_name(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in _TEXT:
            parts.append(_TEXT[name])
        elif name == "oMath":
            parts.append(formula_text(child))
        elif name not in _SKIPPED and name not in {"txbxContent", "p"}:
            parts.append(paragraph_text(child))
    return "".join(parts)
