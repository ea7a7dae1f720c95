"""How hits look: for people, for tables and for other tools."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, assert_never

from ragcli.query.result import Result
from ragcli.query.snippet import Snippet, one_line, snippet

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

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
    fields = {"id": result.query.id, "text": result.query.text, "hits": hits}
    return fields | ({"timings_ms": plain(result.timings_ms)} if look.explain else {})


def print_table(console: "Console", result: Result, look: Rendering, *, heading: bool) -> None:
    """One question for people: rank, score, where it is, and the part that shows why.

    Args:
        console: Where to.
        result: The question's result.
        look: How.
        heading: Put the question above its hits, as one of several.
    """
    from rich.rule import Rule
    from rich.text import Text

    if heading:
        title = Text(f"{one_line(result.query.id)}  {one_line(result.query.text)}", style="bold")
        console.print(Rule(title, align="left", characters="─" if console.encoding.startswith("utf") else "-"))
    if not result.hits:
        console.print(Text("no hits", style="dim"))
    for place in range(len(result.hits)):
        console.print(_row(result, place, look, console.width))
        console.print()
    if look.explain:
        console.print(Text(timings_line(result.timings_ms), style="dim"))


def timings_line(timings_ms: Any) -> str:
    """Stages and their milliseconds on one line."""
    return "  ".join(f"{stage} {ms:.1f} ms" for stage, ms in timings_ms.items())


def _row(result: Result, place: int, look: Rendering, width: int) -> "Table":
    from rich.table import Table
    from rich.text import Text

    hit = result.hits[place]
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", width=max(2, len(str(len(result.hits)))), no_wrap=True)
    grid.add_column(justify="right", width=7, no_wrap=True)
    grid.add_column(ratio=1, overflow="fold")
    body: list[RenderableType] = [_place_of(hit)]
    window = max(60, (width - 14) * _SNIPPET_LINES - 20)
    body.append(_highlighted(snippet(hit.text, look.highlight(result.query.text, hit.text), window)))
    if look.explain:
        body += [Text(line, style="cyan") for line in _explanation(result, place)]
    from rich.console import Group

    grid.add_row(Text(str(hit.rank), style="bold"), Text(score_text(hit.score), style="green"), Group(*body))
    return grid


def score_text(score: float) -> str:
    """A score in at most seven characters, four digits behind the point where they fit."""
    return f"{score:.4f}" if abs(score) < 100 else f"{score:.5g}"


def _place_of(hit: "Hit") -> "Text":
    from rich.text import Text

    text = Text(one_line(hit.document), style="bold blue")
    page = hit.metadata.get("page")
    if page is not None:
        text.append(f" p. {page}", style="blue")
    crumbs = [one_line(heading) for heading in hit.headings] or ([one_line(hit.title)] if hit.title else [])
    if crumbs:
        text.append("  " + _CRUMB.join(crumbs), style="dim not bold")
    return text


def _highlighted(shown: Snippet) -> "Text":
    from rich.text import Text

    text = Text(shown.text)
    for start, end in shown.highlights:
        text.stylize("bold yellow", start, end)
    return text


def _explanation(result: Result, place: int) -> Iterator[str]:
    contributions = result.contributions[place]
    alone = all(part.normalised == part.score for part in contributions.values())
    for arm, part in contributions.items():
        line = f"{arm:<7}  rank {part.rank:>3}  score {part.score:.4f}"
        yield line if alone else f"{line}  normalised {part.normalised:.4f}  adds {part.weighted:.4f}"


def _hit_fields(hit: "Hit", place: int, result: Result, look: Rendering) -> dict[str, Any]:
    from ragcli.cli.output import plain

    fields: dict[str, Any] = plain(hit)
    if look.explain:
        fields["arms"] = plain(result.contributions[place])
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
    csv.writer(line, lineterminator="").writerow(row)
    return line.getvalue()


def _markdown(result: Result, look: Rendering) -> Iterator[str]:
    yield f"## {one_line(result.query.text)}\n"
    if not result.hits:
        yield "No hits.\n"
    for place, hit in enumerate(result.hits):
        crumbs = "".join(f"{_CRUMB}{one_line(heading)}" for heading in hit.headings)
        yield f"{hit.rank}. **{one_line(hit.document)}**{crumbs} ({score_text(hit.score)})\n"
        yield "".join(f"   > {line}".rstrip() + "\n" for line in hit.text.splitlines())
        if look.explain:
            yield "".join(f"   - {line}\n" for line in _explanation(result, place))


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
