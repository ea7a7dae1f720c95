"""Excel workbooks: each sheet a heading, each block of rows a table."""

import datetime as dt
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from ragcli.config.ingest import LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.archive import open_archive
from ragcli.ingest.loaders.compose import Composer, stem_of, too_long
from ragcli.ingest.loaders.csv import has_header
from ragcli.ingest.loaders.guard import refusing
from ragcli.records import JsonValue

_MAX_COLUMNS = 1000
_CELL_CHARS = 3  # what even an empty cell takes in a table


class XlsxLoader:
    """Reads the values of a workbook, formulas as their last results."""

    def __init__(self, limits: LimitsConfig) -> None:
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or none when no cell has a value."""
        with refusing("XLSX"):
            open_archive(file.data, self._limits.max_unpacked_bytes, "XLSX").close()
            composer = Composer(self._limits.max_text_chars)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of features that have no text
                title, metadata = _read(file.data, composer)
            if any(block.kind == "table" for block in composer.blocks):
                yield composer.parsed(title or stem_of(file.path), metadata)


def _read(data: bytes, composer: Composer) -> tuple[str, dict[str, JsonValue]]:
    import openpyxl

    workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        names = list(workbook.sheetnames)
        for sheet in workbook.worksheets:
            sheet.reset_dimensions()  # the declared size may be a lie
            for number, region in enumerate(_regions(sheet, composer.max_chars)):
                if not number:
                    composer.heading(sheet.title, 1)
                composer.table(region, header_rows=1 if has_header(region) else 0)
        metadata: dict[str, JsonValue] = {"sheets": list(names)}
        if workbook.properties.creator and workbook.properties.creator != "openpyxl":
            metadata["author"] = str(workbook.properties.creator)
        return str(workbook.properties.title or ""), metadata
    finally:
        workbook.close()


def _regions(sheet: Any, max_chars: int) -> Iterator[list[list[str]]]:
    """Groups of rows without a blank row between them, blank columns around them cut off."""
    region: list[list[str]] = []
    cells = 0
    for values in sheet.iter_rows(values_only=True):
        row = [cell_text(value) for value in values[:_MAX_COLUMNS]]
        while row and not row[-1]:
            row.pop()
        cells += len(row)
        if cells * _CELL_CHARS > max_chars:  # a few values far to the right make a large table too
            raise too_long(max_chars)
        if row:
            region.append(row)
        elif region:
            yield trim_columns(region)
            region = []
    if region:
        yield trim_columns(region)


def trim_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows without the columns in which none of them has a value."""
    width = max(len(row) for row in rows)
    used = [any(index < len(row) and row[index] for row in rows) for index in range(width)]
    return [[row[index] if index < len(row) else "" for index in range(width) if used[index]] for row in rows]


def cell_text(value: Any) -> str:
    """A cell as a person would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, dt.datetime):
        at_midnight = value.time() == dt.time()
        return value.date().isoformat() if at_midnight else value.isoformat(" ", "seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value).strip()
