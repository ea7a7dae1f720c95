"""YAML as plain values that remember their lines; nothing in it can run code or grow without bound.

Built on the parser's events rather than on its object constructors: there is no tag that makes an object, no alias to
expand, and nesting is counted here because the C composer overflows the stack on a few thousand brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ragcli.config.tree import MAX_BYTES, KeyPath, Tree
from ragcli.errors import ConfigError

if TYPE_CHECKING:
    from yaml.error import MarkedYAMLError
    from yaml.events import Event, NodeEvent

    from ragcli.records import JsonValue

MAX_DEPTH = 32
MAX_VALUES = 50_000

_INT = re.compile(r"[-+]?[0-9]+(_[0-9]+)*|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, JsonValue] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]*")
_MAX_DIGITS = 40
_SYNTAX_HINT = "close every quote and bracket, and quote text that holds any of : # [ ] { } * & !"


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed file.

    Attributes:
        name: The file as messages call it.
        tree: Its root mapping; empty for an empty file.
        lines: The line, from 1, of every key and list item.
    """

    name: str
    tree: Tree
    lines: Mapping[KeyPath, int]


def parse_file(data: bytes, name: str) -> YamlFile:
    """Read the bytes of a configuration file.

    Raises:
        ConfigError: With file and line, when it is not UTF-8, not YAML, too large, too deep, not a mapping, repeats a
            key, or uses tags, anchors or more than one document.
    """
    if len(data) > MAX_BYTES:
        raise ConfigError(f"{name}: larger than {MAX_BYTES} bytes", hint="a configuration is a page of YAML")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: not UTF-8 text", hint="save the file as UTF-8") from error
    builder = _Builder(name)
    root = builder.build(text)
    if root is None:
        root = {}
    if not isinstance(root, dict):
        raise ConfigError(f"{name}:1: not a mapping of sections", hint="`ragcli init` writes a starter file")
    return YamlFile(name, root, builder.lines)


def parse_value(text: str, name: str) -> JsonValue:
    """The value of an override: a YAML scalar or flow collection such as ``[a, b]``."""
    if _PLAIN.fullmatch(text):
        return scalar(text)  # most overrides are one word, and the YAML library costs 30 ms to import
    return _Builder(name, numbered=False).build(text)


def scalar(text: str) -> JsonValue:
    """An unquoted scalar by the rules of YAML 1.2: ``no`` and ``12:30`` are text, ``1e-3`` is a number."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _MAX_DIGITS:
        if _INT.fullmatch(text):
            return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


@dataclass(slots=True)
class _Frame:
    """A collection that is being filled; ``key`` is set while a mapping waits for the key's value."""

    path: KeyPath
    value: list[JsonValue] | Tree
    key: str | None = None


@dataclass(slots=True)
class _Builder:
    name: str
    numbered: bool = True
    lines: MutableMapping[KeyPath, int] = field(default_factory=dict)
    stack: list[_Frame] = field(default_factory=list)
    count: int = 0

    def build(self, text: str) -> JsonValue:
        from yaml import YAMLError
        from yaml.error import MarkedYAMLError
        from yaml.reader import ReaderError

        try:
            return self._consume(_events(text))
        except MarkedYAMLError as error:
            raise self._syntax_error(error, text) from error
        except ReaderError as error:
            before = text[: error.position]
            where = self._at(before.count("\n") + 1, len(before) - before.rfind("\n"))
            raise ConfigError(f"{where}: a control character ({error.character:#04x})", hint="remove it") from error
        except YAMLError as error:
            raise ConfigError(f"{self.name}: not YAML: {error}") from error

    def _syntax_error(self, error: MarkedYAMLError, text: str) -> ConfigError:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        context = f" ({error.context}, line {error.context_mark.line + 1})" if error.context_mark else ""
        lines = text.splitlines()
        written = lines[line] if line < len(lines) else ""
        tab = "\t" in written[: len(written) - len(written.lstrip())]
        hint = "indent with spaces: YAML allows no tabs there" if tab else _SYNTAX_HINT
        return ConfigError(f"{self._at(line + 1, column + 1)}: {error.problem or 'not YAML'}{context}", hint=hint)

    def _consume(self, events: Iterator[Event]) -> JsonValue:
        from yaml.events import CollectionEndEvent, DocumentStartEvent, NodeEvent

        root: JsonValue = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error(event, "a second YAML document")
            elif isinstance(event, CollectionEndEvent):
                self.stack.pop()
            elif isinstance(event, NodeEvent):
                outermost = not self.stack
                value = self._node(event)
                root = value if outermost else root
        return root

    def _node(self, event: NodeEvent) -> JsonValue:
        """Take a key, a plain value or the start of a collection."""
        from yaml.events import MappingStartEvent, ScalarEvent, SequenceStartEvent

        self._check(event)
        value: JsonValue
        if isinstance(event, ScalarEvent):
            if self._waits_for_key():
                self._key(event, event.value)
                return None
            plain = not event.style and event.tag is None
            value = scalar(event.value) if plain else event.value
            self._place(event, value)
        elif isinstance(event, SequenceStartEvent):
            value = []
            self.stack.append(_Frame(self._place(event, value), value))
        elif isinstance(event, MappingStartEvent):
            value = {}
            self.stack.append(_Frame(self._place(event, value), value))
        else:
            raise self._error(event, f"an alias (*{event.anchor}): write the value out")
        return value

    def _waits_for_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and self.stack[-1].key is None

    def _key(self, event: Event, key: str) -> None:
        frame = self.stack[-1]
        if isinstance(frame.value, dict) and key in frame.value:
            first = self.lines[(*frame.path, key)]
            raise self._error(event, f"{key!r} is given twice, first in line {first}")
        frame.key = key
        self.lines[(*frame.path, key)] = _line(event)

    def _place(self, event: Event, value: JsonValue) -> KeyPath:
        if not self.stack:
            return ()
        frame = self.stack[-1]
        if isinstance(frame.value, list):
            path: KeyPath = (*frame.path, len(frame.value))
            self.lines[path] = _line(event)
            frame.value.append(value)
            return path
        if frame.key is None:
            raise self._error(event, "a key that is not plain text")
        path = (*frame.path, frame.key)
        frame.value[frame.key] = value
        frame.key = None
        return path

    def _check(self, event: NodeEvent) -> None:
        from yaml.events import AliasEvent

        self.count += 1
        if self.count > MAX_VALUES:
            raise self._error(event, f"more than {MAX_VALUES} values")
        if len(self.stack) >= MAX_DEPTH:
            raise self._error(event, f"nested deeper than {MAX_DEPTH} levels")
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None and not isinstance(event, AliasEvent):
            raise self._error(event, f"an anchor (&{anchor}): write the value out where it is needed")
        if tag not in {None, "!", "tag:yaml.org,2002:str"}:
            raise self._error(event, f"the tag {tag}: only plain values are read")

    def _error(self, event: Event, what: str) -> ConfigError:
        return ConfigError(f"{self._at(_line(event))}: {what}")

    def _at(self, line: int, column: int = 0) -> str:
        """Where a person looks; the column, from 1, where the parser stopped at a character."""
        if not self.numbered:
            return self.name
        return f"{self.name}:{line}:{column}" if column else f"{self.name}:{line}"


def _line(event: Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _events(text: str) -> Iterator[Event]:
    import yaml

    # PyYAML without libyaml has no C loader; the pure one makes the same events.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    while loader.check_event():
        yield loader.get_event()
