"""``ragcli eval make-dataset``: questions with span judgements from one's own documents."""

from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, line
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.evaluate.make_dataset.endpoint import ChatEndpoint

ModelOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Language model that writes the questions [default: none].", show_default=False),
]
BaseUrlOption: TypeAlias = Annotated[str, typer.Option(metavar="URL", help="OpenAI-compatible endpoint of the model.")]
KeyOption: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Environment variable with the endpoint's key [default: OPENAI_API_KEY for api.openai.com only].",
        show_default=False,
    ),
]


def make_dataset(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="JSONL file to write.", show_default=False)],
    *,
    count: Annotated[int, typer.Option(metavar="N", help="Questions at most.")] = 100,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FILTER", help="Only documents such as type=markdown. Repeatable.", show_default=False),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Decides which possible questions are taken.")] = 0,
    model: ModelOption = None,
    base_url: BaseUrlOption = "https://api.openai.com/v1",
    key_variable: KeyOption = "",
    force: Annotated[bool, typer.Option("--force", help="Replace FILE when it is there.")] = False,
    format: FormatOption = "table",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make questions, each with the sentence that answers it, from the ingested documents; tagged synthetic."""
    from ragcli.evaluate.datasets.jsonl import write_jsonl
    from ragcli.evaluate.make_dataset.make import MakeOptions, make
    from ragcli.workspace import Workspace
    from ragcli.workspace.catalog import Catalog

    output = Output("eval make-dataset", format)
    if count < 1:
        raise UsageError("--count must be at least 1")
    if target.exists() and not force:
        raise UsageError(f"{target} is there already", hint="--force replaces it")
    settings = load(config, set_, workspace).config
    asker = None if model is None else _endpoint(base_url, model, key_variable, seed)
    asking = nullcontext() if asker is None else closing(asker)
    with asking, Catalog(Workspace(settings.workspace.path).catalog, readonly=True) as catalog, catalog.snapshot():
        made = make(catalog, target.name, MakeOptions(count, tuple(where or ()), seed, asker))
    write_jsonl(made.dataset, target)
    questions = len(made.dataset.queries)
    if questions < count:
        output.warn(f"the documents yield only {questions} of {count} questions")
    result = {
        "target": target,
        "questions": questions,
        "kinds": made.kinds,
        "possible": made.possible,
        "refused": made.refused,
        "tokens": 0 if asker is None else asker.tokens,
    }
    kinds = ", ".join(f"{number} {kind}" for kind, number in made.kinds.items())
    refused = sum(made.refused.values())
    rest = f"; {refused} answers refused, {asker.tokens:,} tokens" if asker is not None else ""
    summary = f"eval make-dataset: {questions:,} synthetic questions ({kinds}){rest}; {target}"
    output.emit(result, lambda: line(summary))


def _endpoint(base_url: str, model: str, key_variable: str, seed: int) -> "ChatEndpoint":
    from ragcli.evaluate.make_dataset.endpoint import ChatEndpoint

    return ChatEndpoint(base_url, model, key_variable=key_variable, seed=seed)
