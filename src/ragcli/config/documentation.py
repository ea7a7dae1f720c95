"""What the settings models say about themselves: docstrings of sections and of attributes, read from the source."""

import ast
import inspect
from functools import cache
from types import ModuleType

from ragcli.config.base import Settings
from ragcli.config.keys import fields


def section_doc(model: type[Settings]) -> str:
    """The docstring of a section, one paragraph a line."""
    return inspect.cleandoc(model.__doc__ or "")


def field_docs(model: type[Settings]) -> dict[str, str]:
    """The docstring under each field, by the name a file uses; inherited ones included, empty where there is none."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if issubclass(owner, Settings) and owner is not Settings:
            module = inspect.getmodule(owner)
            found |= {} if module is None else _attribute_docs(module).get(owner.__name__, {})
    by_attribute = {field.alias or name: name for name, field in model.model_fields.items()}
    return {name: found.get(by_attribute[name], "") for name in fields(model)}


@cache
def _attribute_docs(module: ModuleType) -> dict[str, dict[str, str]]:
    tree = ast.parse(inspect.getsource(module))
    return {node.name: _class_docs(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _class_docs(node: ast.ClassDef) -> dict[str, str]:
    docs: dict[str, str] = {}
    for statement, after in zip(node.body, node.body[1:], strict=False):
        if (
            isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            docs[statement.target.id] = " ".join(inspect.cleandoc(after.value.value).split())
    return docs
