"""Ask a question in an experiment: the assigned configuration answers, and what happened is recorded."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ragcli.abtest.events import new_id
from ragcli.abtest.experiment import Experiment, Variant
from ragcli.abtest.interleave import team_draft
from ragcli.abtest.store import Event, ExperimentStore
from ragcli.errors import BusyError, RagcliError, UsageError
from ragcli.query.result import Result
from ragcli.records import Query

if TYPE_CHECKING:
    from ragcli.config.settings import Config
    from ragcli.query.answering import Answered
    from ragcli.query.engine import Engine


@dataclass(frozen=True, slots=True)
class Served:
    """What a user got.

    Attributes:
        variant: Whose configuration; both, joined by ``+``, where their rankings were mixed.
        impression: Id of the event that recorded it; clicks name it.
        metrics: What was recorded.
        config: That of the variant, or of control.
        teams: In a mixed ranking, the number of the variant that brought each hit.
    """

    variant: str
    impression: str
    result: Result
    answered: "Answered | None"
    metrics: Mapping[str, float]
    config: "Config"
    warnings: tuple[str, ...]
    teams: tuple[int, ...] = ()


def require_running(experiment: Experiment) -> None:
    """Refuse an experiment that is not.

    Raises:
        UsageError: It is a draft, or has been stopped.
    """
    if experiment.state != "running":
        hint = f"ragcli abtest start {experiment.name}" if experiment.state == "draft" else "ragcli abtest create ..."
        raise UsageError(f"the experiment {experiment.name!r} is not running: {experiment.state}", hint=hint)


def ask(store: ExperimentStore, experiment: Experiment, question: str, user: str, *, answer: bool) -> Served:
    """Serve a user the variant that is theirs, or both mixed, and record what happened, failures too.

    Raises:
        UsageError: The experiment is not running, or answers are wanted of mixed rankings.
        RagcliError: The question failed; that is recorded.
    """
    require_running(experiment)
    mixing = experiment.mode == "interleave"
    if mixing and answer:
        raise UsageError("mixed rankings have no answer", hint="leave out --answer, or create it with --mode split")
    impression = new_id()
    name = "+".join(experiment.names) if mixing else experiment.assigner(user)
    event = Event(impression, user, time.time(), name, {"failed": 1.0}, {"question": question, "variant": name})
    try:
        if mixing:
            served = _mixed(experiment, question, impression)
        else:
            served = _one(experiment.variant(name), question, impression, answer=answer)
    except RagcliError as error:
        store.record(experiment, [replace(event, detail={**event.detail, "error": error.code})])
        raise
    try:
        store.record(experiment, [replace(event, metrics=served.metrics, detail={**event.detail, **_detail(served)})])
    except BusyError as error:  # who asked has an answer all the same
        return replace(served, warnings=(*served.warnings, f"this question is not recorded: {error.message}"))
    return served


def _one(variant: Variant, question: str, impression: str, *, answer: bool) -> Served:
    config = config_of(variant)
    query = Query("1", question)
    with _opened(config) as engine:
        if not answer:
            [result] = engine.search([query])
            metrics = _metrics(result.timings_ms, result)
            return Served(variant.name, impression, result, None, metrics, config, engine.warnings)
        from ragcli.query.answering import Answering

        with Answering(engine) as answering:
            answered = answering.ask(query)
        said = answered.answer
        metrics = _metrics(answered.timings_ms, answered.result) | {
            "tokens": float(said.input_tokens + said.output_tokens),
            "refused": float(said.refused),
            **({} if said.cost is None else {"cost": said.cost}),
        }
        warnings = (*engine.warnings, *answering.warnings)
        return Served(variant.name, impression, answered.result, answered, metrics, config, warnings)


def _mixed(experiment: Experiment, question: str, impression: str) -> Served:
    first, second = (_one(variant, question, impression, answer=False) for variant in experiment.variants)
    keys = [[hit.chunk_id for hit in one.result.hits] for one in (first, second)]
    mixed = team_draft((keys[0], keys[1]), max(map(len, keys)), impression)
    picks = enumerate(zip(mixed.teams, mixed.places, strict=True), 1)
    # Scores of two rankings mean nothing beside each other, and would tell the teams.
    hits = [
        replace((first, second)[team].result.hits[place], rank=rank, score=1 / rank) for rank, (team, place) in picks
    ]
    result = Result(first.result.query, tuple(hits))
    took = first.metrics["latency_ms"] + second.metrics["latency_ms"]
    metrics = {"latency_ms": took, "hits": float(len(hits)), "failed": 0.0}
    warnings = tuple(dict.fromkeys((*first.warnings, *second.warnings)))
    return Served("+".join(experiment.names), impression, result, None, metrics, first.config, warnings, mixed.teams)


def config_of(variant: Variant) -> "Config":
    """The frozen configuration as settings."""
    from ragcli.config.plain import from_plain
    from ragcli.config.settings import Config

    try:
        return from_plain(Config, dict(variant.settings))
    except (KeyError, TypeError) as error:
        raise UsageError(
            f"the configuration of {variant.name!r} was frozen by another version of ragcli: {error}",
            hint="create the experiment anew",
        ) from error


def _opened(config: "Config") -> "Engine":
    from ragcli.query.engine import Engine
    from ragcli.workspace import Workspace

    return Engine(config, Workspace(config.workspace.path))


def _metrics(timings_ms: Mapping[str, float], result: Result) -> dict[str, float]:
    stages = {f"{stage}_ms": ms for stage, ms in timings_ms.items()}
    return {"latency_ms": sum(timings_ms.values()), **stages, "hits": float(len(result.hits)), "failed": 0.0}


def _detail(served: Served) -> dict[str, Any]:
    hits = [[hit.document, hit.chunk_id] for hit in served.result.hits]
    return {"hits": hits, **({"teams": list(served.teams)} if served.teams else {})}
