"""Tables of a web page as rows of text."""

from collections.abc import Callable, Iterator
from typing import Any

_MAX_COLSPAN = 50
_MAX_ROWSPAN = 500
_MAX_COLUMNS = 500
_MAX_HEADER_ROWS = 3
_HEADINGS = "h1, h2, h3, h4, h5, h6"


def is_layout(table: Any) -> bool:
    """Whether a table only places things on the page."""
    if (table.attributes.get("role") or "").lower() in {"presentation", "none"}:
        return True
    if len(table.css("table")) > 1:
        return True
    if table.css_first("th") is not None:
        return False
    if table.css_first(_HEADINGS) is not None:
        return True
    widths = [sum(1 for _ in _children(row, ("td",))) for row in rows_of(table)]
    return len(widths) < 2 or max(widths) < 2


def rows_of(table: Any) -> Iterator[Any]:
    """The rows of a table, not of tables in it."""
    for child in _children(table, ("tr", "thead", "tbody", "tfoot")):
        if child.tag == "tr":
            yield child
        else:
            yield from _children(child, ("tr",))


def read_table(table: Any, text_of: Callable[[Any], str]) -> tuple[list[list[str]], int]:
    """The cells of a table, spans filled in, and how many rows from the top are headers.

    A cell that spans rows is repeated in each, so that a row can be read alone; one that spans columns is not.
    """
    rows: list[list[str]] = []
    pending: dict[int, tuple[int, str]] = {}
    header_rows = 0
    for row in rows_of(table):
        cells = list(_children(row, ("td", "th")))
        rows.append(_place(cells, pending, text_of))
        is_header = row.parent.tag == "thead" or bool(cells and all(cell.tag == "th" for cell in cells))
        if is_header and header_rows == len(rows) - 1 < _MAX_HEADER_ROWS:
            header_rows += 1
    return rows, header_rows if header_rows < len(rows) else 0


def _place(cells: list[Any], pending: dict[int, tuple[int, str]], text_of: Callable[[Any], str]) -> list[str]:
    """One row; ``pending`` maps a column to the rows still to fill from above and their text."""
    row: list[str] = []
    for cell in cells:
        _fill(row, pending)
        text = text_of(cell)
        columns, down = _span(cell, "colspan", _MAX_COLSPAN), _span(cell, "rowspan", _MAX_ROWSPAN)
        for index in range(columns):
            shown = text if index == 0 else ""
            if len(row) >= _MAX_COLUMNS:
                return row
            if down > 1:
                pending[len(row)] = (down - 1, shown)
            row.append(shown)
    _fill(row, pending)
    return row


def _fill(row: list[str], pending: dict[int, tuple[int, str]]) -> None:
    while len(row) in pending:
        left, text = pending.pop(len(row))
        if left > 1:
            pending[len(row)] = (left - 1, text)
        row.append(text)


def _span(cell: Any, name: str, most: int) -> int:
    value = cell.attributes.get(name) or "1"
    return min(int(value), most) or 1 if value.isdecimal() and len(value) < 9 else 1


def _children(node: Any, tags: tuple[str, ...]) -> Iterator[Any]:
    child = node.child
    while child is not None:
        if child.tag in tags:
            yield child
        child = child.next
