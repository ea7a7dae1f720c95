"""Everything that shapes a configuration, gathered before any of it is understood."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ragcli.config.tree import MAX_BYTES
from ragcli.errors import ConfigError

if TYPE_CHECKING:
    from ragcli.records import JsonValue

FILE_NAME = "ragcli.yaml"
ENVIRONMENT_PREFIX = "RAGCLI_"

OTHER_VARIABLES: Mapping[str, str] = {
    "RAGCLI_ANSWER_API_KEY": "Key for an `openai` answerer on any host but api.openai.com.",
    "RAGCLI_CONFIG": "The configuration file, when no `--config` is given.",
    "RAGCLI_DEBUG": "Any value: show the traceback of a bug instead of one line.",
    "RAGCLI_EMBEDDER_API_KEY": "Key for an `openai` embedder on any host but api.openai.com.",
    "RAGCLI_SUMMARIES_API_KEY": "Key for a model that sums documents up on any host but api.openai.com.",
    "RAGCLI_EXPAND_API_KEY": "Key for a model that expands questions on any host but api.openai.com.",
    "RAGCLI_JUDGE_API_KEY": "Key for an `openai` judge of answers on any host but api.openai.com.",
    "RAGCLI_RERANKER_API_KEY": "Key for a reranking endpoint.",
    "RAGCLI_REQUIRE_MODELS": "Any value: tests that need model weights fail instead of being skipped.",
}
"""Variables with the prefix that are not settings, and what they are for."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a configuration is made from.

    Attributes:
        file: Absolute path of the configuration file, if there is one.
        data: Its bytes.
        name: The file as messages call it.
        base: The folder its relative paths start from; the working directory without a file.
        environment: The variables that are settings.
        overrides: ``section.key=value`` each.
        flags: Dotted key to plain value, for the flags that were given.
    """

    file: Path | None
    data: bytes | None
    name: str
    base: Path
    environment: Mapping[str, str]
    overrides: tuple[str, ...]
    flags: Mapping[str, JsonValue]


def gather(
    path: Path | None, overrides: Sequence[str], flags: Mapping[str, object], environment: Mapping[str, str]
) -> Inputs:
    """Find and read the file, and pick the variables and flags that count.

    Raises:
        ConfigError: When a named file does not exist or cannot be read.
    """
    file = find_file(path, environment)
    variables = {
        name: value
        for name, value in environment.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name not in OTHER_VARIABLES
    }
    given = {key: _plain(value) for key, value in flags.items() if value is not None}
    data = None if file is None else _read(file)
    base = Path.cwd() if file is None or not file.is_file() else file.parent
    return Inputs(file, data, "" if file is None else _display(file), base, variables, tuple(overrides), given)


def find_file(path: Path | None, environment: Mapping[str, str]) -> Path | None:
    """The absolute path of the file that is in force; None when there is none.

    The search upwards skips folders that everyone may write to, such as ``/tmp``: what lies there is a stranger's.

    Raises:
        ConfigError: When a file named by ``path`` or RAGCLI_CONFIG does not exist.
    """
    variable = environment.get("RAGCLI_CONFIG", "")
    named = path if path is not None else Path(variable) if variable else None
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


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error


def _display(file: Path) -> str:
    """The file as messages call it: relative when it is at or below the working directory."""
    here = Path.cwd()
    return str(file.relative_to(here)) if file.is_relative_to(here) else str(file)


def _plain(value: object) -> JsonValue:
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a flag cannot hold {type(value).__name__}")
