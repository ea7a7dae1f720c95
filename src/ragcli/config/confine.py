"""Folders that ragcli writes to and that a configuration file may not place outside its own folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.origins import dotted
from ragcli.config.yaml_tree import KeyPath, Tree

if TYPE_CHECKING:
    from ragcli.records import JsonValue

CONFINED: tuple[KeyPath, ...] = (("workspace", "path"), ("models", "cache"))
"""See docs/adr/0003-untrusted-config.md."""


def escapes(values: Tree, origins: Mapping[str, str], base: Path) -> list[str]:
    """One line per confined folder that leaves ``base``, links followed, though a file or a default placed it.

    Args:
        values: A complete configuration with absolute paths.
        origins: Where its values were given, by dotted key.
        base: The folder of the configuration file, or the working directory.
    """
    problems: list[str] = []
    folder = os.path.realpath(base)
    for path in CONFINED:
        origin, value = origins[dotted(path)], _at(values, path)
        trusted = origin != "default" and not origin.startswith("file ")
        if trusted or value is None:
            continue
        inside = os.path.realpath(str(value))
        if not inside.startswith(folder.rstrip("/") + "/"):
            where = f"{origin.removeprefix('file ')}: " if origin != "default" else ""
            variable = "RAGCLI_" + "__".join(map(str, path)).upper()
            problems.append(
                f"{where}{dotted(path)}: {inside} is not inside {folder}; "
                f"give a folder elsewhere by --set {dotted(path)}=... or {variable}"
            )
    return problems


def _at(values: Tree, path: KeyPath) -> JsonValue:
    node: JsonValue = values
    for part in path:
        node = node.get(str(part)) if isinstance(node, dict) else None
    return node
