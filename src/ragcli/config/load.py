"""From a file, the environment and the command line to one validated, absolute, explained configuration."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragcli.config.layers import Layered, from_environment, from_flags, from_set, merge
from ragcli.config.origins import origins
from ragcli.config.paths import settle_paths
from ragcli.config.settings import Config
from ragcli.config.yaml_tree import MAX_BYTES, YamlFile, parse_file
from ragcli.errors import ConfigError

FILE_NAME = "ragcli.yaml"


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and its history.

    Attributes:
        config: Validated; every path in it is absolute.
        origins: Dotted key to where its value was given: ``default``, ``file ragcli.yaml:12``,
            ``environment RAGCLI_QUERY__TOP_K``, ``set`` or ``flag``; one entry per plain value of ``config``.
        file: The configuration file; None when there is none.
        base: The folder that relative paths of the file start from: the file's, otherwise the working directory.
    """

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
    variables = os.environ if environment is None else environment
    file = find_config_file(path, variables)
    parsed = None if file is None else read_config_file(file)
    base = Path.cwd() if file is None or not file.is_file() else file.parent
    layered = merge(parsed, (from_environment(variables), from_set(overrides), from_flags(flags or {})))
    config = validate(layered, base)
    return LoadedConfig(config, origins(config, layered), file, base)


def find_config_file(path: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The absolute path of the file that is in force; None when there is none.

    The search upwards skips folders that everyone may write to, such as ``/tmp``: what lies there is a stranger's.

    Raises:
        ConfigError: When a file named by ``path`` or RAGCLI_CONFIG does not exist.
    """
    named = (
        path if path is not None else Path(environment["RAGCLI_CONFIG"]) if environment.get("RAGCLI_CONFIG") else None
    )
    if named is not None:
        if not named.exists():
            by = "" if path is not None else " (named by RAGCLI_CONFIG)"
            raise ConfigError(f"{named}: no such configuration file{by}", hint="`ragcli init` writes a starter file")
        return Path(os.path.abspath(named))  # noqa: PTH100 - resolve() would follow links
    folder = Path.cwd()
    for candidate in (folder, *folder.parents):
        file = candidate / FILE_NAME
        if file.is_file() and (candidate == folder or not candidate.stat().st_mode & 0o002):
            return file
    return None


def read_config_file(file: Path) -> YamlFile:
    """Parse a configuration file without validating its settings.

    Raises:
        ConfigError: When it cannot be read or is not bounded, plain YAML.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    return parse_file(data, _display(file))


def validate(layered: Layered, base: Path) -> Config:
    """Make paths absolute and check every value.

    Raises:
        ConfigError: With all problems at once.
    """
    from json import dumps

    from pydantic import ValidationError

    from ragcli.config.problems import as_error, explain

    problems = settle_paths(layered, base)
    try:
        # Strict, and as JSON: a list may become a tuple and text a path, but "5" is no number and true no 1.
        config = Config.model_validate_json(dumps(layered.tree), strict=True)
    except ValidationError as error:
        raise explain(error.errors(include_url=False), layered, problems) from error
    if problems:
        raise as_error(problems)
    return config


def _display(file: Path) -> str:
    """The file as messages call it: relative when it is at or below the working directory."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)
