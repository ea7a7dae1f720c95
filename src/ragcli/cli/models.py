"""``ragcli models``: which models are here, fetching them, proving them whole."""

from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, load
from ragcli.cli.output import Output, line
from ragcli.cli.tree import Command, Group

if TYPE_CHECKING:
    from ragcli.models.inventory import ListResult, PullResult, VerifyResult

models_app = typer.Typer(cls=Group, no_args_is_help=True, help="List, fetch and verify models.")


@models_app.command("list", cls=Command)
def list_(
    config: ConfigOption = None,
    set_: SetOption = None,
    format: FormatOption = "table",
) -> None:
    """Show known and found models: where they are, and what runs them."""
    from ragcli.models.inventory import configured_models, list_models

    settings = load(config, set_).config
    result = list_models(configured_models(settings.index.embedder, settings.query.rerank), settings.models)
    Output("models list", format).emit(result, lambda: _print_list(result))


@models_app.command(cls=Command)
def pull(
    name: Annotated[str, typer.Argument(help="Name on the hub, such as sentence-transformers/all-MiniLM-L6-v2.")],
    revision: Annotated[
        str, typer.Option(metavar="REVISION", help="Branch, tag or commit of the hub [default: its main branch].")
    ] = "",
    config: ConfigOption = None,
    set_: SetOption = None,
    format: FormatOption = "table",
) -> None:
    """Fetch a model from the hub and record its commit and the digests of its files."""
    from ragcli.models.inventory import pull_model

    result = pull_model(name, revision, load(config, set_).config.models)
    Output("models pull", format).emit(result, lambda: _print_pull(result))


@models_app.command(cls=Command)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Models [default: the configured ones and all that were pulled]."),
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    format: FormatOption = "table",
) -> None:
    """Hash model files anew and compare ONNX graphs with their originals; status 4 if anything differs."""
    from ragcli.models.inventory import configured_models, verify_models

    settings = load(config, set_).config
    configured = configured_models(settings.index.embedder, settings.query.rerank)
    result = verify_models(names or (), configured, settings.models)
    output = Output("models verify", format)
    output.emit({"checks": result.checks}, lambda: _print_verify(result), error=result.error)


def _print_list(result: "ListResult") -> None:
    for model in result.models:
        where = f"{model.origin}, {model.size_bytes / 1e6:,.1f} MB" if model.origin else f"not here: {model.hint}"
        line(f"{model.name} ({model.task}): {where}")
        if not model.origin:
            continue
        line(f"    {model.folder}")
        revision = f"; revision {model.revision[:12]}" if model.revision else ""
        pinned = "; files recorded" if model.pinned else ""
        line(f"    {model.runtime}{revision}{pinned}", indent=6)
    line(f"hub cache {result.hub_cache}; exports {result.cache}")


def _print_pull(result: "PullResult") -> None:
    size = sum(file.size_bytes for file in result.pin.files) / 1e6
    revision = f" at {result.pin.revision[:12]}" if result.pin.revision else ""
    line(f"{result.name}{revision}: {size:,.1f} MB in {result.folder} ({result.origin}); digests recorded")


def _print_verify(result: "VerifyResult") -> None:
    if not result.checks:
        line("nothing to verify: no model is configured or was pulled")
    for check in result.checks:
        line(f"{check.outcome:<8} {check.model}: {check.check}: {check.message}", indent=9)
