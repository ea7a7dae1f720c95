"""Defaults < file < environment < ``--set`` < flags, merged into one tree that knows where each value came from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from types import NoneType

from pydantic.fields import FieldInfo

from ragcli.config.base import Settings
from ragcli.config.keys import Models, accepts, default_kind, fields, find, models_of, of_kind, suggestion
from ragcli.config.settings import Config
from ragcli.config.sources import ENVIRONMENT_PREFIX, OTHER_VARIABLES
from ragcli.config.tree import KeyPath, Tree
from ragcli.config.yaml_tree import YamlFile, parse_value, scalar
from ragcli.errors import ConfigError
from ragcli.records import JsonValue


@dataclass(frozen=True, slots=True)
class Assignment:
    """One overriding value: a path of names, the value and where it was given, as messages call it."""

    path: tuple[str, ...]
    value: JsonValue
    origin: str


@dataclass(slots=True)
class Layered:
    """The merged tree.

    Attributes:
        tree: Values of all layers above the defaults.
        origins: Where each path of the tree was set; a path without an entry has that of its nearest ancestor.
    """

    tree: Tree = field(default_factory=dict)
    origins: MutableMapping[KeyPath, str] = field(default_factory=dict)

    def origin(self, path: KeyPath) -> str:
        """Where a path was set: its own layer or that of the nearest ancestor; ``default`` when nowhere."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path[:-1]
        return "default"


def merge(file: YamlFile | None, layers: Iterable[Sequence[Assignment]]) -> Layered:
    """Put layers over a file, lowest first. Naming another ``kind`` drops what only the old kind has."""
    merged = Layered()
    if file is not None:
        merged.tree = file.tree
        merged.origins = {path: f"file {file.name}:{line}" for path, line in file.lines.items()}
    _settle_kinds(merged, merged.tree, Config, ())
    for layer in layers:
        # A layer's own values survive its own changes of kind, whatever their order; outer kinds change first.
        for assignment in sorted(layer, key=lambda one: len(one.path) if one.path[-1] == "kind" else math.inf):
            _assign(merged, assignment)
    return merged


def _settle_kinds(merged: Layered, node: Tree, model: type[Settings], at: KeyPath) -> None:
    """Write the default kind into unions that name none; read an empty section (only comments) as no section."""
    for name, spec in fields(model).items():
        below = models_of(spec)
        if not below or name not in node:
            continue
        value = node[name]
        if value is None and not accepts(spec, NoneType):
            del node[name]
        elif isinstance(value, list):
            for position, item in enumerate(value):
                _settle_section(merged, item, spec, (*at, name, position))
        else:
            _settle_section(merged, value, spec, (*at, name))


def _settle_section(merged: Layered, value: JsonValue, spec: FieldInfo, at: KeyPath) -> None:
    if not isinstance(value, dict):
        return
    below = models_of(spec)
    kind = default_kind(spec)
    if len(below) > 1 and "kind" not in value and kind:
        value["kind"] = kind
        merged.origins[*at, "kind"] = "default"
    section = of_kind(below, value.get("kind"))
    if section is not None:
        _settle_kinds(merged, value, section, at)


def _assign(merged: Layered, assignment: Assignment) -> None:
    node = merged.tree
    models: Models = (Config,)
    for part in assignment.path[:-1]:
        specs = [fields(model)[part] for model in models if part in fields(model)]
        models = tuple(dict.fromkeys(model for spec in specs for model in models_of(spec)))
        child = node.get(part)
        if not isinstance(child, dict):
            child = {}
            node[part] = child
            kinds = [kind for spec in specs if (kind := default_kind(spec))]
            if len(models) > 1 and kinds:
                child["kind"] = kinds[0]
                merged.origins[*assignment.path[: assignment.path.index(part) + 1], "kind"] = "default"
        node = child
    name = assignment.path[-1]
    if name == "kind" and len(models) > 1:
        _switch_kind(merged, assignment, node, models)
    for path in [path for path in merged.origins if path[: len(assignment.path)] == assignment.path]:
        del merged.origins[path]
    merged.origins[assignment.path] = assignment.origin
    node[name] = assignment.value


