"""The reference page of the configuration, in Markdown, made from the models so that it cannot drift."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from ragcli.config.base import Settings
from ragcli.config.documentation import field_docs, section_doc
from ragcli.config.keys import Models, accepts, default_kind, fields, kind_of, models_of
from ragcli.config.settings import Config
from ragcli.config.sources import OTHER_VARIABLES

_INTRODUCTION = """\
# Configuration

Generated from the settings models; do not edit. `ragcli init` writes a starter file, `ragcli config show` prints every
value with where it came from, `ragcli config validate FILE` checks a file, and `ragcli config schema` prints a JSON
Schema for editors.

The file is `ragcli.yaml` in the working directory or the nearest parent, or what `--config` or `RAGCLI_CONFIG` names.
Later wins: defaults, the file, `RAGCLI_SECTION__KEY` in the environment, `--set section.key=value`, flags.

- Values of the environment and of `--set` are YAML: `--set query.where='[type=markdown]'`,
  `RAGCLI_INDEX__EMBEDDER__KIND=hashing`.
- Where there are several kinds, naming another `kind` drops the values that only the old kind has.
- Relative paths of the file start at the file's folder; all others start at the working directory.
- Unknown keys are errors that name the nearest valid one. YAML tags, anchors and aliases are refused.
- `workspace.path` and `models.cache` of a file must lie inside the file's folder, and a file that names the service of
  a remote embedder cannot list sources outside of it (see [adr/0003](adr/0003-untrusted-config.md)).
"""

_TYPE_NAMES: dict[Any, str] = {
    int: "whole number", float: "number", str: "text", bool: "true or false", Path: "path", NoneType: "null",
}  # fmt: skip
_BOUNDS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))


def markdown() -> str:
    """The whole page: every section, every kind, every key with its values, default and meaning."""
    lines = [_INTRODUCTION]
    seen: dict[type[Settings], str] = {}
    for name, field in fields(Config).items():
        for model in models_of(field):
            lines += _section(name, model, 2, seen)
    lines += ["## Environment variables that are not settings", "", "| variable | what it is for |", "|---|---|"]
    lines += [f"| `{name}` | {_cell(text)} |" for name, text in OTHER_VARIABLES.items()]
    return "\n".join(lines) + "\n"


def _section(path: str, model: type[Settings], level: int, seen: dict[type[Settings], str]) -> Iterator[str]:
    yield from ("#" * level + f" {path}", "", _code(section_doc(model)), "")
    if model in seen:
        yield from (f"Its keys are those of {seen[model]}.", "")
        return
    seen[model] = path
    docs = field_docs(model)
    plain = {name: field for name, field in fields(model).items() if not models_of(field) and name != "kind"}
    if plain:
        yield from ("| key | value | default | meaning |", "|---|---|---|---|")
        for name, field in plain.items():
            yield f"| `{name}` | {_cell(values(field))} | {_cell(_default(field))} | {_cell(_code(docs[name]))} |"
        yield ""
    for name, field in fields(model).items():
        below = models_of(field)
        if below:
            below_path = f"{path.partition(',')[0]}.{name}"
            if accepts(field, NoneType):  # the same sections stand elsewhere on the page; here they only override
                yield from ("#" * (level + 1) + f" {below_path}", "", _code(docs[name]), "")
            else:
                yield from _below(below_path, field, below, level + 1, seen)


def _below(path: str, field: FieldInfo, below: Models, level: int, seen: dict[type[Settings], str]) -> Iterator[str]:
    if len(below) == 1:
        yield from _section(f"{path}[]" if accepts(field, tuple) else path, below[0], level, seen)
        return
    kinds = ", ".join(f"`{kind_of(model)}`" for model in below)
    yield from ("#" * level + f" {path}", "", f"One of the kinds {kinds}; `{default_kind(field)}` by default.", "")
    for model in below:
        yield from _section(f"{path}, kind: {kind_of(model)}", model, level + 1, seen)


def values(field: FieldInfo) -> str:
    """What may stand in a field, in words: ``whole number >= 1``, ``"dense" or "lexical"``."""
    bounds = [
        f"{sign} {getattr(constraint, name)}"
        for constraint in field.metadata
        for name, sign in _BOUNDS
        if getattr(constraint, name, None) is not None
    ]
    return " ".join([_type(field.annotation), " and ".join(bounds)]).strip()


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in {Union, UnionType}:
        return " or ".join(_type(argument) for argument in arguments)
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping of {_type(arguments[0])} to {_type(arguments[1])}"
    return _TYPE_NAMES.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    return f"`{_yaml(value)}`"


def _yaml(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, Enum):
        return str(value.value)
    return str(value) or '""'


def _code(text: str) -> str:
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
