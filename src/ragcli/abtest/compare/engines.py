"""The engines of a comparison, and how they are asked in turn."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ragcli.config.settings import Config
from ragcli.errors import BackendError, ForeignModelError, IndexMissingError, IndexStaleError, RagcliError
from ragcli.evaluate.sweep.stages import SharingEngine, Stages
from ragcli.index.progress import NoProgress, Progress
from ragcli.ingest.recipe import outdated_sources
from ragcli.records import Query
from ragcli.workspace import Workspace
from ragcli.workspace.ledger import Ledger

if TYPE_CHECKING:
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray

    from ragcli.models import CrossEncoder, Embedder
    from ragcli.query.engine import Engine
    from ragcli.query.rerank import Reranker

WARM_UP = 3
"""So many questions are asked before anything is measured: the first ones wait for models and files."""


class ComparedEngine(SharingEngine):
    """An engine that shares work with the others, and is as fast as it would be on questions that are new to it.

    The workspace's file of reranking scores is left alone: what an earlier run has paid for would cost nothing.
    """

    def forget(self) -> None:
        """Let go of what only the question before could need."""
        self._stages.forget()

    def _load_model(self) -> "Future[Embedder]":
        if self._settings.expand.kind == "feedback":  # embeds beside other work, whose time is not its own
            return super(SharingEngine, self)._load_model()
        return super()._load_model()

    def _build_reranker(self, workspace: Workspace) -> "Reranker | None":  # noqa: ARG002 - whose file of scores this is
        settings = self._settings.rerank
        if settings.kind == "none":
            return None
        from ragcli.query.rerank import Reranker

        reranker = Reranker(settings, self._config.models, self.generation, None)
        # Within a limit of time, shared scores would leave time for more of them.
        if reranker.scorer is not None and settings.kind != "mmr" and settings.time_limit_ms is None:
            reranker.scorer.model = RememberingCrossEncoder(reranker.scorer.model, self._stages)
        return reranker


class RememberingCrossEncoder:
    """Scores of a model that several engines rerank by, each pair scored once."""

    def __init__(self, model: "CrossEncoder", stages: Stages) -> None:
        self._model = model
        self._stages = stages
        self.fingerprint = model.fingerprint
        self.name = model.name

    def score(self, pairs: "Sequence[tuple[str, str]]") -> "NDArray[np.float32]":
        """See ``CrossEncoder``."""
        import numpy as np

        known = self._stages.scores
        keys = [(self.fingerprint, *pair) for pair in pairs]
        missing = [place for place, key in enumerate(keys) if key not in known]
        for place in set(range(len(keys))).difference(missing):
            self._stages.owe("rerank", known[keys[place]][1])
        if missing:
            started = time.perf_counter()
            fresh = self._model.score([pairs[place] for place in missing])
            ms = (time.perf_counter() - started) * 1000 / len(missing)
            known.update((keys[place], (float(score), ms)) for place, score in zip(missing, fresh, strict=True))
        return np.array([known[key][0] for key in keys], dtype=np.float32)


@contextmanager
def opened(named: Sequence[tuple[Path, Config]], *, share: bool = True) -> "Iterator[list[ComparedEngine]]":
    """The engine of each configuration, by the file it is from.

    Args:
        named: Files and what they hold.
        share: Whether work that two have in common is done once.

    Raises:
        IndexStateError: One has no index, or one that was built with other settings, or of documents that were cut by
            others; the message names the file.
    """
    together = Stages()
    with ExitStack() as stack:
        engines = []
        for file, config in named:
            try:
                engine = ComparedEngine(config, Workspace(config.workspace.path), together if share else Stages())
            except RagcliError as error:
                raise _named(file, error) from error
            engines.append(stack.enter_context(engine))
        _check_cutting(named, engines)
        yield engines


def _check_cutting(named: Sequence[tuple[Path, Config]], engines: "Sequence[Engine]") -> None:
    """Refuse an index whose documents its configuration would cut otherwise: it would say nothing of that."""
    fits = [
        not outdated_sources(config, Ledger(engine.generation.catalog))
        for (_, config), engine in zip(named, engines, strict=True)
    ]
    paired = list(zip(named, fits, strict=True))
    for file, config in (pair for pair, fit in paired if not fit):
        folder = config.workspace.path
        told = f"the documents in {folder} were cut by other settings"
        owner = next((own for (_, own), fit in paired if fit and own.workspace.path == folder), None)
        if owner is None:
            raise IndexStaleError(f"{file}: {told} of ingest", hint=f"ragcli sync -c {file}")
        raise _named(file, IndexStaleError(f"{told} ({', '.join(_reading_apart(config, owner))})"))


def _reading_apart(one: Config, other: Config) -> list[str]:
    """Names of the settings by which two configurations read and cut documents unlike."""
    names = ("chunker", "tokenizer", "loaders", "limits", "sources")
    apart = [f"ingest.{name}" for name in names if getattr(one.ingest, name) != getattr(other.ingest, name)]
    return apart or ["index.embedder"]


def _named(file: Path, error: RagcliError) -> RagcliError:
    """The error with the name of the configuration, and what to do there."""
    hint = error.hint
    if isinstance(error, IndexMissingError):
        hint = f"ragcli sync -c {file}"
    elif isinstance(error, IndexStaleError | ForeignModelError):
        hint = f"give it a workspace of its own (workspace.path in {file}), then ragcli sync -c {file}"
    return type(error)(f"{file}: {error.message}", hint=hint)


class Asked(Protocol):
    """What is asked in turn; ``Evaluation`` is."""

    questions: tuple[Query, ...]

    def ask(self, query: Query) -> None:
        """Ask one question."""
        ...


def warm_up(files: Sequence[Path], engines: "Sequence[Engine]", questions: Sequence[Query], top_k: int) -> None:
    """Ask what will not be measured: other words than any question's, which nothing can remember afterwards.

    Raises:
        RagcliError: A configuration cannot be asked at all; the message names its file.
    """
    for query in questions[:WARM_UP]:
        other = Query(f"warm-up {query.id}", " ".join(["warm-up", *reversed(query.text.split())]))
        for file, engine in zip(files, engines, strict=True):
            try:
                engine.search([other], top_k=top_k, group_by="document")
            except BackendError:
                continue  # what fails is counted where it is measured
            except RagcliError as error:
                raise _named(file, error) from error


def ask_in_turn(
    asked: Sequence[Asked], progress: Progress | None = None, after_each: Callable[[], None] = lambda: None
) -> None:
    """Put every question to all, one after the other, in an order that turns round with each: A B, B A, A B ...

    A machine that grows slower (or faster) evenly thus costs all of them the same.

    Args:
        asked: All with the same questions.
        progress: Told of each question.
        after_each: Called between questions.
    """
    questions, told = asked[0].questions, progress or NoProgress()
    for place, query in enumerate(questions):
        for one in asked if place % 2 == 0 else reversed(asked):
            one.ask(query)
        after_each()
        told.update("questions", place + 1, len(questions))
