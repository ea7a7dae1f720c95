"""``ragcli config``: what is in force, and whether a file is right."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption
from ragcli.cli.output import Output, line
from ragcli.cli.tree import Command, Group

if TYPE_CHECKING:
    from ragcli.config.origins import Entry

_VALUE_WIDTH = 24

config_app = typer.Typer(cls=Group, no_args_is_help=True, help="Show, check and describe the configuration.")

ShowFormat: TypeAlias = Annotated[
    Literal["table", "json", "yaml"],
    typer.Option("--format", help="How the result is printed; yaml is a complete configuration file."),
]


@config_app.command(cls=Command)
def show(
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: ShowFormat = "table",
) -> None:
    """Print every value with where it came from."""
    from ragcli.config.load import resolve_config
    from ragcli.config.origins import entries

    resolved = resolve_config(config, overrides=set_ or (), flags={"workspace.path": workspace})
    if format == "yaml":
        import yaml

        print(yaml.safe_dump(resolved.values, sort_keys=False, allow_unicode=True, width=120), end="")
        return
    rows = entries(resolved.values, resolved.origins)
    if format == "table":
        _print_settings(rows)
        return
    result = {"file": resolved.file, "base": resolved.base, "settings": rows}
    Output("config show", format).emit(result, lambda: None)


@config_app.command(cls=Command)
def validate(
    file: Annotated[Path, typer.Argument(help="Configuration file to check.")],
    format: FormatOption = "table",
) -> None:
    """Check a file by itself, without the environment; status 3 and every problem with its line if it is wrong."""
    from ragcli.config.load import load_config

    loaded = load_config(file, environment={})
    given = sum(origin.startswith("file ") for origin in loaded.origins.values())
    result = {"file": loaded.file, "settings": given}
    Output("config validate", format).emit(result, lambda: line(f"{file}: valid, {given} settings"))


@config_app.command(cls=Command)
def schema() -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    import json

    from ragcli.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))


def _print_settings(rows: "Sequence[Entry]") -> None:
    width = max(len(row.key) for row in rows)
    for row in rows:  # a long value must not push the origins of all others to the right
        line(f"{row.key:<{width}}  {row.shown:<{_VALUE_WIDTH}}  {row.origin}", indent=width + 2)
