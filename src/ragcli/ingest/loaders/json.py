"""JSON and JSON lines: records with configurable fields, or any JSON as readable text."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ragcli.config.ingest import JsonLoaderConfig, LimitsConfig
from ragcli.errors import DataError
from ragcli.ingest.loaders import Parsed, RawFile
from ragcli.ingest.loaders.compose import check_length, one_line, stem_of
from ragcli.ingest.loaders.decode import decode, normalise, refuse_binary
from ragcli.ingest.loaders.guard import refusing
from ragcli.ingest.loaders.text import text_blocks
from ragcli.records import Block, JsonValue

_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_LINES_SUFFIXES = (".jsonl", ".ndjson", ".jsonlines")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One value of a file, where it stands, and the id it takes when it names none."""

    value: Any
    place: str
    ordinal: str


class JsonLoader:
    """Reads ``.jsonl`` a line at a time and ``.json`` whole.

    A list of objects that have text is a list of records; any other JSON is one document of indented JSON.
    """

    def __init__(self, config: JsonLoaderConfig, limits: LimitsConfig) -> None:
        self._config = config
        self._limits = limits

    def load(self, file: RawFile) -> Iterator[Parsed]:
        """The records in file order; their ``record`` and ``name`` are their ids."""
        with refusing("JSON"):
            refuse_wide = file.data[:3]
            data = file.data
            if refuse_wide.startswith(_BOMS):
                data = decode(data).encode("utf-8")
            refuse_binary(data[:4096])
            if file.path.lower().endswith(_LINES_SUFFIXES) or _looks_like_lines(data):
                yield from self._records(_lines(data))
            else:
                yield from self._load_whole(file, data)

    def _load_whole(self, file: RawFile, data: bytes) -> Iterator[Parsed]:
        text = decode(data)
        if not text.strip():
            return
        value = _parse(text, "")
        if isinstance(value, list) and any(isinstance(item, dict) and self._text_of(item) for item in value):
            yield from self._records(
                _Entry(item, f"record {number}", str(number)) for number, item in enumerate(value, 1)
            )
        elif isinstance(value, dict) and self._text_of(value):
            yield from self._record(_Entry(value, "", ""))
        elif value not in ({}, [], "", None):
            yield self._pretty(value, text, stem_of(file.path))

    def _pretty(self, value: Any, source: str, title: str) -> Parsed:
        """Any JSON as text: as it was written when that has lines, otherwise indented."""
        text = source.strip() if source.strip().count("\n") else json.dumps(value, ensure_ascii=False, indent=2)
        text = normalise(text)
        check_length(text, self._limits.max_text_chars)
        return Parsed(text, title=title, blocks=(Block("code", 0, len(text), language="json"),))

    def _records(self, entries: Iterator[_Entry]) -> Iterator[Parsed]:
        seen: set[str] = set()
        count = kept = 0
        fields: list[str] = []
        for entry in entries:
            count += 1
            if not isinstance(entry.value, dict):
                raise DataError(f"{entry.place}: a record must be a JSON object, not {_kind(entry.value)}")
            fields = fields or list(entry.value)[:8]
            for parsed in self._record(entry):
                if parsed.record in seen:
                    raise DataError(f"{entry.place}: the id {parsed.record!r} is used a second time")
                seen.add(parsed.record)
                kept += 1
                yield parsed
        if count and not kept:
            raise DataError(
                f"none of {count} records has text in {_names(self._config.text)}; they have {_names(fields)}",
                hint="name the text field: --set 'ingest.loaders.json.text=[...]'",
            )

    def _record(self, entry: _Entry) -> Iterator[Parsed]:
        """The document of one record; none when it has neither text nor a title to stand for it."""
        identity = self._scalar(entry.value, self._config.id)
        title = one_line(self._scalar(entry.value, self._config.title))
        body = self._text_of(entry.value)
        heading = title if self._config.title_in_text else ""
        text = f"{heading}\n{body}" if heading and body else heading or body
        if not text.strip():
            return
        check_length(text, self._limits.max_text_chars)
        blocks = [Block("heading", 0, len(heading), level=1, title=heading)] if heading else []
        if body:
            start = len(text) - len(body)
            blocks += text_blocks(body, start)
        yield Parsed(
            text,
            title=title,
            blocks=tuple(blocks),
            record=identity or entry.ordinal,
            name=identity,
            metadata=self._metadata(entry.value),
        )

    def _text_of(self, record: Mapping[str, Any]) -> str:
        found = [value for name in self._config.text if (value := _as_text(_reach(record, name)))]
        return "\n\n".join(found) if self._config.join_text else next(iter(found), "")

    def _scalar(self, record: Mapping[str, Any], names: tuple[str, ...]) -> str:
        for name in names:
            value = _reach(record, name)
            if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
                return normalise(str(value))
        return ""

    def _metadata(self, record: Mapping[str, Any]) -> dict[str, JsonValue]:
        """The chosen fields, or every scalar that is not text, id or title; BEIR keeps its own in ``metadata``."""
        if self._config.metadata is not None:
            chosen = {name: _reach(record, name) for name in self._config.metadata}
            return {name: _clean(value) for name, value in chosen.items() if value is not None}
        used = {*self._config.text, *self._config.id, *self._config.title}
        nested = record.get("metadata")
        fields = {**(nested if isinstance(nested, dict) else {}), **record}
        return {
            normalise(str(name)): _clean(value)
            for name, value in fields.items()
            if name not in used and isinstance(value, str | int | float | bool)
        }


def _lines(data: bytes) -> Iterator[_Entry]:
    start, number = 0, 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        line = data[start:end].strip()
        start = end + 1
        if line:
            yield _Entry(_parse(_decode_line(line, number), f"line {number}: "), f"line {number}", str(number))


def _decode_line(line: bytes, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"line {number}: not UTF-8 at byte {error.start} of the line") from error


def _parse(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = place or f"line {error.lineno}: "
        raise DataError(f"{where}not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise DataError(f"{place}JSON nested too deeply") from error
    except ValueError as error:
        raise DataError(f"{place}not JSON: {error}") from error


def _looks_like_lines(data: bytes) -> bool:
    """Whether the first line is a whole object and another one follows, whatever the file is called."""
    lines = data[: 1 << 20].split(b"\n", 2)
    if len(lines) < 2 or not lines[0].lstrip().startswith(b"{") or not lines[1].lstrip().startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(lines[0]), dict)
    except (ValueError, RecursionError):
        return False


def _reach(record: Mapping[str, Any], name: str) -> Any:
    """The value of a field; ``a.b`` is the field of that name, or ``b`` in the object ``a``."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict) and part in value:
            value = value[part]
        else:
            return None
    return value


def _as_text(value: Any) -> str:
    """Text, or a list of texts as paragraphs; nothing for anything else."""
    if isinstance(value, str):
        return normalise(value).strip("\n") if value.strip() else ""
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return normalise("\n\n".join(value)).strip("\n")
    return ""


def _clean(value: Any) -> JsonValue:
    """A value without lone surrogates and without numbers that JSON does not know."""
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {normalise(str(key)): _clean(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool | int) else str(value)


def _kind(value: Any) -> str:
    return {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def _names(fields: Any) -> str:
    return ", ".join(repr(name) for name in fields) or "no fields"
