"""``ragcli config``: what is in force, and whether a file is right."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.config.load import LoadedConfig

config_app = typer.Typer(no_args_is_help=True, help="Show, check and describe the configuration.")

ShowFormat: TypeAlias = Annotated[
    Literal["table", "json", "yaml"],
    typer.Option("--format", help="How the result is printed; yaml is a complete configuration file."),
]


@config_app.command()
def show(
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: ShowFormat = "table",  # noqa: A002 - named after its option
) -> None:
    """Print every value with where it came from."""
    loaded = load(config, set_, workspace)
    if format == "yaml":
        from ragcli.config.dump import to_yaml

        print(to_yaml(loaded.config), end="")  # noqa: T201 - the result itself, not a table of it
        return
    from ragcli.config.dump import entries

    rows = entries(loaded)
    result = {"file": loaded.file, "base": loaded.base, "settings": rows}
    Output("config show", format).emit(result, lambda console: _print_settings(console, loaded))


@config_app.command()
def validate(
    file: Annotated[Path, typer.Argument(help="Configuration file to check.")],
    format: FormatOption = "table",  # noqa: A002 - named after its option
) -> None:
    """Check a file by itself, without the environment; status 3 and every problem with its line if it is wrong."""
    from ragcli.config.load import load_config

    loaded = load_config(file, environment={})
    given = sum(origin.startswith("file ") for origin in loaded.origins.values())
    result = {"file": loaded.file, "settings": given}
    Output("config validate", format).emit(
        result, lambda console: console.print(f"{file}: valid, {given} settings", markup=False, soft_wrap=True)
    )


@config_app.command()
def schema() -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    import json

    from ragcli.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False))  # noqa: T201 - the schema is the whole result


def _print_settings(console: "Console", loaded: "LoadedConfig") -> None:
    from ragcli.config.dump import entries

    rows = entries(loaded)
    keys = max(len(row.key) for row in rows)
    shown = max(min(len(row.shown), 48) for row in rows)
    for row in rows:
        console.print(f"{row.key:<{keys}}  {row.shown:<{shown}}  {row.origin}", soft_wrap=True, markup=False)
