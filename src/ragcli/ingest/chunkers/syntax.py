"""Source code as a tree of definitions, by tree-sitter, in character offsets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tree_sitter import Language, Node

Symbol = tuple[str, ...]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Module and function that give a language's grammar.
_GRAMMARS = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
}

# Node types of all grammars together: no type means a definition in one of them and something else in another.
_DEFINITIONS = _words(
    """
    function_definition class_definition function_declaration generator_function_declaration class_declaration
    abstract_class_declaration method_definition interface_declaration type_alias_declaration enum_declaration
    internal_module module function_signature method_declaration type_spec function_item struct_item enum_item
    union_item trait_item impl_item mod_item macro_definition record_declaration annotation_type_declaration
    constructor_declaration compact_constructor_declaration struct_specifier union_specifier enum_specifier
    class_specifier namespace_definition concept_definition
    """
)
_ATTACHED = _words(
    """
    comment line_comment block_comment decorator attribute_item inner_attribute_item attribute_declaration
    access_specifier
    """
)
# Wrap definitions without being one; their members count as members of what is around them.
_TRANSPARENT = _words(
    """
    preproc_ifdef preproc_if preproc_else preproc_elif linkage_specification
    """
)
_FUNCTION_VALUES = _words(
    """
    arrow_function function_expression generator_function class
    """
)
_NAMES = _words(
    """
    identifier field_identifier type_identifier qualified_identifier destructor_name operator_name
    property_identifier namespace_identifier
    """
)

_ARGUMENTS = re.compile(r"<[^<>]*>")

MAX_CHARS = 2_000_000
"""Longer files are cut by lines: machine-made, and not worth a parser's time."""
_MAX_LINE = 2_000
_MAX_MEAN_LINE = 300
_MAX_BROKEN = 0.3


@dataclass(frozen=True, slots=True)
class Part:
    """One of the parts that make up a range of text; it ends where the next one starts.

    Attributes:
        start: Offset of its first character; comments, decorators and attributes above a definition belong to it.
        symbol: Path of the definition, or of the scope that code which defines nothing lies in.
        definition: Whether it is a function, class, method, type or namespace.
        node: What can be taken apart further.
    """

    start: int
    symbol: Symbol
    definition: bool
    node: "Node | None"


class Syntax:
    """The parsed text of a source file.

    Attributes:
        root: The file as one part.
    """

    def __init__(self, text: str, data: bytes, root: "Node") -> None:
        self.text = text
        self.root = Part(0, (), False, root)
        self._data = data
        self._chars: NDArray[np.int64] | None = None
        if len(data) != len(text):
            starts = (np.frombuffer(data, dtype=np.uint8) & 0xC0) != 0x80
            self._chars = np.concatenate(([0], np.cumsum(starts)))

    def parts(self, part: Part, end: int) -> list[Part]:
        """What a part is made of, in order, its own header first; empty when it has no inner structure."""
        if part.node is None:
            return []
        children = list(self._children(part.node))
        marks = [Part(self._line_start(start), *self._named(part, node)) for start, node in self._grouped(children)]
        marks = [mark for mark in marks if part.start < mark.start < end] if part.node.parent else marks
        parts = [Part(part.start, part.symbol, False, None)]
        for mark in marks:
            if mark.start > parts[-1].start:
                parts.append(mark)
            elif mark.start == parts[-1].start and parts[-1].node is None:
                parts[-1] = Part(parts[-1].start, mark.symbol, mark.definition, mark.node)
        return parts if len(parts) > 1 or parts[0].node is not None else []

    def _children(self, node: "Node") -> "Iterator[Node]":
        for child in _body(node).named_children:
            if child.type in _TRANSPARENT:
                conditions = [child.child_by_field_name(field) for field in ("name", "condition", "value")]
                yield from (inner for inner in self._children(child) if inner not in conditions)
            else:
                yield child

    def _grouped(self, nodes: "Sequence[Node]") -> "Iterator[tuple[int, Node | None]]":
        """Nodes with where they start, the comments and decorators above included; None for those that stand alone."""
        above: Node | None = None
        row_before = -1
        last_row = -1
        for node in nodes:
            row, stop = node.start_point[0], node.end_point[0] - (node.end_point[1] == 0)
            if above is not None and row > row_before + 1:
                yield self._char(above.start_byte), None
                above = None
            if node.type in _ATTACHED:
                if row == last_row:
                    continue  # it trails the code on its line
                above = above or node
                row_before = stop
                continue
            yield self._char((above or node).start_byte), node
            above, last_row = None, stop
        if above is not None:
            yield self._char(above.start_byte), None

    def _named(self, scope: Part, node: "Node | None") -> "tuple[Symbol, bool, Node | None]":
        if node is None:
            return scope.symbol, False, None
        inner = _unwrapped(node)
        name = self._name(inner) if inner is not None else ()
        return (*scope.symbol, *name), bool(name), node

    def _name(self, node: "Node") -> Symbol:
        named = node.child_by_field_name("name")
        if node.type == "impl_item":
            named = node.child_by_field_name("type")
        if named is None:
            named = _declared(node)
        if named is None:
            return ()
        name = self._plain_name(named)
        receiver = node.child_by_field_name("receiver")
        owner = _first(receiver, "type_identifier") if receiver is not None else None
        return (self._source(owner), *name) if owner is not None else name

    def _plain_name(self, node: "Node") -> Symbol:
        """The parts of a name, type arguments left out: ``a::b<T>`` is ``("a", "b")``."""
        text, operator, sign = self._source(node).partition("operator")
        text = _ARGUMENTS.sub("", _ARGUMENTS.sub("", text)).strip("\"'` ") + operator + sign
        return tuple(part for part in text.replace("::", ".").split(".") if part)[-4:]

    def _source(self, node: "Node") -> str:
        return self._data[node.start_byte : node.end_byte].decode("utf-8", "replace")[:120]

    def _char(self, byte: int) -> int:
        return byte if self._chars is None else int(self._chars[byte])

    def _line_start(self, start: int) -> int:
        line = self.text.rfind("\n", 0, start) + 1
        return line if not self.text[line:start].strip() else start


