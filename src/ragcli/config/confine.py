"""What a configuration file may not do by itself: write outside its own folder, or send what lies there to a stranger.

See docs/adr/0003-untrusted-config.md. Values from the environment, ``--set`` and flags are the user's own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.origins import dotted
from ragcli.config.tree import KeyPath, Tree

if TYPE_CHECKING:
    from ragcli.records import JsonValue

CONFINED: tuple[KeyPath, ...] = (("workspace", "path"), ("models", "cache"))
"""Folders that are written to."""
_BASE_URLS: tuple[KeyPath, ...] = (
    ("index", "embedder", "base_url"),
    ("index", "summaries", "base_url"),
    ("query", "rerank", "base_url"),
    ("query", "rerank", "embedder", "base_url"),
    ("query", "answer", "base_url"),
)
"""Services that the documents' text is sent to."""
_OWN_HOSTS = ("127.0.0.1", "[::1]", "localhost")


def escapes(values: Tree, origins: Mapping[str, str], base: Path) -> list[str]:
    """One line per place where a file, or a default beside it, leaves ``base``, links followed.

    Args:
        values: A complete configuration with absolute paths.
        origins: Where its values were given, by dotted key.
        base: The folder of the configuration file, or the working directory.
    """
    folder = os.path.realpath(base)
    sent = (line for service in _BASE_URLS for line in _sent(values, origins, folder, service))
    return [*_written(values, origins, folder), *sent]


def _written(values: Tree, origins: Mapping[str, str], folder: str) -> Iterator[str]:
    for path in CONFINED:
        origin, value = origins[dotted(path)], _at(values, path)
        if value is None or not (origin == "default" or _by_file(origin)):
            continue
        inside = os.path.realpath(str(value))
        if not inside.startswith(folder.rstrip("/") + "/"):
            yield (
                f"{_where(origin)}{dotted(path)}: {inside} is not inside {folder}; "
                f"give a folder elsewhere by --set {dotted(path)}=... or {_variable(path)}"
            )


def _sent(values: Tree, origins: Mapping[str, str], folder: str, service: KeyPath) -> Iterator[str]:
    """Texts from outside the folder that would go to a service that the same file names."""
    url = str(_at(values, service) or "")
    if not _by_file(origins.get(dotted(service), "")) or _is_own(url):
        return
    sources = _at(values, ("ingest", "sources"))
    read: list[KeyPath] = [("ingest", "sources", place, "path") for place, _ in enumerate(_list(sources))]
    for path in [*read, ("evaluate", "dataset")]:
        origin, value = origins.get(dotted(path), ""), _at(values, path)
        if value is None or not _by_file(origin):
            continue
        outside = os.path.realpath(str(value))
        if outside != folder and not outside.startswith(folder.rstrip("/") + "/"):
            yield (
                f"{_where(origin)}{dotted(path)}: {outside} is not inside {folder}, and its text would be sent to"
                f" {url}; name the service yourself, by {_variable(service)}, to allow that"
            )


def _is_own(url: str) -> bool:
    address = url.partition("://")[2].partition("/")[0]
    return any(address == host or address.startswith(f"{host}:") for host in _OWN_HOSTS)


def _by_file(origin: str) -> bool:
    return origin.startswith("file ")


def _where(origin: str) -> str:
    return f"{origin.removeprefix('file ')}: " if _by_file(origin) else ""


def _variable(path: KeyPath) -> str:
    return "RAGCLI_" + "__".join(map(str, path)).upper()


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _at(values: Tree, path: KeyPath) -> JsonValue:
    node: JsonValue = values
    for part in path:
        if isinstance(node, dict):
            node = node.get(str(part))
        elif isinstance(node, list) and isinstance(part, int):
            node = node[part]
        else:
            return None
    return node
