"""Finding one's way through the settings models by dotted key, and the nearest name for a wrong one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo

from ragcli.config.base import Settings
from ragcli.config.origins import dotted
from ragcli.config.settings import Config

Models = tuple[type[Settings], ...]


def fields(model: type[Settings]) -> dict[str, FieldInfo]:
    """The fields of a section under the names a file uses."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def models_of(field: FieldInfo) -> Models:
    """The sections a field may hold: several for a union by ``kind``, none for a plain value."""
    return tuple(_models_in(field.annotation))


def _models_in(annotation: Any) -> Iterator[type[Settings]]:
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def accepts(field: FieldInfo, kind: type) -> bool:
    """Whether a plain value of this type (``str``, ``tuple``, ``NoneType``) may stand in the field."""
    annotation = field.annotation
    alternatives = get_args(annotation) if NoneType in get_args(annotation) else (annotation,)
    return any(alternative is kind or getattr(alternative, "__origin__", None) is kind for alternative in alternatives)


def kind_of(model: type[Settings]) -> str:
    """The ``kind`` a section answers to; empty for one that is no member of a union."""
    field = model.model_fields.get("kind")
    return str(field.default) if field else ""


def of_kind(models: Models, kind: object) -> type[Settings] | None:
    """The section of a union that answers to a kind; the only section where there is no choice."""
    if len(models) == 1:
        return models[0]
    return next((model for model in models if kind_of(model) == kind), None)


def default_kind(field: FieldInfo) -> str:
    """The kind a union field has when none is named; empty when it must be named."""
    default = field.get_default(call_default_factory=True, validated_data={})
    return kind_of(type(default)) if isinstance(default, Settings) else ""


def find(path: Sequence[str], models: Models = (Config,)) -> list[FieldInfo]:
    """Fields a dotted key can mean: one per section of a union that has it; empty when none has.

    Raises:
        KeyError: With the valid names beside the first part that leads nowhere.
    """
    found: list[FieldInfo] = []
    for part in path:
        found = [fields(model)[part] for model in models if part in fields(model)]
        if not found:
            raise KeyError(part, names(models))
        models = tuple(dict.fromkeys(model for field in found for model in models_of(field)))
    return found


def names(models: Models) -> list[str]:
    """Valid keys of a section, or of any section of a union, in their order."""
    return list(dict.fromkeys(name for model in models for name in fields(model)))


def leaves(model: type[Settings] = Config, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    """Every plain field under a section with its path; fields of each kind of a union, not into lists."""
    for name, field in fields(model).items():
        below = models_of(field)
        if not below or accepts(field, tuple):
            yield (*prefix, name), field
        for section in () if accepts(field, tuple) else below:
            yield from leaves(section, (*prefix, name))


def nearest(name: str, valid: Sequence[str]) -> str:
    """The valid name most like a wrong one; empty when none is like it."""
    from difflib import get_close_matches

    plain = {candidate.lower().replace("-", "_"): candidate for candidate in valid}
    wanted = name.lower().replace("-", "_")
    squeezed = {candidate.replace("_", ""): full for candidate, full in plain.items()}
    if wanted.replace("_", "") in squeezed:
        return squeezed[wanted.replace("_", "")]
    close = get_close_matches(wanted, plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else ""


def suggestion(name: str, models: Models) -> str:
    """``did you mean 'top_k'?``: the nearest key here, the same key elsewhere, or the list of keys."""
    valid = names(models)
    near = nearest(name, valid)
    if near:
        return f"did you mean {near!r}?"
    elsewhere = list(dict.fromkeys(dotted(path) for path, _ in leaves() if path[-1] == name))
    if elsewhere:
        return f"did you mean {elsewhere[0]!r}?"
    return f"valid keys are {', '.join(valid)}" if valid else "it has no keys"
