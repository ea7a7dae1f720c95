"""The grid: which settings are tried, and how far each point is from the base configuration."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

from ragcli.config.load import LoadedConfig
from ragcli.config.plain import to_plain
from ragcli.config.yaml_tree import parse_file
from ragcli.errors import ConfigError, DataError, UsageError
from ragcli.records import JsonValue

_SECTIONS = ("ingest", "index", "query")


@dataclass(frozen=True, slots=True)
class Grid:
    """Dotted keys and the values that each may take."""

    choices: Mapping[str, tuple[JsonValue, ...]]

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return prod(map(len, self.choices.values()))

    def combinations(self) -> Iterator[dict[str, JsonValue]]:
        """Every combination, the last key changing fastest."""
        for values in product(*self.choices.values()):
            yield dict(zip(self.choices, values, strict=True))


@dataclass(frozen=True, slots=True)
class Point:
    """One combination.

    Attributes:
        number: From 1 in the grid's order; 0 is the base configuration.
        settings: The grid's keys with this point's values.
        loaded: The whole configuration.
    """

    number: int
    settings: Mapping[str, JsonValue]
    loaded: LoadedConfig


def read_grid(file: Path, max_points: int) -> Grid:
    """Read a grid: YAML with a list of values behind each dotted (or nested) key.

    A value may be a whole section, such as ``query.fusion: [{kind: rrf, k: 20}, {kind: minmax, dense_weight: 0.3}]``.

    Raises:
        ConfigError: It is no such file, or names a setting that is not of the pipeline.
        DataError: The file cannot be read.
        UsageError: It has more than ``max_points`` combinations.
    """
    try:
        parsed = parse_file(file.read_bytes(), str(file))
    except OSError as error:
        raise DataError(f"cannot read the grid {file}: {error.strerror}", hint="--grid FILE") from error
    choices = dict(_choices(parsed.tree, "", str(file)))
    if not choices:
        raise ConfigError(f"{file}: the grid is empty", hint="for example: query.candidates: [50, 100, 200]")
    grid = Grid(dict(sorted(choices.items(), key=_wide_first)))
    if grid.size > max_points:
        sizes = " x ".join(str(len(values)) for values in grid.choices.values())
        raise UsageError(
            f"the grid has {grid.size:,} points ({sizes}), more than the {max_points:,} allowed",
            hint=f"fewer values, or --max-points {grid.size}",
        )
    return grid


def points(grid: Grid, base: LoadedConfig, load: "Loader") -> tuple[Point, ...]:
    """The base configuration, then every combination that differs from it and from those before.

    Raises:
        ConfigError: A combination is no valid configuration.
    """
    found = [Point(0, _settings_of(base, grid), base)]
    seen = {base.config.model_dump_json()}
    for combination, settings in enumerate(grid.combinations(), 1):
        try:
            loaded = load([f"{key}={json.dumps(value)}" for key, value in settings.items()])
        except ConfigError as error:
            raise ConfigError(f"point {combination} of the grid: {error.message}", hint=error.hint) from error
        text = loaded.config.model_dump_json()
        if text not in seen:
            seen.add(text)
            found.append(Point(len(found), settings, loaded))
    return tuple(found)


def distance(point: Point, base: Point, grid: Grid) -> tuple[int, float]:
    """How far a point is from the base: settings that differ, then the sum of the numbers' shares of their range."""
    unlike = [key for key in grid.choices if point.settings[key] != base.settings[key]]
    return len(unlike), sum(_gap(point.settings[key], base.settings[key], grid.choices[key]) for key in unlike)


class Loader:
    """Loads the base configuration with further overrides on top."""

    def __init__(self, file: Path | None, overrides: Sequence[str], flags: Mapping[str, object]) -> None:
        self._file = file
        self._overrides = tuple(overrides)
        self._flags = flags

    def __call__(self, overrides: Sequence[str] = ()) -> LoadedConfig:
        """The configuration; raises ConfigError."""
        from ragcli.config.load import load_config

        return load_config(self._file, overrides=[*self._overrides, *overrides], flags=self._flags)


def _choices(tree: Mapping[str, JsonValue], prefix: str, file: str) -> Iterator[tuple[str, tuple[JsonValue, ...]]]:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _choices(value, f"{key}.", file)
            continue
        if not isinstance(value, list) or not value:
            raise ConfigError(f"{file}: {key} needs a list of values", hint=f"for example {key}: [{json.dumps(value)}]")
        if key.partition(".")[0] not in _SECTIONS or key.startswith("ingest.sources"):
            raise ConfigError(
                f"{file}: {key} cannot be swept: only how documents are cut, indexed and searched can",
                hint=f"settings of {', '.join(_SECTIONS)}",
            )
        yield key, tuple(value)


def _wide_first(item: tuple[str, object]) -> tuple[int, bool]:
    """A section is set before what is in it, and its kind first of all."""
    return item[0].count("."), not item[0].endswith(".kind")


def _settings_of(base: LoadedConfig, grid: Grid) -> dict[str, JsonValue]:
    """The base's own values of the grid's keys; None where its kind of section has no such key."""
    found: dict[str, JsonValue] = {}
    for key, choices in grid.choices.items():
        value: JsonValue = to_plain(base.config)
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        found[key] = _as_told(value, choices)
    return found


def _as_told(value: JsonValue, choices: Sequence[JsonValue]) -> JsonValue:
    """A section as the grid tells it, where the grid has it; other values as they are."""
    if not isinstance(value, dict):
        return value
    for choice in choices:
        if isinstance(choice, dict) and all(value.get(key) == own for key, own in choice.items()):
            return choice
    return value


def _gap(one: JsonValue, other: JsonValue, choices: Sequence[JsonValue]) -> float:
    numbers = [float(choice) for choice in (*choices, one, other) if isinstance(choice, int | float)]
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return 1.0
    width = max(numbers) - min(numbers)
    return abs(one - other) / width if width else 0.0
