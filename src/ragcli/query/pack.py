"""Hits into the context of an answer: the best first, within a budget of tokens, never the same text twice."""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ragcli.ingest.chunkers.sentences import sentences
from ragcli.models import TokenCounter
from ragcli.query.snippet import one_line
from ragcli.records import Context, Excerpt, Hit, LeftOut, LeftOutReason, Section

Order: TypeAlias = Literal["relevance", "document", "edges"]
Limit: TypeAlias = Literal["token budget", "cost limit"]

CUT_TOKENS = 100
"""With fewer left, the last chunk is left out rather than cut."""
_BETWEEN = "\n\n"
_LONGEST_LABEL = 200
# At the beginning of a line, whatever a reader takes for the end of the one before.
_LABEL_LIKE = re.compile(r"((?:^|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029])\s*)\[\s*(\d+)\s*\]")
_NO_TEXTS: Mapping[str, str] = {}


def pack(
    hits: Sequence[Hit],
    counter: TokenCounter,
    budget_tokens: int,
    *,
    order: Order = "relevance",
    documents: Mapping[str, str] = _NO_TEXTS,
    limit: Limit = "token budget",
) -> Context:
    """The context of some hits: as many of the best as the budget holds.

    A hit takes what stands around it along (``Hit.surroundings``) where that fits as a whole, otherwise it comes alone.
    The chunk that no longer fits is cut behind a sentence when ``CUT_TOKENS`` are left; all after it are left out, so
    that nothing less relevant takes the place of something more relevant.

    Args:
        hits: Best first.
        counter: Counts tokens.
        budget_tokens: Longest text of the context, its labels included.
        order: How the excerpts are arranged.
        documents: Document id -> its text; chunks with only white space between them are joined where it is known.
        limit: What the budget comes from.
    """
    packing = _Packing(counter, budget_tokens, documents, limit)
    for hit in hits:
        packing.add(hit)
    return packing.context(order)


@dataclass(slots=True)
class _Stretch:
    """Characters of one document that belong together, and the hits they come from, best first."""

    start: int
    text: str
    hits: list[Hit]
    cut: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def rank(self) -> int:
        return self.hits[0].rank


@dataclass(slots=True)
class _Packing:
    counter: TokenCounter
    budget: int
    documents: Mapping[str, str]
    limit: Limit
    stretches: dict[str, list[_Stretch]] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    left_out: list[LeftOut] = field(default_factory=list)
    used: int = 0
    full: bool = False

    def add(self, hit: Hit) -> None:
        """Put a hit into the context, or a part of it, or note why not."""
        missing = self._missing(hit)
        words = hit.text if self.full else " ".join(hit.text.split())  # most hits come when it is full
        if not missing or words in self.seen:
            self._leave(hit, hit.start, hit.end, "duplicate")
            return
        if self.full:
            self._leave(hit, *missing[0], self.limit)
            return
        for whole in _widest_first(hit):
            cost = self._cost(whole, self._missing(whole))
            if self.used + cost <= self.budget:
                self._place(hit, whole.start, whole.text)
                self.used += cost
                self.seen |= {words, hit.text}
                return
        self.full = True
        self._cut(hit, *missing[0])

    def _cost(self, hit: Hit, missing: Sequence[tuple[int, int]]) -> int:
        """Tokens that a hit adds, about: the whole is counted in the end."""
        first, *others = (_part(hit, *gap) for gap in missing)
        touching = self._touching(hit.document_id, hit.start, hit.end)
        if not touching:
            first = f"{_frame(hit)}{first}"
        # White space between chunks that are joined is a token mostly.
        return sum(map(self.counter.count, (first, *others))) + len(touching)

    def context(self, order: Order) -> Context:
        """All that was put in, arranged and numbered; what joined texts take beyond the sum of their parts is cut."""
        while True:
            excerpts = _excerpts(_arranged(self.stretches, order))
            text = _BETWEEN.join(f"[{one.number}] {_label(one)}\n{_unlabelled(one.text)}" for one in excerpts)
            tokens = self.counter.count(text)
            if tokens <= self.budget or not excerpts:
                break
            self._shorten(tokens - self.budget)
        left_out = tuple(sorted(self.left_out, key=lambda one: (one.rank, one.start)))
        return Context(excerpts, text, tokens, self.budget, self.counter.name, left_out)

    def _missing(self, hit: Hit) -> list[tuple[int, int]]:
        """The ranges of a hit that are not in the context yet and hold more than white space."""
        gaps, position = [], hit.start
        for one in self.stretches.get(hit.document_id, ()):
            if one.start < hit.end and one.end > position:
                gaps.append((position, one.start))
                position = one.end
        gaps.append((position, hit.end))
        return [(start, end) for start, end in gaps if start < end and _part(hit, start, end).strip()]

    def _touching(self, document: str, start: int, end: int) -> list[_Stretch]:
        """The stretches of a document that a range overlaps or follows, or that follow it."""
        text = self.documents.get(document, "")

        def joined(first: int, last: int) -> bool:
            return first >= last or (last <= len(text) and text[first:last].isspace())

        own = self.stretches.get(document, ())
        return [one for one in own if joined(one.end, start) and joined(end, one.start)]

    def _place(self, hit: Hit, start: int, text: str, *, cut: bool = False) -> None:
        """Add a text that a hit brings, and join it with what it touches."""
        end = start + len(text)
        own = self.stretches.setdefault(hit.document_id, [])
        touching = self._touching(hit.document_id, start, end)
        parts = sorted([(one.start, one.text) for one in touching] + [(start, text)])
        text, first = "", parts[0][0]
        for begin, piece in parts:
            position = first + len(text)
            gap = self.documents.get(hit.document_id, "")[position:begin]
            text += gap + piece[max(0, position - begin) :]
        hits = sorted([hit, *(other for one in touching for other in one.hits)], key=lambda one: one.rank)
        joined = _Stretch(first, text, hits, cut=cut and end == first + len(text))  # where nothing goes on behind it
        own[:] = sorted([*(one for one in own if one not in touching), joined], key=lambda one: one.start)

    def _cut(self, hit: Hit, start: int, end: int) -> None:
        """Put in the sentences that still fit of the first range that is missing."""
        left = self.budget - self.used - self.counter.count(_frame(hit))
        stop = start + _fitting(_part(hit, start, end), self.counter, left) if left >= CUT_TOKENS else start
        if stop > start:
            self._place(hit, start, _part(hit, start, stop), cut=True)
        self._leave(hit, stop, hit.end, self.limit)

    def _shorten(self, excess: int) -> None:
        """Cut at least so many tokens from the end of the least relevant stretch, or drop it."""
        document, last = max(
            ((document, one) for document, own in self.stretches.items() for one in own), key=lambda pair: pair[1].rank
        )
        kept = _fitting(last.text, self.counter, self.counter.count(last.text) - excess)
        end = last.start + kept
        for hit in last.hits:
            if hit.end > end:
                self._leave(hit, max(hit.start, end), hit.end, self.limit)
        last.hits = [hit for hit in last.hits if hit.start < end]
        last.text, last.cut = last.text[:kept], True
        if not kept or not last.hits:
            self.stretches[document].remove(last)

    def _leave(self, hit: Hit, start: int, end: int, reason: LeftOutReason) -> None:
        if start < end:
            self.left_out.append(LeftOut(hit.chunk_id, hit.document, hit.rank, start, end, reason))


