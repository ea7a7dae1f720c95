"""From a question to an answer: search, pack, answer, each stage on the clock."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from ragcli.config.fingerprint import fingerprint
from ragcli.models.prices import Price, known_price, read_prices
from ragcli.query.answer import Answerer, Listener, Standalone, Turn
from ragcli.query.answer.build import budgeted_model, build_answerer, build_counter
from ragcli.query.budget import context_budget
from ragcli.query.clock import Clock
from ragcli.query.pack import pack
from ragcli.query.result import Result
from ragcli.records import Answer, Context, Query
from ragcli.workspace.filter_sql import document_rows

if TYPE_CHECKING:
    from ragcli.query.engine import Engine

_REMEMBERED = 4  # turns of a conversation that a follow-up is understood by


@dataclass(frozen=True, slots=True)
class Answered:
    """A question with all that became of it.

    Attributes:
        result: The hits that are shown, and what was considered.
        timings_ms: Stages of the search, then ``pack`` and ``answer``; ``follow_up`` before them in a conversation.
        searched: What was searched for: the question, or what a follow-up means.
    """

    result: Result
    context: Context
    answer: Answer
    timings_ms: Mapping[str, float]
    searched: str


class Answering:
    """Answers questions through an engine, which stays the caller's.

    Args:
        engine: What searches; its configuration shapes all.

    Attributes:
        engine: As given.
        warnings: What the user should know of how tokens are counted.

    Raises:
        ConfigError: The answerer's settings make no sense, or a price is not known that a limit needs.
        MissingModelError: The vocabulary that counts tokens is not on this machine.
    """

    def __init__(self, engine: "Engine") -> None:
        self.engine = engine
        self._settings = engine.config.query
        model = budgeted_model(engine.config)
        self.counter, warning = build_counter(engine.config, model)
        self.warnings: tuple[str, ...] = (warning,) if warning else ()
        self._price = self._limiting_price(model)
        self.answerer: Answerer = build_answerer(engine.config, self.counter, engine.embedder)

    @property
    def fingerprint(self) -> str:
        """Identity of all that shapes context and answer beside the hits."""
        return fingerprint(self._settings.pack, self._settings.answer, self.counter.name)

    def ask(self, query: Query, history: Sequence[Turn] = (), listen: Listener | None = None) -> Answered:
        """Answer a question; see ``Engine.search`` and ``Answerer.answer`` for what is raised.

        Args:
            query: The question.
            history: The conversation it belongs to; a follow-up is searched for as what it means there.
            listen: Hears the answer as it comes.
        """
        recent = tuple(history[-_REMEMBERED:])
        before, after = Clock(), Clock()
        asked = Standalone(query.text)
        if recent:
            with before.stage("follow_up"):
                asked = self.answerer.standalone(query.text, recent)
        found, context = self._found(query, asked, recent)
        with after.stage("answer"):
            # A model is told the conversation; sentences are compared with all of the question.
            question = query.text if self.answerer.model else asked.text
            answer = self.answerer.answer(question, context, recent, listen)
        timings = {**_rounded(before), **found.timings_ms, **_rounded(after)}
        return Answered(replace(found, timings_ms=timings), context, _with(answer, asked), timings, asked.text)

    def prepare(self, query: Query) -> tuple[Result, Context]:
        """Search and pack."""
        return self._found(query, Standalone(query.text), ())

    def _found(self, query: Query, asked: Standalone, history: Sequence[Turn]) -> tuple[Result, Context]:
        top_k = self._settings.top_k
        wanted = max(top_k, self._settings.pack.candidates)
        [found] = self.engine.search([Query(query.id, asked.text)], top_k=wanted)
        clock = Clock()
        with clock.stage("pack"):
            context = self._packed(query.text, found, history, asked.cost)
        timings = {**found.timings_ms, **_rounded(clock)}
        return replace(found.first(top_k), query=query, timings_ms=timings), context

    def close(self) -> None:
        """Close the answerer's connections."""
        self.answerer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _packed(self, question: str, found: Result, history: Sequence[Turn], spent: float | None) -> Context:
        settings = self._settings.pack
        framing_tokens = self.counter.count(self.answerer.framing(question, history))
        budget = context_budget(settings, framing_tokens, self._price, spent or 0.0)
        return pack(
            found.hits,
            self.counter,
            budget.tokens,
            order=settings.order,
            documents=self._texts(found),
            limit=budget.limit,
        )

    def _texts(self, found: Result) -> dict[str, str]:
        """Texts of the documents that have several hits, by document id: the versions that the hits are of."""
        several = {key for key, count in Counter(hit.document_id for hit in found.hits).items() if count > 1}
        catalog = self.engine.generation.catalog
        considered = [one.row for one in found.considered]
        wanted: dict[str, int] = {}
        for rows in (considered[: len(found.hits)], considered[len(found.hits) :]):  # mostly those are the hits
            if several - wanted.keys():
                chunks = catalog.chunks(rows)
                wanted |= {one.document_id: row for row, one in chunks.items() if one.document_id in several}
        documents = document_rows(catalog, list(wanted.values()))
        texts = {document: catalog.document_text(documents[row]) for document, row in wanted.items()}
        for hit in found.hits:  # of two versions of a document, the text that was read is not that of every hit
            if texts.get(hit.document_id, "")[hit.start : hit.end] != hit.text:
                texts.pop(hit.document_id, None)
        return texts

    def _limiting_price(self, model: str) -> Price | None:
        """The price that ``max_cost`` is held by; an answer without a model costs nothing."""
        if self._settings.pack.max_cost is None or not model:
            return None
        return known_price(model, read_prices(self.engine.config.models))


def _rounded(clock: Clock) -> dict[str, float]:
    return {stage: round(ms, 3) for stage, ms in clock.ms.items()}


def _with(answer: Answer, asked: Standalone) -> Answer:
    """The answer with what it took to understand the question."""
    return replace(
        answer,
        input_tokens=answer.input_tokens + asked.input_tokens,
        output_tokens=answer.output_tokens + asked.output_tokens,
        counted=answer.counted or asked.counted,
        cost=None if answer.cost is None or asked.cost is None else answer.cost + asked.cost,
    )
