"""From a file, the environment and the command line to one validated, absolute, explained configuration.

Importing pydantic and YAML and building validators takes longer than many a command. So what inputs resolve to is
remembered (``memory.py``), and this module imports none of that until inputs are new.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.config.confine import escapes
from ragcli.config.memory import recall, remember
from ragcli.config.sources import Inputs, gather
from ragcli.config.tree import Tree
from ragcli.errors import ConfigError

if TYPE_CHECKING:
    from ragcli.config.settings import Config


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A configuration as plain values, and its history.

    Attributes:
        values: Every value, validated, under the names a file uses; paths are absolute.
        origins: Dotted key to where its value was given: ``default``, ``file ragcli.yaml:12``,
            ``environment RAGCLI_QUERY__TOP_K``, ``set`` or ``flag``; one entry per plain value.
        file: The configuration file; None when there is none.
        base: The folder that relative paths of the file start from: the file's, otherwise the working directory.
    """

    values: Tree
    origins: Mapping[str, str]
    file: Path | None
    base: Path


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration as settings; ``origins``, ``file`` and ``base`` as in ``ResolvedConfig``."""

    config: Config
    origins: Mapping[str, str]
    file: Path | None
    base: Path


def load_config(
    path: Path | None = None,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> LoadedConfig:
    """Put defaults, file, environment, ``--set`` and flags together, the later ones winning.

    Args:
        path: The file; None takes RAGCLI_CONFIG, else the nearest ``ragcli.yaml`` of the working directory or its
            parents, else no file.
        overrides: ``section.key=value`` each, the value a YAML scalar or flow collection.
        flags: Dotted key to value; None values are flags that were not given.
        environment: The process's own unless given.

    Raises:
        ConfigError: With every problem of the file and the overrides, one a line: where, key, what, nearest name.
    """
    resolved = resolve_config(path, overrides=overrides, flags=flags, environment=environment)
    from ragcli.config.plain import from_plain
    from ragcli.config.settings import Config

    return LoadedConfig(from_plain(Config, resolved.values), resolved.origins, resolved.file, resolved.base)


def resolve_config(
    path: Path | None = None,
    *,
    overrides: Sequence[str] = (),
    flags: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResolvedConfig:
    """As ``load_config``, but as plain values: cheap to print, and no settings model is imported when remembered."""
    variables = os.environ if environment is None else environment
    inputs = gather(path, overrides, flags or {}, variables)
    found = recall(inputs)
    if found is None:
        found = _resolve(inputs)
        remember(inputs, *found)
    values, origins = found
    # Links may have changed since: what may not be left is checked every time.
    problems = escapes(values, origins, inputs.base)
    if problems:
        raise ConfigError("\n".join(problems), hint="see docs/adr/0003-untrusted-config.md")
    return ResolvedConfig(values, origins, inputs.file, inputs.base)


def _resolve(inputs: Inputs) -> tuple[Tree, Mapping[str, str]]:
    from ragcli.config.layers import from_environment, from_flags, from_set, merge
    from ragcli.config.validate import validate
    from ragcli.config.yaml_tree import parse_file

    file = None if inputs.data is None else parse_file(inputs.data, inputs.name)
    given, flags = from_set(inputs.overrides), from_flags(inputs.flags)
    # A kind that a flag names is the one whose settings stand beside it in --set.
    kinds = [one for one in flags if one.path[-1] == "kind" and one.value != "none"]
    return validate(merge(file, (from_environment(inputs.environment), [*given, *kinds], flags)), inputs.base)
