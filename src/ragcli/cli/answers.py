"""How answers look: for people as they come, for other tools with all that they rest on."""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ragcli.cli.output import Output, console, line, plain, printable, terminal_width
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.cli.hits import Rendering
    from ragcli.query.answering import Answered, Answering
    from ragcli.query.engine import Engine
    from ragcli.records import Citation, Query

_WORD_END = re.compile(r"(?<=\s)")

FORMATS = ("table", "json", "jsonl")


def check_answers(format: str, *, interactive: bool, given: bool) -> None:
    """Refuse a format that has no place for answers, and a conversation that is given its questions beforehand."""
    if interactive and (given or format != "table"):
        raise UsageError("--interactive takes neither questions nor a format", hint="ragcli query --interactive")
    if format not in FORMATS:
        raise UsageError(f"--format {format} has no place for answers", hint=f"one of {', '.join(FORMATS)}")


def show_answers(
    output: Output, engine: "Engine", batches: Iterable[Sequence["Query"]], look: "Rendering", *, single: bool
) -> None:
    """Answer questions and print the answers, with their hits below them."""
    queries = (query for batch in batches for query in batch)
    with _answering(output, engine) as answering:
        match output.format:
            case "json":
                shown = [_as_json(answering.ask(query), look) for query in queries]
                content = {"generation": engine.generation.name, "strategy": engine.strategy, "queries": shown}
                output.emit(content | {"opening_ms": dict(engine.opening_ms)}, lambda: None)
            case "jsonl":
                for query in queries:
                    print(json.dumps(_record(answering.ask(query)), ensure_ascii=False), flush=True)
            case _:
                for query in queries:
                    _print(answering, query, look, heading=not single)


def converse(output: Output, engine: "Engine", look: "Rendering") -> None:
    """Answer a conversation line by line from standard input, until it ends; an empty line is no question."""
    from ragcli.query.answer import Turn
    from ragcli.records import Query

    history: list[Turn] = []
    with _answering(output, engine) as answering:
        while (line := _asked()) is not None:
            if not line.strip():
                continue
            answered = _answer(answering, Query(str(len(history) + 1), line.strip()), history)
            if look.explain:
                print(printable(f"searched for: {answered.searched}"))
                _print_facts(answered)
            history.append(Turn(line.strip(), answered.answer.text))


@contextmanager
def _answering(output: Output, engine: "Engine") -> Iterator["Answering"]:
    from ragcli.query.answering import Answering

    with Answering(engine) as answering:
        for warning in answering.warnings:
            output.warn(warning)
        yield answering


def _asked() -> str | None:
    """The next question; None at the end."""
    if sys.stdin.isatty():
        print("> ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if line else None


def _print(answering: "Answering", query: "Query", look: "Rendering", *, heading: bool) -> None:
    from ragcli.cli.hits import print_table

    if heading:
        print(f"# {printable(query.text)}\n")
    answered = _answer(answering, query)
    _print_facts(answered)
    screen = console()
    print_table(screen, answered.result, look, heading=False)
    screen.file.flush()


def _answer(answering: "Answering", query: "Query", history: Sequence[Any] = ()) -> "Answered":
    """Print an answer as it comes, and what it cites below."""
    flow = _Flow()
    answered = answering.ask(query, history, lambda text: flow.write(_visible(text)))
    flow.end()
    print("\n")
    _print_citations(answered)
    return answered


def print_answer(answered: "Answered") -> None:
    """An answer that is there already, and what it cites below."""
    flow = _Flow()
    flow.write(_visible(answered.answer.text))
    flow.end()
    print("\n")
    _print_citations(answered)


def _print_citations(answered: "Answered") -> None:
    for cited in answered.answer.citations:
        line(_place(cited), indent=4)
    if answered.answer.citations:
        print()


class _Flow:
    """Writes a text as it comes. On a terminal lines are broken between words, so the last word waits for its end."""

    def __init__(self) -> None:
        self._width = terminal_width(sys.stdout) if sys.stdout.isatty() else 0
        self._column = 0
        self._gap = ""
        self._held = ""

    def write(self, text: str) -> None:
        if not self._width:
            print(text, end="", flush=True)
            return
        *words, self._held = _WORD_END.split(self._held + text)
        for word in words:
            self._put(word)

    def end(self) -> None:
        self._put(self._held)

    def _put(self, word: str) -> None:
        bare = word.rstrip()
        column = self._column + len(self._gap) + len(bare)
        if column > self._width and self._column:
            self._gap = "\n"
        print(self._gap + bare, end="", flush=True)
        self._column = len(bare) if self._gap == "\n" else column
        self._gap = word[len(bare) :]


def _print_facts(answered: "Answered") -> None:
    """What the answer was made from and what it took, one line each."""
    context, answer = answered.context, answered.answer
    left = Counter(one.reason for one in context.left_out)
    reasons = "".join(f"; left out: {count} {reason}" for reason, count in left.items())
    line(f"context: {context.tokens:,} of {context.budget_tokens:,} tokens, {len(context.excerpts)} excerpts{reasons}")
    cost = "unknown" if answer.cost is None else f"{answer.cost:.6g}"
    tokens = f"{answer.input_tokens:,} tokens read, {answer.output_tokens:,} written"
    removed = f"; {answer.removed_citations} citations of nothing removed" if answer.removed_citations else ""
    line(f"answer: {answer.answerer}; {tokens}; cost {cost}{removed}")
    line("time: " + "  ".join(f"{stage} {ms:.1f} ms" for stage, ms in answered.timings_ms.items()))
    print()


def _place(cited: "Citation") -> str:
    page = "" if cited.page is None else f", page {cited.page}"
    heading = f" \u203a {cited.heading}" if cited.heading else ""
    return f"[{cited.number}] {cited.path}{heading}{page}, characters {cited.start}-{cited.end}"


def _visible(text: str) -> str:
    """Text with its lines, but nothing else that drives a terminal."""
    return "\n".join(printable(line.expandtabs(4)) for line in text.split("\n"))


def _as_json(answered: "Answered", look: "Rendering") -> dict[str, Any]:
    from ragcli.cli.hits import as_json

    return {
        **as_json(answered.result, look),
        "answer": plain(answered.answer),
        "context": plain(answered.context),
        "timings_ms": plain(answered.timings_ms),
    }


def _record(answered: "Answered") -> dict[str, Any]:
    """A line that ``ragcli eval answers`` reads: its answer is the text alone."""
    answer = plain(answered.answer)
    texts = [excerpt.text for excerpt in answered.context.excerpts]
    names = {"id": answered.result.query.id, "question": answered.result.query.text, "answer": answer.pop("text")}
    return {**names, "contexts": texts, **answer, "timings_ms": plain(answered.timings_ms)}
