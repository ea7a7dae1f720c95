"""A configuration as plain values: the words that everything here shares, and no import but these."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ragcli.records import JsonValue

KeyPath: TypeAlias = tuple[str | int, ...]
Tree: TypeAlias = "dict[str, JsonValue]"

MAX_BYTES = 1 << 20
"""Longest configuration file."""
