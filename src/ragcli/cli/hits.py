"""How hits look: for people, for tables and for other tools."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, assert_never

from ragcli.query.result import Result
from ragcli.query.snippet import Snippet, line_starts, one_line, snippet

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from ragcli.config.settings import Config
    from ragcli.records import Hit

HitFormat: TypeAlias = Literal["table", "json", "jsonl", "csv", "md", "trec"]
Highlighter: TypeAlias = Callable[[str, str], list[tuple[int, int]]]

_SNIPPET_LINES = 3
_CRUMB = " \u203a "
_COLUMNS = (
    "query_id",
    "question",
    "rank",
    "score",
    "document",
    "path",
    "title",
    "headings",
    "start",
    "end",
    "chunk_id",
    "text",
)


@dataclass(frozen=True, slots=True)
class Rendering:
    """How results are shown.

    Attributes:
        explain: Show what each arm said.
        tag: The run's name in a TREC run.
        highlight: Ranges of a question's words in a text.
    """

    explain: bool
    tag: str
    highlight: Highlighter


def highlighter(config: "Config") -> Highlighter:
    """Finds the words of a question in a text, as the index does."""
    from ragcli.index.lexical.analysis import Analysis

    lexical = config.index.lexical
    analysis = (
        Analysis("en", stop_words=True) if lexical.kind == "none" else Analysis(lexical.language, lexical.stop_words)
    )

    def highlight(question: str, text: str) -> list[tuple[int, int]]:
        return analysis.matches(text, frozenset(analysis.question(question).terms))

    return highlight


def stream_lines(format: HitFormat, results: Iterable[Result], look: Rendering) -> Iterator[str]:
    """Results as text, a piece at a time, for every format but ``table`` and ``json``."""
    match format:
        case "jsonl":
            for result in results:
                yield from _json_lines(result, look)
        case "csv":
            yield _csv_line(_COLUMNS)
            for result in results:
                yield from map(_csv_line, _csv_rows(result))
        case "md":
            for result in results:
                yield from _markdown(result, look)
        case "trec":
            for result in results:
                yield from _trec(result, look.tag)
        case "table" | "json":
            raise ValueError(f"{format} is not streamed")
        case _:
            assert_never(format)


def as_json(result: Result, look: Rendering) -> dict[str, Any]:
    """One question as the envelope has it."""
    from ragcli.cli.output import plain

    hits = [_hit_fields(hit, place, result, look) for place, hit in enumerate(result.hits)]
    late = {"late": True} if result.late else {}
    fields = {"id": result.query.id, "text": result.query.text, **late, "hits": hits}
    if look.explain and result.plan is not None and result.plan.told:
        fields["plan"] = plain(result.plan)
    return fields | ({"timings_ms": plain(result.timings_ms)} if look.explain else {})


def print_table(console: "Console", result: Result, look: Rendering, *, heading: bool) -> None:
    """One question for people: rank, score, where it is, and the part that shows why.

    Args:
        console: Where to.
        result: The question's result.
        look: How.
        heading: Put the question above its hits, as one of several.
    """
    from rich.text import Text

    if heading:
        _print_wrapped(console, Text(f"# {one_line(result.query.text)}", style="bold magenta"), "")
        console.print()
    if look.explain:
        for line in _plan_lines(result):
            _print_wrapped(console, Text(line, style="cyan"), "")
    if not result.hits:
        console.print(Text("no hits", style="dim"))
        console.print()
    digits = max(2, len(str(len(result.hits))))
    for place, hit in enumerate(result.hits):
        _print_hit(console, result, place, look, f"{hit.rank:>{digits}}  {score_text(hit.score):>7}  ")
        console.print()
    if look.explain:
        _print_wrapped(console, Text(timings_line(result.timings_ms), style="dim"), "")


def _print_hit(console: "Console", result: Result, place: int, look: Rendering, lead: str) -> None:
    from rich.text import Text

    hit = result.hits[place]
    indent = " " * len(lead)
    _print_wrapped(console, _place_of(hit), lead)
    window = max(60, (console.width - len(indent)) * _SNIPPET_LINES - 20)
    text = _shown_text(hit)
    size = window * (1 if hit.surroundings is None else 3)
    lines = frozenset(line_starts(text, code=hit.metadata.get("type") == "code"))
    shown = snippet(text, look.highlight(result.query.text, text), size, lines)
    _print_wrapped(console, _highlighted(shown), indent)
    if look.explain:
        for line in _explanation(result, place):
            _print_wrapped(console, Text(line, style="cyan"), indent)


def _shown_text(hit: "Hit") -> str:
    return hit.text if hit.surroundings is None else hit.surroundings.text


def _print_wrapped(console: "Console", text: "Text", lead: str) -> None:
    """Wrapped to the console's width behind a lead, further lines indented, without white space at their ends.

    Where nobody says how wide it is, in a pipe, lines stay whole.
    """
    from rich.text import Text

    from ragcli.cli.output import has_width

    for line in text.wrap(console, max(20, console.width - len(lead))) if has_width() else text.split("\n"):
        line.rstrip()
        console.print(Text(lead, style="bold green" if lead.strip() else "").append_text(line), soft_wrap=True)
        lead = " " * len(lead)


def timings_line(timings_ms: Any) -> str:
    """Stages and their milliseconds on one line."""
    return "  ".join(f"{stage} {ms:.1f} ms" for stage, ms in timings_ms.items())


def score_text(score: float) -> str:
    """A score in at most seven characters, four digits behind the point where they fit."""
    return f"{score:.4f}" if abs(score) < 100 else f"{score:.5g}"


def _place_of(hit: "Hit") -> "Text":
    from rich.text import Text

    text = Text(one_line(hit.document), style="bold blue")
    crumbs = [one_line(heading) for heading in hit.headings or (hit.title,)]
    if crumbs not in ([""], [text.plain]):
        text.append("  " + _CRUMB.join(crumbs), style="not bold cyan")
    page = hit.metadata.get("page")
    if page is not None:
        text.append(f"  page {page}", style="not bold cyan")
    return text


def _highlighted(shown: Snippet) -> "Text":
    from rich.text import Text

    text = Text(shown.text)
    for start, end in shown.highlights:
        text.stylize("bold yellow", start, end)
    return text


def _plan_lines(result: Result) -> Iterator[str]:
    """How the question was asked, as far as the settings do not say it."""
    plan = result.plan
    if plan is None or not plan.told:
        return
    if plan.reason:
        how = "by words alone" if plan.arms == ("lexical",) else "by words and by meaning"
        yield f"asked {how}: {plan.reason}"
    if plan.documents is not None:
        yield f"searched within {plan.documents:,} documents, the best by their summaries"
    if len(plan.variations) > 1:
        for number, variation in enumerate(plan.variations):
            text = snippet(variation.text, (), 200).text
            yield f"[{number}] {one_line(variation.origin)}" + (f": {text}" if number else "")


def _explanation(result: Result, place: int) -> Iterator[str]:
    ways = result.found[place] if result.found else ()
    if ways:
        best = min(ways, key=lambda way: way.rank)
        parts = "  ".join(f"[{way.variation}] rank {way.rank} adds {way.weighted:.4f}" for way in ways)
        yield f"found by  {parts}; within [{best.variation}]:"
    contributions = result.contributions[place]
    alone = all(part.normalised == part.score for part in contributions.values())
    for arm, part in contributions.items():
        found = f"rank {part.rank:>3}" if part.rank else "unranked"
        line = f"{arm:<7}  {found}  score {part.score:.4f}"
        yield line if alone else f"{line}  normalised {part.normalised:.4f}  adds {part.weighted:.4f}"
    moved = result.reranked[place] if result.reranked else None
    if moved is not None:
        own = "" if moved.model_score is None else f"  model {moved.model_score:.4f}"
        yield f"rerank   rank {moved.rank:>3}  score {moved.score:.4f} before{own}"


def _hit_fields(hit: "Hit", place: int, result: Result, look: Rendering) -> dict[str, Any]:
    from ragcli.cli.output import plain

    fields: dict[str, Any] = plain(hit)
    if hit.surroundings is None:
        del fields["surroundings"]
    if look.explain:
        fields["arms"] = plain(result.contributions[place])
        if any(result.reranked):
            fields["reranked"] = plain(result.reranked[place])
        if result.found and result.found[place]:
            fields["found"] = plain(result.found[place])
    return fields


def _json_lines(result: Result, look: Rendering) -> Iterator[str]:
    for place, hit in enumerate(result.hits):
        fields = {"query_id": result.query.id, "question": result.query.text}
        yield json.dumps(fields | _hit_fields(hit, place, result, look), ensure_ascii=False)


def _csv_rows(result: Result) -> Iterator[Sequence[object]]:
    for hit in result.hits:
        breadcrumb = " > ".join(hit.headings)
        place = (hit.document, hit.path, hit.title, breadcrumb, hit.start, hit.end, hit.chunk_id, hit.text)
        yield (result.query.id, result.query.text, hit.rank, repr(hit.score), *place)


def _csv_line(row: Sequence[object]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(row)  # its own line end makes it quote both characters of it
    return line.getvalue().removesuffix("\r\n")


def _markdown(result: Result, look: Rendering) -> Iterator[str]:
    yield f"## {one_line(result.query.text)}\n"
    if look.explain and (told := list(_plan_lines(result))):
        yield "".join(f"- {line}\n" for line in told)
    if not result.hits:
        yield "No hits.\n"
    for place, hit in enumerate(result.hits):
        crumbs = "".join(f"{_CRUMB}{one_line(heading)}" for heading in hit.headings)
        yield f"{hit.rank}. **{one_line(hit.document)}**{crumbs} ({score_text(hit.score)})\n"
        yield "".join(f"   > {_printable(line)}".rstrip() + "\n" for line in _shown_text(hit).splitlines())
        if look.explain:
            yield "".join(f"   - {line}\n" for line in _explanation(result, place))


def _printable(line: str) -> str:
    """A line without control characters, its indentation kept."""
    return "".join(letter if letter.isprintable() or letter == "\t" else " " for letter in line)


def _trec(result: Result, tag: str) -> Iterator[str]:
    from ragcli.evaluate.runs import trec_lines

    scores = strictly_falling([hit.score for hit in result.hits])
    names = [hit.document for hit in result.hits]
    yield from trec_lines(result.query.id, zip(names, scores, strict=True), tag)


def strictly_falling(scores: Iterable[float]) -> list[float]:
    """Scores lowered by as little as nine digits show where they do not fall: trec_eval ranks by score alone."""
    result: list[float] = []
    for score in scores:
        if result and score > result[-1] - _step(result[-1]):
            score = result[-1] - _step(result[-1])  # noqa: PLW2901 - the lowered score takes its place
        result.append(score)
    return result


def _step(score: float) -> float:
    return max(abs(score), 1e-12) * 2e-8
