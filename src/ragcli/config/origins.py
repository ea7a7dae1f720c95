"""Every value of a configuration under its dotted key, with where it was given. Needs no settings model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import dumps
from typing import TYPE_CHECKING

from ragcli.config.tree import KeyPath, Tree

if TYPE_CHECKING:
    from ragcli.records import JsonValue


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting: its dotted key, its value, and where it was given."""

    key: str
    value: JsonValue
    origin: str

    @property
    def shown(self) -> str:
        """The value as a file would write it."""
        return self.value if isinstance(self.value, str) and self.value else dumps(self.value, ensure_ascii=False)


def dotted(path: KeyPath) -> str:
    """A key as people write it: ``ingest.sources[0].path``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def leaves(value: JsonValue, path: KeyPath = ()) -> Iterator[tuple[KeyPath, JsonValue]]:
    """The plain values of a tree in order; lists of plain values and empty collections are values themselves."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from leaves(item, (*path, name))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for position, item in enumerate(value):
            yield from leaves(item, (*path, position))
    else:
        yield path, value


def entries(values: Tree, origins: Mapping[str, str]) -> list[Entry]:
    """One row per value of a complete configuration."""
    rows = ((dotted(path), value) for path, value in leaves(values))
    return [Entry(key, value, origins[key]) for key, value in rows]
