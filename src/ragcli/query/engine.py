"""The one engine behind shell and evaluation: questions in, ranked hits out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self, assert_never

from ragcli.config.narrow import HierarchicalConfig, NoNarrowingConfig
from ragcli.config.query import Strategy
from ragcli.config.settings import Config
from ragcli.errors import IndexStaleError
from ragcli.index.catalog_state import has_documents
from ragcli.index.reader import Generation, open_generation
from ragcli.query.asked import Asked, Variation, text_of, texts_to_embed
from ragcli.query.clock import Clock, shared
from ragcli.query.expand.build import build_expander
from ragcli.query.fuse import Arm, Fused
from ragcli.query.ranking import rank_all
from ragcli.query.result import Result, hit_of, known
from ragcli.query.retrieve import choose_arms
from ragcli.query.surroundings import surroundings
from ragcli.records import Query
from ragcli.workspace import Workspace
from ragcli.workspace.filter_sql import chunk_rows_by_name, document_rows
from ragcli.workspace.generations import list_generations
from ragcli.workspace.lock import holder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ragcli.models import Embedder
    from ragcli.query.narrow.hierarchical import Hierarchy
    from ragcli.query.rerank import Reranker

# Settings that shape no ranking, at some fixed value.
_NOT_SHAPING: Mapping[str, object] = {"top_k": 0, "require_fresh": False, "pack": None, "answer": None}
_DEEPER = 4  # a search that found too few documents asks for so many times more candidates


class Engine:
    """Searches one generation until it is closed. Serves one thread at a time.

    The model is loaded on a thread of its own while the indexes are opened and the lexical arm is asked.

    Args:
        config: Everything that shapes a search is in its sections ``index`` and ``query``.
        workspace: Where the index is.
        generation: Name of the generation; the live one unless given.
        expected: Questions that are known already: they are embedded while the index is opened.

    Attributes:
        warnings: What the user should know of the index and the filters.
        embedded: Question -> how often it was embedded.

    Raises:
        IndexMissingError: There is no index.
        IndexStaleError: It was built with other settings; or it lacks ingested changes, see ``query.require_fresh``.
        IndexStateError: It has not got the part that the strategy searches.
        UsageError: A filter cannot be read, or names an unknown key.
    """

    def __init__(
        self, config: Config, workspace: Workspace, *, generation: str | None = None, expected: Sequence[Query] = ()
    ) -> None:
        self._config = config
        self._settings = config.query
        self._clock = Clock()
        self.embedded: Counter[str] = Counter()
        self._ahead: Future[dict[str, NDArray[np.float32]]] | None = None
        # With ``auto`` the questions decide whether it is needed at all.
        wants_model = self._settings.strategy in {"dense", "hybrid"} and config.index.embedder.kind != "none"
        self._model = self._load_model() if wants_model and workspace.current.exists() else None
        if self._model is not None and expected:
            self._embed_ahead(self._model.result, [text_of(query) for query in expected])
        with self._clock.stage("open"):
            self.generation: Generation = open_generation(
                workspace,
                config.index,
                name=generation,
                dense=self._settings.strategy != "lexical",
                lexical=self._settings.strategy != "dense" or self._settings.expand.kind == "feedback",
                summaries=self._settings.narrow.kind != "none",
            )
        try:
            self._arms = choose_arms(
                self._settings.strategy,
                vectors=self.generation.vectors is not None,
                lexical=self.generation.lexical is not None,
            )
            self.warnings: tuple[str, ...] = self._freshness(workspace, on_purpose=generation is not None)
            self._allowed = self._filter()
            self._expander = build_expander(config, self.generation, self._allowed, self._settled_embedder, workspace)
            self._hierarchy = self._narrowing()
            self._reranker = self._build_reranker(workspace)
        except BaseException:  # also a Ctrl-C: nobody else would close it
            self.generation.close()
            raise

    @property
    def config(self) -> Config:
        """What it was built with."""
        return self._config

    @property
    def strategy(self) -> Strategy:
        """What is really searched: ``hybrid`` or ``auto`` with both arms, otherwise the one there is."""
        if len(self._arms) == 1:
            return self._arms[0]
        return "auto" if self._settings.strategy == "auto" else "hybrid"

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that are asked."""
        return self._arms

    @property
    def allowed(self) -> "NDArray[np.int64] | None":
        """The chunk rows that pass the filters, ascending; None without filters."""
        return self._allowed

    @property
    def opening_ms(self) -> Mapping[str, float]:
        """Milliseconds it took to open the index and, once it was needed, to wait for the model."""
        return self._clock.ms

    @property
    def embedder(self) -> "Embedder | None":
        """What embeds questions, once it is loaded; None where vectors are not searched."""
        return self._embedder if "dense" in self._arms else None

    @cached_property
    def fingerprints(self) -> Mapping[str, str]:
        """What shapes the results: two runs are comparable where these agree."""
        from ragcli.config.fingerprint import fingerprint

        return {
            "generation": self.generation.name,
            **self.generation.manifest.fingerprints,
            **(self._reranker.fingerprints if self._reranker else {}),
            "fusion": fingerprint(self._settings.fusion),
            "query": fingerprint(self._settings.model_copy(update=_NOT_SHAPING)),
        }

    def known_documents(self, names: Sequence[str]) -> set[str]:
        """Those of the document names that the index has."""
        import numpy as np

        rows = self.generation.chunk_rows
        found = chunk_rows_by_name(self.generation.catalog, names)
        return {name for name, own in found.items() if np.isin(own, rows).any()}

    def search(
        self,
        queries: Sequence[Query],
        *,
        top_k: int | None = None,
        group_by: Literal["chunk", "document"] | None = None,
    ) -> list[Result]:
        """The best hits of each question, in the order of the questions.

        Args:
            queries: Embedded in one batch.
            top_k: Hits per question at most; ``query.top_k`` unless given.
            group_by: ``query.group_by`` unless given.

        Raises:
            UsageError: A question is empty.
            ForeignModelError: The vectors were made by another model than the configured one.
            MissingModelError: The model is nowhere on this machine.
            IndexCorruptError: The index names chunks that the catalog has not.
        """
        top_k = self._settings.top_k if top_k is None else top_k
        by_document = (group_by or self._settings.group_by) == "document"
        texts = [text_of(query) for query in queries]
        if not queries:
            return []
        clocks = [Clock() for _ in queries]
        depth = max(self._settings.candidates, top_k)
        try:
            asked = self._ask(texts, clocks)
            considered = self._rank(asked, depth, clocks)
            ranked: Sequence[list[Fused]] = (
                self._best_of_documents(asked, considered, top_k, depth, clocks)
                if by_document
                else self._reranked(asked, considered, clocks)
            )
            results = self._results(queries, [found[:top_k] for found in ranked], clocks)
        finally:
            self._ahead = None  # of a search that failed before it needed them
        return [
            replace(result, considered=found, plan=question.plan)
            for result, found, question in zip(results, considered, asked, strict=True)
        ]

    def close(self) -> None:
        """Release the index, and whatever is connected."""
        self.generation.close()
        if self._expander is not None:
            self._expander.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _load_model(self) -> "Future[Embedder]":
        from ragcli.models.ahead import build_embedder

        worker = ThreadPoolExecutor(1, thread_name_prefix="model")
        future = worker.submit(build_embedder, self._config.index.embedder, self._config.models)
        worker.shutdown(wait=False)
        return future

    def _freshness(self, workspace: Workspace, *, on_purpose: bool) -> tuple[str, ...]:
        if not self.generation.pending:
            return ()
        name = self.generation.name
        message = f"documents were ingested or removed since generation {name} was built"
        if not has_documents(self.generation.catalog):
            raise IndexStaleError("everything that was indexed has been removed since", hint="ragcli ingest PATH")
        # Somebody saw to it, or has yet to be let finish: an update at work or cut short must not stop those who ask.
        excused = on_purpose or holder(workspace) is not None or name != list_generations(workspace)[-1]
        if self._settings.require_fresh and not excused:
            raise IndexStaleError(message, hint="ragcli index, or --no-require-fresh to ask the index as it is")
        return (f"{message}; ragcli index brings it up to date",)

    def _filter(self) -> "NDArray[np.int64] | None":
        if not self._settings.where:
            return None
        from ragcli.query.where import filter_rows

        with self._clock.stage("filter"):
            rows = self.generation.chunk_rows
            filtered = filter_rows(self.generation.catalog, self._settings.where, rows)
        self.warnings += filtered.warnings
        return filtered.rows

    def _narrowing(self) -> "Hierarchy | None":
        narrow = self._settings.narrow
        match narrow:
            case NoNarrowingConfig():
                return None
            case HierarchicalConfig():
                from ragcli.query.narrow.hierarchical import Hierarchy

                return Hierarchy(narrow, self.generation, self._settings.fusion, self._allowed)
            case _:
                assert_never(narrow)

    def _build_reranker(self, workspace: Workspace) -> "Reranker | None":
        settings = self._settings.rerank
        if settings.kind == "none":
            return None
        from ragcli.query.rerank import Reranker

        return Reranker(settings, self._config.models, self.generation, workspace.scores)

    def _reranked(
        self, asked: Sequence[Asked], found: Sequence[list[Fused]], clocks: Sequence[Clock]
    ) -> Sequence[list[Fused]]:
        """The rankings as the reranker has them, if there is one."""
        if self._reranker is None:
            return found
        with shared(clocks, "rerank"):
            return self._reranker.rerank([question.variations[0].text for question in asked], found)

    def _ask(self, texts: Sequence[str], clocks: Sequence[Clock]) -> list[Asked]:
        """How each question is to be asked."""
        asked = [self._routed(text) for text in texts]
        if self._model is None and any("dense" in question.arms for question in asked):
            self._model = self._load_model()
        wordy = [place for place, question in enumerate(asked) if not (question.reason and len(question.arms) == 1)]
        if self._expander is not None and wordy:  # who looks up an identifier wants that one
            if self._settings.expand.kind == "feedback":
                new = [texts[place] for place in wordy if "dense" in asked[place].arms]
                self._embed_ahead(lambda: self._embedder, new)
            with shared([clocks[place] for place in wordy], "expand"):
                found = self._expander.expand([texts[place] for place in wordy])
            for place, variations in zip(wordy, found, strict=True):
                asked[place].variations = tuple(variations)
        if self._hierarchy is not None and wordy:
            self._embed_new([asked[place] for place in wordy], [clocks[place] for place in wordy])
            for place in wordy:
                self._hierarchy.narrow(asked[place], clocks[place])
        return asked

    def _embed_ahead(self, embedder: Callable[[], "Embedder"], texts: Sequence[str]) -> None:
        """Begin with the questions themselves on another thread, unless that was done."""
        if texts and self._ahead is None:
            worker = ThreadPoolExecutor(1, thread_name_prefix="embed")
            self._ahead = worker.submit(lambda: dict(zip(texts, embedder().embed_queries(texts), strict=True)))
            worker.shutdown(wait=False)

    def _embed_new(self, asked: Sequence[Asked], clocks: Sequence[Clock]) -> None:
        places = [place for place, question in enumerate(asked) if "dense" in question.arms]
        if places:
            self._embed([asked[place] for place in places], [clocks[place] for place in places])

    def _routed(self, text: str) -> Asked:
        variations = (Variation(text, "the question"),)
        if self.strategy != "auto":
            return Asked(self._arms, variations, self._allowed)
        from ragcli.query.route import route

        chosen = route(text)
        arms = self._arms if chosen.strategy == "hybrid" else ("lexical",)
        return Asked(arms, variations, self._allowed, chosen.reason)

    def _rank(self, asked: Sequence[Asked], depth: int, clocks: Sequence[Clock]) -> list[list[Fused]]:
        """One ranking a question, of as many candidates an arm as ``depth`` says."""
        return rank_all(self.generation, asked, depth, self._settings.fusion, clocks, self._embed)

    def _embed(self, asked: Sequence[Asked], clocks: Sequence[Clock]) -> None:
        """Give each question the vectors of its variations: one call for all that are questions."""
        with shared(clocks, "embed"):
            embedder = self._embedder  # checked to be the index's, before vectors that were made ahead are used
            ahead, self._ahead = self._ahead, None
            vectors = {} if ahead is None else ahead.result()
            queries, passages = (texts_to_embed(asked, passages=passages) for passages in (False, True))
            more = [text for text in queries if text not in vectors]
            vectors |= dict(zip(more, embedder.embed_queries(more), strict=True)) if more else {}
            imagined = dict(zip(passages, embedder.embed_documents(passages), strict=True)) if passages else {}
            for question in asked:
                question.take_vectors(vectors, imagined)
        self.embedded.update([*queries, *passages])

    @cached_property
    def _embedder(self) -> "Embedder":
        with self._clock.stage("wait for model"):
            embedder = (self._model or self._load_model()).result()
        self.generation.check_model(embedder.fingerprint, embedder.name)
        return embedder

    def _settled_embedder(self) -> "Embedder":
        """The embedder, once no other thread asks it."""
        if self._ahead is not None:
            self._ahead.exception()  # waits; whoever takes the vectors hears of a failure
        return self._embedder

    def _best_of_documents(
        self, asked: Sequence[Asked], ranked: list[list[Fused]], top_k: int, depth: int, clocks: Sequence[Clock]
    ) -> list[list[Fused]]:
        """The best chunk of each document; searches deeper where that leaves too few documents."""
        total = self.generation.manifest.chunks if self._allowed is None else len(self._allowed)
        reranked = self._reranked(asked, ranked, clocks)
        best = [self._first_per_document(found, clock) for found, clock in zip(reranked, clocks, strict=True)]
        short = list(range(len(asked)))
        while depth < total:
            short = [place for place in short if len(best[place]) < top_k and len(ranked[place]) >= depth]
            if not short:
                break
            depth *= _DEEPER
            again, own = [asked[place] for place in short], [clocks[place] for place in short]
            deeper = self._rank(again, depth, own)
            for place, found, better in zip(short, deeper, self._reranked(again, deeper, own), strict=True):
                ranked[place] = found
                best[place] = self._first_per_document(better, clocks[place])
        return best

    def _first_per_document(self, found: Sequence[Fused], clock: Clock) -> list[Fused]:
        with clock.stage("group"):
            documents = document_rows(self.generation.catalog, [result.row for result in found])
            first: dict[int, Fused] = {}
            for result in found:
                first.setdefault(known(documents, result.row), result)
        return list(first.values())

    def _results(
        self, queries: Sequence[Query], ranked: Sequence[Sequence[Fused]], clocks: Sequence[Clock]
    ) -> list[Result]:
        with shared(clocks, "fetch"):
            wanted = sorted({result.row for found in ranked for result in found})
            chunks = self.generation.catalog.chunks(wanted)
            around = surroundings(self.generation.catalog, self._settings.surroundings, wanted)
        return [
            Result(
                query,
                tuple(
                    hit_of(place, result, known(chunks, result.row), around.get(result.row))
                    for place, result in enumerate(found, 1)
                ),
                tuple(result.contributions for result in found),
                reranked=tuple(result.reranked for result in found),
                late=self._reranker is not None and bool(found) and all(result.reranked is None for result in found),
                timings_ms={stage: round(ms, 3) for stage, ms in clock.ms.items()},
                found=tuple(result.found for result in found),
            )
            for query, found, clock in zip(queries, ranked, clocks, strict=True)
        ]
