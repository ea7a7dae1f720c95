"""Options that many commands share, and the loading of the configuration they lead to."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

if TYPE_CHECKING:
    from ragcli.config.load import LoadedConfig
    from ragcli.config.settings import Config
    from ragcli.workspace import Workspace

ConfigOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="FILE", help="Configuration file [default: nearest ragcli.yaml].", show_default=False
    ),
]
SetOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override one setting, such as query.top_k=5. Repeatable."),
]
WorkspaceOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-w", metavar="FOLDER", help="Workspace folder [default: workspace.path].", show_default=False
    ),
]
Format: TypeAlias = Literal["table", "json"]
FormatOption: TypeAlias = Annotated[Format, typer.Option("--format", help="How the result is printed.")]


def load(
    config: Path | None,
    overrides: list[str] | None,
    workspace: Path | None = None,
    flags: Mapping[str, object] | None = None,
) -> "LoadedConfig":
    """The configuration as the command line asks for it.

    Args:
        config: Value of ``--config``.
        overrides: Values of ``--set``.
        workspace: Value of ``--workspace``.
        flags: Settings given by a command's own flags, by dotted key; ``None`` values are left out.
    """
    from ragcli.config.load import load_config

    return load_config(config, overrides=overrides or (), flags={"workspace.path": workspace, **(flags or {})})


def late_message(count: int) -> str:
    """What to say of questions that reranking took too long for."""
    questions = "1 question" if count == 1 else f"{count} questions"
    return f"{questions} took longer than query.rerank.time_limit_ms: the order of retrieval stands"


def load_workspace(
    config: Path | None, overrides: list[str] | None, workspace: Path | None
) -> "tuple[Config, Workspace]":
    """As ``load``, for a command that needs nothing but the settings and the workspace they name."""
    from ragcli.workspace import Workspace

    settings = load(config, overrides, workspace).config
    return settings, Workspace(settings.workspace.path)
