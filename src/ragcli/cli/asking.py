"""Options that say how questions are asked and answered, which several commands share, and the settings they give."""

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.config.load import LoadedConfig

Flags: TypeAlias = Mapping[str, object]
"""Settings by dotted key; None where the flag was not given."""
Options: TypeAlias = Mapping[str, tuple[str, Any]]
"""Parameter of a command -> the setting that it gives, its annotation."""

RERANK = "rerank"
"""The one flag that is no setting: whether to rerank at all."""

ASKING: Options = {
    "strategy": (
        "query.strategy",
        Annotated[
            Literal["dense", "lexical", "hybrid", "auto"] | None,
            typer.Option(
                "--strategy",
                "-s",
                help="Search by meaning, by words, or both; auto: by words alone for identifiers and quoted phrases"
                " [default: query.strategy].",
            ),
        ],
    ),
    "candidates": (
        "query.candidates",
        Annotated[
            int | None,
            typer.Option(
                "--candidates", metavar="N", help="Hits of each arm that are fused [default: query.candidates]."
            ),
        ],
    ),
    "fusion": (
        "query.fusion.kind",
        Annotated[
            Literal["rrf", "minmax", "dbsf"] | None,
            typer.Option("--fusion", help="How the two rankings become one [default: query.fusion.kind]."),
        ],
    ),
    "dense_weight": (
        "query.fusion.dense_weight",
        Annotated[
            float | None,
            typer.Option(
                "--dense-weight",
                metavar="SHARE",
                help="Share of the dense arm, 0 to 1 [default: query.fusion.dense_weight].",
            ),
        ],
    ),
    "rerank": (
        RERANK,
        Annotated[
            bool | None,
            typer.Option(
                "--rerank/--no-rerank",
                help="Look at the first hits again, by query.rerank or the default cross-encoder"
                " [default: query.rerank].",
                show_default=False,
            ),
        ],
    ),
    "reranker": (
        "query.rerank.kind",
        Annotated[
            Literal["cross-encoder", "embedder", "endpoint", "mmr"] | None,
            typer.Option("--reranker", help="Rerank by this kind [default: query.rerank.kind]."),
        ],
    ),
    "rerank_candidates": (
        "query.rerank.candidates",
        Annotated[
            int | None,
            typer.Option(
                "--rerank-candidates", metavar="N", help="Rerank so many hits [default: query.rerank.candidates]."
            ),
        ],
    ),
    "expand": (
        "query.expand.kind",
        Annotated[
            Literal["none", "feedback", "multi-query", "hyde", "decompose"] | None,
            typer.Option(
                "--expand", help="Ask in further ways too, and fuse what they find [default: query.expand.kind]."
            ),
        ],
    ),
    "narrow": (
        "query.narrow.kind",
        Annotated[
            Literal["none", "hierarchical"] | None,
            typer.Option(
                "--narrow", help="hierarchical: documents first, then their chunks [default: query.narrow.kind]."
            ),
        ],
    ),
}
"""How a question is searched for."""

ANSWERING: Options = {
    "surroundings": (
        "query.surroundings.kind",
        Annotated[
            Literal["none", "section", "neighbours"] | None,
            typer.Option(
                "--surroundings", help="Show and pack what stands around each hit [default: query.surroundings.kind]."
            ),
        ],
    ),
    "answerer": (
        "query.answer.kind",
        Annotated[
            Literal["extractive", "openai"] | None,
            typer.Option(
                "--answerer", help="Who answers: sentences of the documents, a model [default: query.answer.kind]."
            ),
        ],
    ),
    "context_tokens": (
        "query.pack.max_tokens",
        Annotated[
            int | None,
            typer.Option(
                "--context-tokens",
                metavar="N",
                help="Budget of context, question and reply [default: query.pack.max_tokens].",
            ),
        ],
    ),
    "context_order": (
        "query.pack.order",
        Annotated[
            Literal["relevance", "document", "edges"] | None,
            typer.Option("--context-order", help="Order of the excerpts in the context [default: query.pack.order]."),
        ],
    ),
    "max_cost": (
        "query.pack.max_cost",
        Annotated[
            float | None,
            typer.Option(
                "--max-cost", metavar="MONEY", help="The most that an answer may cost [default: query.pack.max_cost]."
            ),
        ],
    ),
}
"""What is made of the hits."""


def takes(**shared: Options) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command shared options; each keyword names a parameter of it, a ``Flags`` that they fill."""

    def give(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command)
        parameters = []
        for parameter in own.parameters.values():
            if parameter.name in shared:
                parameters += [
                    inspect.Parameter(name, parameter.kind, default=None, annotation=annotation)
                    for name, (_, annotation) in shared[parameter.name].items()
                ]
            else:
                parameters.append(parameter)

        @wraps(command)
        def run(*arguments: Any, **given: Any) -> None:
            for parameter, options in shared.items():
                given[parameter] = {key: given.pop(name) for name, (key, _) in options.items()}
            command(*arguments, **given)

        described: Any = run
        described.__signature__ = own.replace(parameters=parameters)
        return run

    return give


def load_asking(load: "Callable[[Flags], LoadedConfig]", flags: Flags) -> "LoadedConfig":
    """The configuration with the reranker that flags ask for: the configured one, else the default cross-encoder.

    Args:
        load: Loads the configuration with some flags.
        flags: Settings that flags give; under ``RERANK`` whether to rerank: None leaves it to the others.
    """
    wanted, settings = flags.get(RERANK), {key: value for key, value in flags.items() if key != RERANK}
    kind, candidates = settings.pop("query.rerank.kind", None), settings.pop("query.rerank.candidates", None)
    if wanted is False:
        for flag, value in (("--reranker", kind), ("--rerank-candidates", candidates)):
            if value is not None:
                raise UsageError(f"{flag} asks for what --no-rerank forbids", hint="leave one of them out")
        return load({**settings, "query.rerank.kind": "none"})
    if kind is not None:
        return load({**settings, "query.rerank.kind": kind, "query.rerank.candidates": candidates})
    loaded = load(settings)
    if (wanted or candidates is not None) and loaded.config.query.rerank.kind == "none":
        kind = "cross-encoder"
    if kind is None and candidates is None:
        return loaded
    return load({**settings, "query.rerank.kind": kind, "query.rerank.candidates": candidates})
