"""CSV and TSV: a table with its header, or documents of some rows each."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from ragcli.config.ingest import CsvLoaderConfig, LimitsConfig
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import Composer, check_length, stem_of
from ragcli.ingest.loaders.decode import decode
from ragcli.ingest.loaders.guard import refusing
from ragcli.records import JsonValue

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 60
_SAMPLE_CHARS = 64 * 1024
_VALUE = re.compile(r"[-+]?[\d.,:/\s%$€£()eE-]*\d[\d.,:/\s%$€£()-]*|true|false|null|nan|n/a|-|", re.IGNORECASE)
_MAX_FIELD_CHARS = 2**31 - 1


class CsvLoader:
    """Reads separated values; separator, header and encoding are found out."""

    def __init__(self, config: CsvLoaderConfig, limits: LimitsConfig) -> None:
        self._config = config
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """One document, or one for every ``rows_per_document`` rows whose record is the number of its first row."""
        with refusing("CSV"):
            text = decode(file.data)
            check_length(text, self._limits.max_text_chars)
            delimiter = self._config.delimiter or find_delimiter(text, file.path)
            rows = read_rows(text, delimiter)
            head = list(islice(rows, _SAMPLE_ROWS))
            header = head[0] if has_header(head) else None
            body = _chain(head[1:] if header else head, rows)
            title = stem_of(file.path)
            if self._config.rows_per_document:
                yield from self._records(header, body, title)
            else:
                yield from self._whole(header, body, title)

    def _whole(self, header: list[str] | None, body: Iterator[list[str]], title: str) -> Iterator[Parsed]:
        rows = list(body)
        if header is None and not rows:
            return
        yield self._document(header, rows, title, {"rows": len(rows)})

    def _records(self, header: list[str] | None, body: Iterator[list[str]], title: str) -> Iterator[Parsed]:
        size, first = self._config.rows_per_document, 1
        while rows := list(islice(body, size)):
            last = first + len(rows) - 1
            yield self._document(header, rows, title, {"row": first, "last_row": last}, record=str(first))
            first = last + 1

    def _document(
        self,
        header: list[str] | None,
        rows: list[list[str]],
        title: str,
        metadata: dict[str, JsonValue],
        record: str = "",
    ) -> Parsed:
        composer = Composer(self._limits.max_text_chars)
        if header and record and len(rows) == 1:
            composer.paragraph(_sentence(header, rows[0]))
        else:
            composer.table([header, *rows] if header else rows, header_rows=1 if header else 0)
        if header:
            metadata["columns"] = [*[name.strip() for name in header if name.strip()][:200]]
        return composer.parsed(title, metadata, record=record)


def _sentence(header: Sequence[str], row: Sequence[str]) -> str:
    """A row that stands alone: one ``name: value`` a line."""
    names = [*header, *(f"column {number}" for number in range(len(header) + 1, len(row) + 1))]
    return "\n".join(f"{name}: {value}" for name, value in zip(names, row, strict=False) if value.strip())


def _chain(head: list[list[str]], rest: Iterator[list[str]]) -> Iterator[list[str]]:
    yield from head
    yield from rest


def read_rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """The rows that have any value."""
    before = csv.field_size_limit(_MAX_FIELD_CHARS)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(value.strip() for value in row):
                yield row
    finally:
        csv.field_size_limit(before)


def find_delimiter(text: str, path: str) -> str:
    """The separator that cuts the first rows into most equal numbers of columns."""
    if path.lower().endswith((".tsv", ".tab")):
        return "\t"
    sample = text[:_SAMPLE_CHARS]
    if len(text) > _SAMPLE_CHARS:
        sample = sample[: sample.rfind("\n") + 1] or sample
    return max(_DELIMITERS, key=lambda delimiter: _fitness(sample, delimiter))


def _fitness(sample: str, delimiter: str) -> tuple[float, int]:
    """How consistent the rows are, then how many columns they have."""
    widths = [len(row) for row in islice(read_rows(sample, delimiter), _SAMPLE_ROWS)]
    if not widths or max(widths) < 2:
        return (0.0, 0)
    usual = max(set(widths), key=lambda width: (widths.count(width), width))
    return (0.0, 0) if usual < 2 else (round(widths.count(usual) / len(widths), 1), usual)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: different words, most of them there, no number or ``label:``."""
    if len(rows) < 2:
        return False
    names = [name.strip() for name in rows[0]]
    while names and not names[-1]:
        names.pop()
    named = [name for name in names if name]
    if not named or len(set(named)) < len(named):
        return False
    unnamed = sum(1 for name in names if not name)
    return unnamed <= max(1, len(names) // 2) and not any(
        name and (name.endswith(":") or _VALUE.fullmatch(name)) for name in names
    )
