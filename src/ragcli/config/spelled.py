"""A configuration file that spells out every default, each with what it is for."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from textwrap import wrap
from typing import TYPE_CHECKING

from ragcli.config.base import Settings
from ragcli.config.documentation import field_docs, section_doc
from ragcli.config.keys import default_kind, fields, kind_of, models_of, of_kind
from ragcli.config.plain import to_plain
from ragcli.config.settings import Config

if TYPE_CHECKING:
    from ragcli.config.tree import Tree
    from ragcli.records import JsonValue

_WIDTH = 118
_HEADER = """\
# Every setting at its default, and what it is for. Generated from the settings models.
# A file of your own needs only what differs; paths are relative to the file.
"""


def default_yaml() -> str:
    """The text of ``configs/default.yaml``; it loads to ``Config()``."""
    return "\n".join([_HEADER, *_section(Config, to_plain(Config()), 0)]).rstrip() + "\n"


def _section(model: type[Settings], values: Tree, depth: int) -> Iterator[str]:
    docs = field_docs(model)
    for name, value in values.items():
        field = fields(model)[name]
        below = of_kind(models_of(field), default_kind(field)) if isinstance(value, dict) else None
        if below is None:
            yield from _comment(_other_kinds(model) if name == "kind" else docs[name], depth)
            yield f"{'  ' * depth}{name}: {_inline(value)}"
        else:
            yield from _comment(section_doc(below), depth)
            yield f"{'  ' * depth}{name}:"
            yield from _section(below, _tree(value), depth + 1)
        if depth == 0:
            yield ""


def _other_kinds(model: type[Settings]) -> str:
    unions = (models_of(field) for section in _all(Config) for field in fields(section).values())
    union = next(models for models in unions if model in models and len(models) > 1)
    return (
        f"Or {', '.join(kind_of(other) for other in union if other is not model)}: see docs/config.md for their keys."
    )


def _all(model: type[Settings]) -> Iterator[type[Settings]]:
    yield model
    for field in fields(model).values():
        for below in models_of(field):
            yield from _all(below)


def _comment(text: str, depth: int) -> Iterator[str]:
    margin = "  " * depth + "# "
    paragraph = text.split("\n\n", maxsplit=1)[0].replace("``", "`")
    for line in wrap(" ".join(paragraph.split()), _WIDTH - len(margin)):
        yield margin + line


def _inline(value: JsonValue) -> str:
    """A plain value as YAML writes it; JSON is YAML, and plain words need no quotes."""
    if isinstance(value, str) and value and value.replace("-", "").replace("/", "").replace("_", "").isalnum():
        return value
    if isinstance(value, list):
        return f"[{', '.join(_inline(item) for item in value)}]"
    return dumps(value, ensure_ascii=False)


def _tree(value: JsonValue) -> Tree:
    return value if isinstance(value, dict) else {}
