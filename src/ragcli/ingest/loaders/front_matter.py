"""The metadata block that a Markdown file may begin with: YAML between ``---``, TOML between ``+++``."""

import datetime as dt
import math
import re
from typing import Any

from ragcli.ingest.loaders.decode import normalise
from ragcli.records import JsonValue

_START = re.compile(r"(---|\+\+\+)[ \t]*\n")
_MAX_CHARS = 64 * 1024
_MAX_DEPTH = 8


def split_front_matter(text: str) -> tuple[dict[str, JsonValue], int]:
    """The metadata and where the document's own text starts.

    What looks like front matter but cannot be read, or is no mapping, stays part of the text: ``({}, 0)``.
    """
    opening = _START.match(text)
    if opening is None:
        return {}, 0
    fence = opening[1]
    closing = re.compile(rf"^(?:{re.escape(fence)}|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
    end = closing.search(text, opening.end(), opening.end() + _MAX_CHARS)
    if end is None:
        return {}, 0
    source = text[opening.end() : end.start()]
    values = _read_yaml(source) if fence == "---" else _read_toml(source)
    if not isinstance(values, dict):
        return {}, 0
    return {str(key): _as_json(value, 1) for key, value in values.items()}, end.end()


def _read_yaml(source: str) -> Any:
    import yaml

    if re.search(r"(?:^|[\s\[{,:-])[&*]\w", source) and _has_alias(source):
        return None  # aliases can make a small text huge; no writer of front matter uses them
    try:
        return yaml.safe_load(source)
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError):
        return None


def _has_alias(source: str) -> bool:
    import yaml

    try:
        return any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(source, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError):
        return True


def _read_toml(source: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(source)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return None


def _as_json(value: Any, depth: int) -> JsonValue:
    """A value as JSON can hold it; dates in ISO form, anything else foreign as text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if depth < _MAX_DEPTH and isinstance(value, list | tuple | set):
        return [_as_json(item, depth + 1) for item in value]
    if depth < _MAX_DEPTH and isinstance(value, dict):
        return {str(key): _as_json(item, depth + 1) for key, item in value.items()}
    return str(value)[:1000]