def _switch_kind(merged: Layered, assignment: Assignment, node: Tree, models: Models) -> None:
    old, new = of_kind(models, node.get("kind")), of_kind(models, assignment.value)
    if new is None or old is new:
        return  # an unknown kind is reported by validation
    alike = set() if old is None else {name for name in fields(old) if _declared_alike(name, old, new)}
    for name in [name for name in node if name not in alike]:
        del node[name]
        merged.origins.pop((*assignment.path[:-1], name), None)


def _declared_alike(name: str, old: type[Settings], new: type[Settings]) -> bool:
    """Whether two kinds mean the same by a field: same type, bounds and default."""
    one, other = fields(old).get(name), fields(new).get(name)
    return (
        one is not None
        and other is not None
        and (one.annotation, one.metadata, one.default) == (other.annotation, other.metadata, other.default)
    )


def from_environment(environment: Mapping[str, str]) -> list[Assignment]:
    """Settings named ``RAGCLI_SECTION__KEY``; every variable given must be one.

    Raises:
        ConfigError: For a name that is no setting, with the nearest one.
    """
    assignments: list[Assignment] = []
    for variable in sorted(environment):
        path = tuple(part.lower() for part in variable.removeprefix(ENVIRONMENT_PREFIX).split("__"))
        where = f"environment {variable}"
        if len(path) == 1:
            raise ConfigError(f"{where}: not a setting{_nearest_variable(variable)}")
        assignments += _override(path, environment[variable], where)
    return assignments


def _nearest_variable(variable: str) -> str:
    from ragcli.config.keys import leaves, nearest

    settings = [ENVIRONMENT_PREFIX + "__".join(path).upper() for path, _ in leaves()]
    near = nearest(variable, [*OTHER_VARIABLES, *settings])
    return f", did you mean {near}?" if near else "; settings are RAGCLI_SECTION__KEY, such as RAGCLI_QUERY__TOP_K"


def from_set(overrides: Sequence[str]) -> list[Assignment]:
    """Settings given as ``section.key=value``, the value a YAML scalar or flow collection.

    Raises:
        ConfigError: For one that is not of this form or names no setting.
    """
    assignments: list[Assignment] = []
    for override in overrides:
        key, sign, value = override.partition("=")
        if not sign or not key.strip():
            raise ConfigError(f"--set {override}: not of the form section.key=value", hint="--set query.top_k=5")
        assignments += _override(tuple(key.strip().split(".")), value, f"--set {key.strip()}")
    return assignments


def from_flags(flags: Mapping[str, JsonValue]) -> list[Assignment]:
    """Settings given by command-line flags under their dotted keys."""
    for key, value in flags.items():
        for word in value if isinstance(value, list) else [value]:
            _check_text(word, key)
    return [Assignment(tuple(key.split(".")), value, "flag") for key, value in flags.items()]


def _check_text(value: JsonValue, where: str) -> None:
    """Bytes of the command line that are no text would not survive YAML and JSON."""
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ConfigError(f"{where}: {value!r} is not UTF-8 text")


def _override(path: tuple[str, ...], text: str, where: str) -> Iterator[Assignment]:
    _check_text(text, where)
    try:
        specs = find(path)
    except KeyError as error:
        part, _ = error.args
        at = path.index(part)
        models = tuple(model for spec in find(path[:at]) for model in models_of(spec)) if at else (Config,)
        raise ConfigError(f"{where}: unknown key {part!r}, {suggestion(part, models)}") from error
    origin = "set" if where.startswith("--set") else where
    value = _parsed(text, specs, where)
    if isinstance(value, dict) and value and models_of(specs[0]):
        yield from _spread(path, value, origin)
    else:
        yield Assignment(path, value, origin)


def _parsed(text: str, specs: Sequence[FieldInfo], where: str) -> JsonValue:
    """The value as YAML, but text where text is wanted: ``1234`` or ``a: b`` need no quotes there."""
    texts = any(accepts(spec, str) for spec in specs)
    nothing = any(accepts(spec, NoneType) for spec in specs) and scalar(text) is None
    if texts and not nothing and text[:1] not in {'"', "'"}:
        return text
    value = parse_value(text, where)
    lists = any(accepts(spec, tuple) for spec in specs)
    return [text] if lists and value is not None and not isinstance(value, (list, dict)) else value


def _spread(path: tuple[str, ...], value: Tree, origin: str) -> Iterator[Assignment]:
    for name, item in value.items():
        if isinstance(item, dict) and item:
            yield from _spread((*path, name), item, origin)
        else:
            yield Assignment((*path, name), item, origin)
