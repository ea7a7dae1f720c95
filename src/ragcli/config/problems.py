"""Validation errors as people read them: where, which key, what is wrong, and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ragcli.config.keys import Models, fields, kind_of, models_of, nearest, of_kind, suggestion
from ragcli.config.layers import Layered
from ragcli.config.origins import dotted
from ragcli.config.settings import Config
from ragcli.config.tree import KeyPath, Tree
from ragcli.errors import ConfigError
from ragcli.records import JsonValue

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_WRONG_TYPE = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text (quote it to make it text)",
    "path_type": "a path",
    "tuple_type": "a list, such as [a, b]",
    "list_type": "a list, such as [a, b]",
    "dict_type": "a mapping of keys",
    "model_type": "a section of keys",
    "model_attributes_type": "a section of keys",
}
_BOUNDS = {"greater_than_equal": (">=", "ge"), "greater_than": (">", "gt"), "less_than_equal": ("<=", "le"),
           "less_than": ("<", "lt")}  # fmt: skip


def explain(errors: Iterable[ErrorDetails], layered: Layered) -> ConfigError:
    """One error that lists every problem, one a line, in the order of the file."""
    by_path: dict[KeyPath, list[ErrorDetails]] = {}
    models_at: dict[KeyPath, Models] = {}
    for error in errors:
        path, models = locate(error["loc"], layered.tree)
        if error["type"] == "union_tag_invalid":
            path = (*path, "kind")
        by_path.setdefault(path, []).append(error)
        models_at[path] = models
    problems = [
        problem(layered, path, _message(found, path, models_at[path], layered.tree)) for path, found in by_path.items()
    ]
    return as_error(problems)


def problem(layered: Layered, path: KeyPath, message: str) -> str:
    """One line: where the value was given, the key, what is wrong with it."""
    origin = layered.origin(path)
    key = dotted(path)
    if origin.startswith("file "):
        return f"{origin.removeprefix('file ')}: {key}: {message}"
    if origin == "set":
        return f"--set {key}: {message}"
    return f"{key}: {message}" if origin in {"default", "flag"} else f"{origin}: {key}: {message}"


def as_error(problems: Sequence[str]) -> ConfigError:
    """All problems as one error, sorted by line within a file."""
    hint = "`ragcli config schema` lists every key; `ragcli config show` prints what is in force"
    return ConfigError("\n".join(sorted(problems, key=_by_line)), hint=hint)


def _by_line(text: str) -> tuple[int, str]:
    line = text.split(": ", 1)[0].rpartition(":")[2]
    return (int(line), "") if line.isdigit() else (0, text)


def locate(location: Sequence[str | int], tree: Tree) -> tuple[KeyPath, Models]:
    """Where in the tree an error lies, without the union tags a location carries, and the sections it lies in.

    Stops at a plain value: what follows there (such as the branches of ``str | int``) is no key.
    """
    path: list[str | int] = []
    models: Models = (Config,)
    below: Models = (Config,)
    value: JsonValue = tree
    for part in location:
        if len(below) > 1 and isinstance(part, str) and any(kind_of(model) == part for model in below):
            continue
        if isinstance(value, dict) and isinstance(part, str):
            section = of_kind(below, value.get("kind")) if below else None
            if below:
                models = below
                spec = fields(section).get(part) if section else None
                below = models_of(spec) if spec else ()
            elif part not in value:
                break
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            break
        path.append(part)
    return tuple(path), models if value is not tree else (Config,)


def _message(errors: Sequence[ErrorDetails], path: KeyPath, models: Models, tree: Tree) -> str:
    if len(errors) > 1:
        wanted = [_WRONG_TYPE[error["type"]].split(" (")[0] for error in errors if error["type"] in _WRONG_TYPE]
        if len(wanted) == len(errors):
            return f"{_shown(errors[0]['input'])} is not {' or '.join(dict.fromkeys(wanted))}"
    return _one(errors[0], path, models, tree)


def _one(error: ErrorDetails, path: KeyPath, models: Models, tree: Tree) -> str:
    context: Mapping[str, Any] = error.get("ctx", {})
    kind, given = error["type"], _shown(error["input"])
    if kind in _BOUNDS:
        sign, bound = _BOUNDS[kind]
        return f"{given} is not in range: must be {sign} {_number(context[bound])}"
    if kind in _WRONG_TYPE:
        return f"{given} is not {_WRONG_TYPE[kind]}"
    match kind:
        case "extra_forbidden":
            message = _unknown_key(str(path[-1]), path, models, tree)
        case "missing":
            message = "is missing"
        case "literal_error" | "union_tag_invalid":
            message = _not_one_of(context.get("tag", error["input"]), context)
        case "union_tag_not_found":
            message = f"needs a kind: one of {_kinds(path, models)}"
        case "value_error":
            message = str(context.get("error", error["msg"]))
        case "string_too_long":
            message = f"{given} is longer than {context['max_length']} character(s)"
        case _:
            message = str(error["msg"])
    return message


def _number(bound: float) -> str:
    return str(int(bound)) if bound == int(bound) else str(bound)


def _unknown_key(name: str, path: KeyPath, models: Models, tree: Tree) -> str:
    parent = _value_at(tree, path[:-1])
    section = of_kind(models, parent.get("kind") if isinstance(parent, dict) else None)
    if section is None or "kind" not in fields(section):
        return f"unknown key, {suggestion(name, models)}"
    owners = [kind_of(model) for model in models if name in fields(model)]
    if owners:
        return f"kind {kind_of(section)!r} has no such key, kind {' and '.join(map(repr, owners))} has"
    return f"kind {kind_of(section)!r} has no such key, {suggestion(name, (section,))}"


def _not_one_of(given: object, context: Mapping[str, Any]) -> str:
    expected = str(context.get("expected") or context.get("expected_tags"))
    choices = [choice.strip().strip("'") for choice in expected.replace(" or ", ", ").split(", ")]
    near = nearest(str(given), choices)
    return f"{_shown(given)} is not one of {', '.join(choices)}" + (f"; did you mean {near!r}?" if near else "")


def _kinds(path: KeyPath, models: Models) -> str:
    specs = [fields(model)[str(path[-1])] for model in models if path[-1] in fields(model)]
    return ", ".join(kind_of(model) for spec in specs for model in models_of(spec))


def _value_at(tree: JsonValue, path: KeyPath) -> JsonValue:
    for part in path:
        if isinstance(tree, dict) and isinstance(part, str):
            tree = tree.get(part)
        elif isinstance(tree, list) and isinstance(part, int):
            tree = tree[part]
    return tree


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
