"""Tables without ruling lines, found by the gaps that their rows share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ragcli.ingest.loaders.csv import has_header
from ragcli.ingest.loaders.pdf_lines import Cell, Line

_MAX_ROW_DROP = 3.2
_MAX_WRAP_DROP = 2.0
_MIN_COLUMN_GAP = 2.0
_PROSE_CHARS, _PROSE_ROWS = 32, 5


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; ``header_rows`` of them name the columns."""

    rows: list[list[str]]
    header_rows: int


def split_tables(lines: Sequence[Line]) -> Iterator[Table | list[Line]]:
    """Cuts a page into tables and the lines between them, in order."""
    plain: list[Line] = []
    index = 0
    while index < len(lines):
        end = _run_end(lines, index)
        found = _read(lines[index:end]) if end - index >= 2 else None
        if found is None:
            plain.append(lines[index])
            index += 1
            continue
        if isinstance(found, Table):
            if plain:
                yield plain
            yield found
            plain = []
        else:
            plain.extend(found)
        index = end
    if plain:
        yield plain


def _run_end(lines: Sequence[Line], start: int) -> int:
    """End of the rows that begin at ``start``; a line with one cell may stand between two rows."""
    if len(lines[start].cells) < 2:
        return start
    end = start + 1
    while end < len(lines):
        if _ends_cell(lines[end], lines[start:end]):
            end += 1
            continue
        if not _follows(lines[end - 1], lines[end]):
            break
        is_row = len(lines[end].cells) >= 2
        before_row = end + 1 < len(lines) and len(lines[end + 1].cells) >= 2 and _follows(lines[end], lines[end + 1])
        if not (is_row or (before_row and _fits_column(lines[end], lines[start:end]))):
            break
        end += 1
    return end


def _ends_cell(line: Line, rows: Sequence[Line]) -> bool:
    """Whether a line goes on with a cell of the row above it that does not stand in the first column.

    It may begin above the row's other cells, which then stand in the middle of the row's height.
    """
    if line.cells or sum(len(row.cells) > 1 for row in rows) < 2:
        return False
    columns = _columns(rows)
    return (
        -line.size < rows[-1].last_y - line.y < _MAX_WRAP_DROP * line.size
        and line.right <= columns[-1][1]
        and _fits_column(line, rows)
        and any(abs(line.left - left) < 0.5 * line.size for left, _ in columns[1:])
    )


def _follows(above: Line, below: Line) -> bool:
    drop = above.last_y - below.y
    return 0.2 * below.size < drop < _MAX_ROW_DROP * max(above.size, below.size)


def _fits_column(line: Line, rows: Sequence[Line]) -> bool:
    """Whether a line is a wrapped cell: in no larger type than the rows above it, and begun where a column begins."""
    if line.size > 1.05 * rows[-1].size or (line.bold and not rows[-1].bold):
        return False
    return any(abs(line.left - left) < 0.5 * line.size for left, _ in _columns(rows))


def _read(lines: Sequence[Line]) -> Table | list[Line] | None:
    """The table in some lines, or two columns of prose put one after the other, or nothing."""
    columns = _columns(lines)
    if len(columns) < 2:
        return None
    if _is_prose(lines, columns):
        return [*_column_lines(lines, columns[0]), *_column_lines(lines, columns[1])]
    rows: list[list[str]] = []
    for number, line in enumerate(lines):
        row = _row(line.cells or (Cell(line.text, line.left, line.left + 1),), columns)
        if not line.cells and lines[number - 1].last_y - line.y < _MAX_WRAP_DROP * line.size:
            rows[-1] = [f"{above} {below}".strip() for above, below in zip(rows[-1], row, strict=True)]
        else:
            rows.append(row)
    bold_header = lines[0].bold and not lines[1].bold
    return Table(rows, 1 if len(rows) > 1 and (bold_header or has_header(rows)) else 0)


def _columns(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """Spans of x that cells cover in any row, parted where all rows are blank."""
    merged: list[tuple[float, float]] = []
    for left, right in sorted((cell.left, cell.right) for line in lines for cell in line.cells if len(line.cells) > 1):
        if merged and left < merged[-1][1] + _MIN_COLUMN_GAP:
            merged[-1] = (merged[-1][0], max(merged[-1][1], right))
        else:
            merged.append((left, right))
    return merged


def _row(cells: Sequence[Cell], columns: Sequence[tuple[float, float]]) -> list[str]:
    row = [""] * len(columns)
    for cell in cells:
        overlaps = [min(cell.right, right) - max(cell.left, left) for left, right in columns]
        column = overlaps.index(max(overlaps))
        row[column] = f"{row[column]} {cell.text}".strip()
    return row


def _is_prose(lines: Sequence[Line], columns: Sequence[tuple[float, float]]) -> bool:
    cells = [len(cell.text) for line in lines for cell in line.cells]
    return len(columns) == 2 and len(lines) >= _PROSE_ROWS and sum(cells) / len(cells) > _PROSE_CHARS


def _column_lines(lines: Sequence[Line], column: tuple[float, float]) -> list[Line]:
    return [
        replace(line, text=cell.text, left=cell.left, right=cell.right, cells=())
        for line in lines
        for cell in line.cells or (Cell(line.text, line.left, line.right),)
        if cell.left < column[1] and column[0] < cell.right
    ]
