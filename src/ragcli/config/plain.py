"""Settings as plain JSON values, and back without validating what was validated before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from pydantic.fields import FieldInfo

from ragcli.config.base import Settings
from ragcli.config.keys import accepts, fields, models_of, of_kind
from ragcli.config.tree import Tree
from ragcli.records import JsonValue

SettingsT = TypeVar("SettingsT", bound=Settings)


def to_plain(settings: Settings) -> Tree:
    """Every field under the name a file uses, ``kind`` first; no ``kind`` where there is nothing to choose."""
    model_fields = type(settings).model_fields
    found: Tree = {}
    for name in sorted(model_fields, key=lambda name: name != "kind"):
        value = _plain(getattr(settings, name))
        if isinstance(value, dict) and len(models_of(model_fields[name])) == 1:
            value.pop("kind", None)
        found[model_fields[name].alias or name] = value
    return found


def _plain(value: object) -> JsonValue:
    if isinstance(value, Settings):
        return to_plain(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"no setting holds {type(value).__name__}")


def from_plain(model: type[SettingsT], values: Tree) -> SettingsT:
    """The inverse of ``to_plain``. The values are trusted: they must come from settings that were validated."""
    # model_construct takes the aliases that a file uses.
    construct = cast("Callable[..., SettingsT]", model.model_construct)
    return construct(**{name: _value(fields(model)[name], value) for name, value in values.items()})


def _value(field: FieldInfo, value: JsonValue) -> object:
    below = models_of(field)
    if isinstance(value, list):
        return tuple(_value(field, item) if below else item for item in value)
    if below and isinstance(value, dict):
        section = of_kind(below, value.get("kind"))
        if section is None:
            raise TypeError(f"no kind {value.get('kind')!r}")
        return from_plain(section, value)
    if isinstance(value, str) and accepts(field, Path):
        return Path(value)
    return value
