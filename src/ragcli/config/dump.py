"""A configuration as rows and as a file."""

from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.base import Settings
from ragcli.config.keys import dotted
from ragcli.config.origins import values
from ragcli.records import JsonValue

if TYPE_CHECKING:
    from ragcli.config.load import LoadedConfig
    from ragcli.config.settings import Config


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting: its dotted key, its value as JSON knows it, and where it was given."""

    key: str
    value: JsonValue
    origin: str

    @property
    def shown(self) -> str:
        """The value as a file would write it."""
        return self.value if isinstance(self.value, str) and self.value else dumps(self.value, ensure_ascii=False)


def entries(loaded: "LoadedConfig") -> list[Entry]:
    """Every plain value of a configuration, in the order of its sections."""
    rows = ((dotted(path), value) for path, value in values(loaded.config))
    return [Entry(key, plain(value), loaded.origins[key]) for key, value in rows]


def to_yaml(config: "Config") -> str:
    """A complete configuration file that loads to the same values."""
    import yaml

    text: str = yaml.safe_dump(plain(config), sort_keys=False, allow_unicode=True, width=120)
    return text


def plain(value: object) -> JsonValue:
    """A value of the configuration as JSON knows it, under the names a file uses.

    Raises:
        TypeError: For what no configuration holds.
    """
    if isinstance(value, Settings):
        fields = type(value).model_fields
        return {field.alias or name: plain(getattr(value, name)) for name, field in fields.items()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"no setting holds {type(value).__name__}")
