"""Relative paths: a file's start at its folder, all others at the working directory; some may not leave it."""

import os
from pathlib import Path

from ragcli.config.layers import Layered
from ragcli.config.problems import problem
from ragcli.config.yaml_tree import KeyPath, Tree
from ragcli.records import JsonValue

CONFINED: tuple[KeyPath, ...] = (("workspace", "path"), ("models", "cache"))
"""Folders that ragcli writes to: named by a file, they must lie inside the file's folder (docs/adr/0003)."""
FREE: tuple[KeyPath, ...] = (("evaluate", "dataset"),)
MODEL: KeyPath = ("index", "embedder", "model")
"""A hub name unless it is written as a path: starting with ``/``, ``~/``, ``./`` or ``../``."""
_DEFAULT_WORKSPACE = ".ragcli"


def settle_paths(layered: Layered, base: Path) -> list[str]:
    """Make every path of the tree absolute, and name the sources that have no name after their path as written.

    Args:
        layered: Changed in place.
        base: The folder of the configuration file, or the working directory.

    Returns:
        One line per path that is not allowed.
    """
    workspace = layered.tree.setdefault("workspace", {})
    if isinstance(workspace, dict) and "path" not in workspace:
        workspace["path"] = _DEFAULT_WORKSPACE
        layered.origins["workspace", "path"] = "default"
    problems: list[str] = []
    for path in CONFINED:
        if _settle(layered, path, base):
            problems += _escape(layered, path, base)
    for path in (*FREE, MODEL):
        _settle(layered, path, base)
    _settle_sources(layered, base)
    return problems


def _settle(layered: Layered, path: KeyPath, base: Path) -> bool:
    node = _node(layered.tree, path[:-1])
    value = None if node is None else node.get(str(path[-1]))
    if node is None or not isinstance(value, str) or not value or (path == MODEL and not _is_path(value)):
        return False
    node[str(path[-1])] = _absolute(value, base, layered.origin(path))
    return True


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


def _escape(layered: Layered, path: KeyPath, base: Path) -> list[str]:
    origin = layered.origin(path)
    node = _node(layered.tree, path[:-1])
    if node is None or not (origin == "default" or origin.startswith("file ")):
        return []
    inside, folder = os.path.realpath(str(node[str(path[-1])])), os.path.realpath(base)
    if inside.startswith(folder.rstrip("/") + "/"):
        return []
    variable = "RAGCLI_" + "__".join(map(str, path)).upper()
    message = f"{inside} is not inside {folder}; a folder elsewhere must be given by {variable} or --set"
    return [problem(layered, path, message)]


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
