"""``ragcli cost``: what answering would cost, before anything is sent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, columns, line
from ragcli.cli.query import FileOption, QuestionArgument, question_batches
from ragcli.errors import RegressionError, UsageError

if TYPE_CHECKING:
    from ragcli.config.settings import Config
    from ragcli.query.costs import ModelCost
    from ragcli.records import Query


def cost(
    question: QuestionArgument = None,
    *,
    file: FileOption = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", metavar="NAME", help="Language model; all that have a price unless given."),
    ] = None,
    completion_tokens: Annotated[
        int | None,
        typer.Option(metavar="N", help="Length of a reply [default: query.pack.reserve_tokens, the longest]."),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(metavar="MONEY", help="End with status 10 where a model would cost more for all questions."),
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Show the tokens and the money that answers to questions would take, by model; no model is asked."""
    if completion_tokens is not None and completion_tokens < 0:
        raise UsageError("--completion-tokens must be 0 or more", hint="ragcli cost --help")
    batches = question_batches(question, file)
    settings = load(config, set_, workspace).config
    models = model or ([settings.query.answer.model] if settings.query.answer.kind == "openai" else [])
    if max_cost is not None and not models:
        raise UsageError("--max-cost needs to know of which model", hint="add --model NAME")
    output = Output("cost", format)
    found = _found(settings, [query for batch in batches for query in batch], models, completion_tokens, output)
    error = None if max_cost is None else _verdict(settings, found, max_cost)
    output.emit({"models": found}, lambda: _print(found), error=error)


def _found(
    config: "Config", queries: Sequence["Query"], models: Sequence[str], completion_tokens: int | None, output: Output
) -> "tuple[ModelCost, ...]":
    from ragcli.models.prices import read_prices
    from ragcli.query.answering import Answering
    from ragcli.query.costs import costs
    from ragcli.query.engine import Engine
    from ragcli.workspace import Workspace

    prices = read_prices(config.models)
    length = config.query.pack.reserve_tokens if completion_tokens is None else completion_tokens
    with Engine(config, Workspace(config.workspace.path)) as engine, Answering(engine) as answering:
        for warning in (*engine.warnings, *answering.warnings):
            output.warn(warning)
        return costs(engine, answering, queries, models or sorted(prices), prices, length)


def _verdict(config: "Config", found: Sequence["ModelCost"], max_cost: float) -> RegressionError | None:
    """Why the gate fails, if it does; a price that is not known is an error, never 0."""
    from ragcli.models.prices import known_price, read_prices

    prices = read_prices(config.models)
    for one in found:
        known_price(one.model, prices)
    dear = [f"{one.model} {one.cost:.6g}" for one in found if one.cost is not None and one.cost > max_cost]
    return RegressionError(f"dearer than {max_cost:g}: {', '.join(dear)}") if dear else None


def _print(found: Sequence["ModelCost"]) -> None:
    rows = [["model", "prompt tokens", "completion tokens", "input", "output", "cost", "prices of", "counted with"]]
    rows += [
        [
            one.model,
            f"{one.prompt_tokens:,}",
            f"{one.completion_tokens:,}",
            "" if one.input_price is None else f"{one.input_price:g}",
            "" if one.output_price is None else f"{one.output_price:g}",
            "unknown" if one.cost is None else f"{one.cost:.6f}",
            one.dated or "",
            one.vocabulary,
        ]
        for one in found
    ]
    for row in columns(rows, right={1, 2, 3, 4, 5}):
        line(row)