def _widest_first(hit: Hit) -> list[Hit]:
    """A hit with what stands around it, where it has that, and alone."""
    around = hit.surroundings
    return [hit] if around is None else [replace(hit, text=around.text, start=around.start, end=around.end), hit]


def _unlabelled(text: str) -> str:
    """A text none of whose lines passes for the label of another excerpt: ``[2] a.md`` becomes ``(2) a.md``."""
    return _LABEL_LIKE.sub(r"\1(\2)", text)


def _frame(hit: Hit) -> str:
    """What stands around an excerpt."""
    return f"{_BETWEEN}[999] {_label(hit)}\n"


def _part(hit: Hit, start: int, end: int) -> str:
    return hit.text[start - hit.start : end - hit.start]


def _fitting(text: str, counter: TokenCounter, tokens: int) -> int:
    """Length of the sentences at the beginning of a text that fit into so many tokens; 0 if the first does not."""
    offsets = counter.offsets(text)
    if tokens <= 0:
        return 0
    if len(offsets) <= tokens:
        return len(text)
    reach = offsets[tokens - 1][1]
    ends = [sentence.end for sentence in sentences(text)]
    fitting = bisect_left(ends, reach + 1)
    return ends[fitting - 1] if fitting else 0


def _arranged(stretches: Mapping[str, Sequence[_Stretch]], order: Order) -> list[_Stretch]:
    ranked = sorted((one for own in stretches.values() for one in own), key=lambda one: one.rank)
    match order:
        case "relevance":
            return ranked
        case "document":
            best = {document: min((one.rank for one in own), default=0) for document, own in stretches.items()}
            return sorted(ranked, key=lambda one: (best[one.hits[0].document_id], one.start))
        case "edges":
            return [*ranked[::2], *reversed(ranked[1::2])]


def _excerpts(stretches: Sequence[_Stretch]) -> tuple[Excerpt, ...]:
    return tuple(_excerpt(number, one) for number, one in enumerate(stretches, 1))


def _excerpt(number: int, stretch: _Stretch) -> Excerpt:
    best = stretch.hits[0]
    return Excerpt(
        number=number,
        document_id=best.document_id,
        document=best.document,
        path=best.path,
        title=best.title,
        text=stretch.text,
        start=stretch.start,
        end=stretch.end,
        rank=best.rank,
        score=best.score,
        chunk_ids=tuple(hit.chunk_id for hit in sorted(stretch.hits, key=lambda hit: hit.start)),
        headings=best.headings,
        metadata=best.metadata,
        sections=tuple(_section(hit) for hit in sorted(stretch.hits, key=lambda hit: hit.start)),
        cut=stretch.cut,
    )


def _section(hit: Hit) -> Section:
    page = hit.metadata.get("page")
    return Section(hit.start, hit.headings, page if isinstance(page, int) else None)


def _label(origin: Hit | Excerpt) -> str:
    """Where a text is from, on one line."""
    page = origin.metadata.get("page")
    parts = [origin.document, *origin.headings, *([] if page is None else [f"page {page}"])]
    return one_line(" \u203a ".join(parts))[:_LONGEST_LABEL]
