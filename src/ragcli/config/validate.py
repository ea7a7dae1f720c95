"""From a merged tree to a complete, valid one."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from pathlib import Path

from pydantic import ValidationError

from ragcli.config.layers import Layered
from ragcli.config.origins import dotted, leaves
from ragcli.config.paths import settle_paths
from ragcli.config.plain import to_plain
from ragcli.config.problems import as_error, explain, problem
from ragcli.config.settings import Config
from ragcli.config.tree import KeyPath, Tree


def validate(layered: Layered, base: Path) -> tuple[Tree, Mapping[str, str]]:
    """Make paths absolute, check every value, and fill in the defaults.

    Returns:
        The complete configuration as plain values, and by dotted key where each was given.

    Raises:
        ConfigError: With all problems at once.
    """
    settle_paths(layered, base)
    try:
        # Strict, and as JSON: a list may become a tuple and text a path, but "5" is no number and true no 1.
        config = Config.model_validate_json(dumps(layered.tree), strict=True)
    except ValidationError as error:
        raise explain(error.errors(include_url=False), layered) from error
    _check_names(config, layered)
    values = to_plain(config)
    return values, {dotted(path): _origin(path, layered) for path, _ in leaves(values)}


def _check_names(config: Config, layered: Layered) -> None:
    """Names of sources are part of document ids, so that two of one name would overwrite each other's documents."""
    seen: set[str] = set()
    for position, source in enumerate(config.ingest.sources):
        if source.name in seen:
            path = ("ingest", "sources", position, "path")
            message = f"another source is named {source.name!r}, give this one a name"
            raise as_error([problem(layered, path, message)])
        seen.add(source.name)


def _origin(path: KeyPath, layered: Layered) -> str:
    node: object = layered.tree
    for part in path:
        here = node if isinstance(node, dict) else dict(enumerate(node)) if isinstance(node, list) else {}
        if part not in here:
            return "default"
        node = here[part]
    return layered.origin(path)
