"""``ragcli models``: which models are here, fetching them, proving them whole."""

from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, load
from ragcli.cli.output import Output

if TYPE_CHECKING:
    from rich.console import Console

    from ragcli.models.inventory import ListResult, PullResult, VerifyResult

models_app = typer.Typer(no_args_is_help=True, help="List, fetch and verify models.")


@models_app.command("list")
def list_(
    config: ConfigOption = None,
    set_: SetOption = None,
    format: FormatOption = "table",
) -> None:
    """Show known and found models: where they are, and what runs them."""
    from ragcli.models.inventory import list_models

    settings = load(config, set_).config
    result = list_models(settings.index.embedder, settings.models)
    Output("models list", format).emit(result, lambda console: _print_list(console, result))


@models_app.command()
def pull(
    name: Annotated[str, typer.Argument(help="Name on the hub, such as sentence-transformers/all-MiniLM-L6-v2.")],
    revision: Annotated[str, typer.Option(help="Branch, tag or commit of the hub [default: its main branch].")] = "",
    config: ConfigOption = None,
    set_: SetOption = None,
    format: FormatOption = "table",
) -> None:
    """Fetch a model from the hub and record its commit and the digests of its files."""
    from ragcli.models.inventory import pull_model

    result = pull_model(name, revision, load(config, set_).config.models)
    Output("models pull", format).emit(result, lambda console: _print_pull(console, result))


@models_app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Models [default: the configured one and all that were pulled].")
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    format: FormatOption = "table",
) -> None:
    """Hash model files anew and compare ONNX exports with their originals; status 4 if anything differs."""
    from ragcli.models.inventory import verify_models

    settings = load(config, set_).config
    result = verify_models(tuple(names or ()), settings.index.embedder, settings.models)
    output = Output("models verify", format)
    output.emit({"checks": result.checks}, lambda console: _print_verify(console, result), error=result.error)


def _print_list(console: "Console", result: "ListResult") -> None:
    for model in result.models:
        where = f"{model.origin}, {model.size / 1e6:,.1f} MB" if model.origin else f"not here: {model.hint}"
        console.print(f"{model.name} ({model.task}): {where}", markup=False, soft_wrap=True)
        if not model.origin:
            continue
        console.print(f"    {model.folder}", markup=False, soft_wrap=True)
        revision = f"; revision {model.revision[:12]}" if model.revision else ""
        pinned = "; files recorded" if model.pinned else ""
        console.print(f"    {model.runtime}{revision}{pinned}", markup=False, soft_wrap=True)
    console.print(f"hub cache {result.hub_cache}; exports {result.cache}", markup=False, soft_wrap=True)


def _print_pull(console: "Console", result: "PullResult") -> None:
    size = sum(file.size for file in result.pin.files) / 1e6
    revision = f" at {result.pin.revision[:12]}" if result.pin.revision else ""
    line = f"{result.name}{revision}: {size:,.1f} MB in {result.folder} ({result.origin}); digests recorded"
    console.print(line, markup=False, soft_wrap=True)


def _print_verify(console: "Console", result: "VerifyResult") -> None:
    if not result.checks:
        console.print("nothing to verify: no model is configured or was pulled", markup=False)
    for check in result.checks:
        line = f"{check.outcome:<8} {check.model}: {check.check}: {check.message}"
        console.print(line, markup=False, soft_wrap=True)