def parse(text: str, language: str) -> Syntax | None:
    """The syntax of a source file; None for other languages, minified files and what does not parse."""
    if language not in _GRAMMARS or len(text) > MAX_CHARS or _minified(text):
        return None
    data = text.encode("utf-8", "surrogatepass")
    root = _parse(data, language)
    if language == "c" and root.has_error:
        other = _parse(data, "cpp")  # a C++ header that is called .h
        root = min(root, other, key=_broken)
    return None if _broken(root) > _MAX_BROKEN * len(data) else Syntax(text, data, root)


def _parse(data: bytes, language: str) -> "Node":
    from tree_sitter import Parser

    return Parser(_language(language)).parse(data).root_node


@cache
def _language(name: str) -> "Language":
    from tree_sitter import Language

    module, function = _GRAMMARS[name]
    return Language(getattr(import_module(module), function)())


def _minified(text: str) -> bool:
    lines = text.split("\n")
    return max(map(len, lines)) > _MAX_LINE and len(text) / len(lines) > _MAX_MEAN_LINE


def _broken(root: "Node") -> int:
    """Bytes that the parser could make nothing of."""
    if not root.has_error:
        return 0
    if root.type == "ERROR":
        return root.end_byte - root.start_byte
    return sum(child.end_byte - child.start_byte for child in root.children if child.type == "ERROR")


def _body(node: "Node") -> "Node":
    """Where the members or statements of a definition stand; the node itself when it has no body."""
    inner = _unwrapped(node) or node
    value = _function_value(inner)
    body = (value or inner).child_by_field_name("body")
    if body is None and inner.type == "type_spec":
        body = inner.child_by_field_name("type")
    if body is None:
        body = inner
    lone = body.named_children
    # Go wraps statements in a list, and fields of a type in another.
    return lone[0] if len(lone) == 1 and lone[0].type in {"statement_list", "field_declaration_list"} else body


def _unwrapped(node: "Node") -> "Node | None":
    """The definition inside decorators, ``export``, ``template`` and the like; None when there is none."""
    for _ in range(5):
        if node.type in _DEFINITIONS or _function_value(node) is not None:
            return node
        inner = _inner(node)
        if inner is None:
            return None
        node = inner
    return None


def _inner(node: "Node") -> "Node | None":
    match node.type:
        case "decorated_definition":
            return node.child_by_field_name("definition")
        case "export_statement":
            return node.child_by_field_name("declaration") or node.child_by_field_name("value")
        case "type_definition":
            return node.child_by_field_name("type")
        case "template_declaration" | "ambient_declaration":
            return node.named_children[-1] if node.named_children else None
        case "expression_statement" | "type_declaration":
            return node.named_children[0] if len(node.named_children) == 1 else None
        case _:
            return None


def _function_value(node: "Node") -> "Node | None":
    """The function or class that a variable, field or property is set to."""
    if node.type in {"lexical_declaration", "variable_declaration"}:
        declarators = [child for child in node.named_children if child.type == "variable_declarator"]
        value = declarators[0].child_by_field_name("value") if len(declarators) == 1 else None
    elif node.type in {"public_field_definition", "field_definition", "pair"}:
        value = node.child_by_field_name("value")
    elif node.type == "assignment_expression":
        value = node.child_by_field_name("right")
    else:
        value = None
    return value if value is not None and value.type in _FUNCTION_VALUES else None


def _declared(node: "Node") -> "Node | None":
    """The name in a declarator, a declaration or an assignment."""
    for field in ("declarator", "left", "property", "key"):
        inner = node.child_by_field_name(field)
        if inner is not None:
            return inner if inner.type in _NAMES or field == "left" else _declared(inner)
    if node.type in {"lexical_declaration", "variable_declaration"}:
        return node.named_children[0].child_by_field_name("name")
    if node.type == "struct_specifier" and node.parent is not None and node.parent.type == "type_definition":
        return node.parent.child_by_field_name("declarator")
    return next((child for child in node.named_children if child.type in _NAMES), None)


def _first(node: "Node", kind: str) -> "Node | None":
    if node.type == kind:
        return node
    return next((found for child in node.named_children if (found := _first(child, kind)) is not None), None)
