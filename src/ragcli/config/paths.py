"""Relative paths: a file's start at its folder, all others at the working directory."""

from __future__ import annotations

import os
from pathlib import Path

from ragcli.config.layers import Layered
from ragcli.config.tree import KeyPath, Tree
from ragcli.records import JsonValue

PATHS: tuple[KeyPath, ...] = (("workspace", "path"), ("models", "cache"), ("models", "prices"), ("evaluate", "dataset"))
MODEL: KeyPath = ("index", "embedder", "model")
"""A hub name unless it is written as a path: starting with ``/``, ``~/``, ``./`` or ``../``."""
_DEFAULT_WORKSPACE = ".ragcli"


def settle_paths(layered: Layered, base: Path) -> None:
    """Make every path of the tree absolute, and name the sources that have no name after their path as written.

    Args:
        layered: Changed in place.
        base: The folder of the configuration file, or the working directory.
    """
    workspace = layered.tree.setdefault("workspace", {})
    if isinstance(workspace, dict) and "path" not in workspace:
        workspace["path"] = _DEFAULT_WORKSPACE
        layered.origins["workspace", "path"] = "default"
    for path in (*PATHS, MODEL):
        _settle(layered, path, base)
    _settle_sources(layered, base)


def _settle(layered: Layered, path: KeyPath, base: Path) -> None:
    node = _node(layered.tree, path[:-1])
    value = None if node is None else node.get(str(path[-1]))
    if node is None or not isinstance(value, str) or not value or (path == MODEL and not _is_path(value)):
        return
    node[str(path[-1])] = _absolute(value, base, layered.origin(path))


def _node(tree: Tree, path: KeyPath) -> Tree | None:
    node: JsonValue = tree
    for part in path:
        node = node.get(str(part)) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else None


def _is_path(model: str) -> bool:
    return model.startswith(("/", "~/", "./", "../"))


def _absolute(value: str, base: Path, origin: str) -> str:
    start = base if origin == "default" or origin.startswith("file ") else Path.cwd()
    return os.path.abspath(start / Path(value).expanduser())  # noqa: PTH100 - resolve() would follow links


def _settle_sources(layered: Layered, base: Path) -> None:
    ingest = layered.tree.get("ingest")
    sources = ingest.get("sources") if isinstance(ingest, dict) else None
    for position, source in enumerate(sources if isinstance(sources, list) else []):
        if not isinstance(source, dict) or not isinstance(source.get("path"), str):
            continue
        written = str(source["path"])
        at: KeyPath = ("ingest", "sources", position)
        if not source.get("name"):
            # As written, so that document ids are the same on every machine the configuration is copied to.
            source["name"] = Path(written).as_posix()
            layered.origins[*at, "name"] = "default"
        source["path"] = _absolute(written, base, layered.origin((*at, "path")))
