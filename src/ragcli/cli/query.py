"""``ragcli query``: questions in, ranked hits and answers out."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ragcli.cli.asking import ANSWERING, ASKING, Flags, load_asking, takes
from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, late_message, load
from ragcli.cli.output import Output, console
from ragcli.errors import UsageError

if TYPE_CHECKING:
    from ragcli.cli.hits import Rendering
    from ragcli.config.settings import Config
    from ragcli.query.engine import Engine
    from ragcli.query.result import Result
    from ragcli.records import Query

_BATCH = 64  # questions embedded together

QuestionArgument = Annotated[
    str | None,
    typer.Argument(help="The question; - reads one a line from standard input.", show_default=False),
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="Questions from a .jsonl file, or one a line from any other."),
]
TopKOption = Annotated[
    int | None, typer.Option("--top-k", "-k", metavar="N", help="How many hits [default: query.top_k].")
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only chunks with type=markdown, 'path~=docs/**', page>=3, 'type in pdf,docx' ... Repeatable; all hold.",
    ),
]
GroupOption = Annotated[
    Literal["chunk", "document"] | None,
    typer.Option("--group-by", help="document: the best chunk of each document [default: query.group_by]."),
]
ExplainOption = Annotated[
    bool, typer.Option("--explain", help="Show what each arm scored, and the time of each stage.")
]
FreshOption = Annotated[
    bool | None,
    typer.Option(
        "--require-fresh/--no-require-fresh",
        help="Refuse, with status 5, an index that lacks ingested changes [default: query.require_fresh].",
        show_default=False,
    ),
]
AnswerOption = Annotated[
    bool, typer.Option("--answer", "-a", help="Answer the question, with citations, above the hits.")
]
InteractiveOption = Annotated[
    bool, typer.Option("--interactive", "-i", help="Hold a conversation: a question a line, follow-ups understood.")
]
RunNameOption = Annotated[str, typer.Option("--run-name", metavar="NAME", help="Tag of a TREC run.")]
HitFormatOption = Annotated[
    Literal["table", "json", "jsonl", "csv", "md", "trec"],
    typer.Option("--format", help="How hits are printed; trec ranks documents, the others chunks."),
]


@takes(asked=ASKING, answered=ANSWERING)
def query(
    question: QuestionArgument = None,
    *,
    file: FileOption = None,
    top_k: TopKOption = None,
    asked: Flags,
    where: WhereOption = None,
    group_by: GroupOption = None,
    explain: ExplainOption = False,
    answer: AnswerOption = False,
    interactive: InteractiveOption = False,
    answered: Flags,
    require_fresh: FreshOption = None,
    run_name: RunNameOption = "ragcli",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: HitFormatOption = "table",
) -> None:
    """Find the chunks that answer a question best, and answer it from them."""
    flags = {
        "query.top_k": top_k,
        "query.where": where or None,
        "query.group_by": "document" if format == "trec" else group_by,
        "query.require_fresh": require_fresh,
        **asked,
        **answered,
    }
    about_answer = {key: value for key, value in answered.items() if not key.startswith("query.surroundings")}
    answer = answer or any(value is not None for value in about_answer.values())
    if answer or interactive:
        from ragcli.cli.answers import check_answers

        check_answers(format, interactive=interactive, given=question is not None or file is not None)
    batches = [] if interactive else question_batches(question, file)
    loaded = load_asking(lambda more: load(config, set_, workspace, more), flags)
    with _opened(loaded.config, batches) as engine:
        output = Output("query", format)
        for warning in engine.warnings:
            output.warn(warning)
        look = _rendering(loaded.config, explain, run_name)
        single = question not in {None, "-"}
        try:
            if interactive or answer:
                _answer(output, engine, None if interactive else batches, look, single=single)
            else:
                _show(output, engine, batches, look, single=single)
        except BrokenPipeError:  # the reader has seen enough: nothing more is written, not even at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(
    output: Output, engine: "Engine", batches: Iterable["Sequence[Query]"] | None, look: "Rendering", *, single: bool
) -> None:
    """Answer questions; without any, those of a conversation."""
    from ragcli.cli.answers import converse, show_answers

    if batches is None:
        converse(output, engine, look)
    else:
        show_answers(output, engine, batches, look, single=single)


def _told(output: Output, results: "Iterable[Result]") -> "Iterator[Result]":
    """The results; at their end, how many of them were not reranked in time."""
    late = 0
    for result in results:
        late += result.late
        yield result
    if late:
        output.warn(late_message(late))


def question_batches(question: str | None, file: Path | None) -> Iterable["Sequence[Query]"]:
    """The questions asked for, some at a time."""
    from ragcli.records import Query

    if (question is None) == (file is None):
        wrong = "give a question, or --file" if question is None else "give a question or --file, not both"
        raise UsageError(wrong, hint='ragcli query "how do I ..."')
    if file is not None:
        from ragcli.query.questions import read_questions

        queries = read_questions(file)
        return [queries[first : first + _BATCH] for first in range(0, len(queries), _BATCH)]
    if question == "-":
        return _from_stdin()
    if question is None or not question.strip():
        raise UsageError("the question is empty", hint='ragcli query "how do I ..."')
    return [[Query("1", question.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))]]


def _from_stdin() -> Iterator["Sequence[Query]"]:
    """Whatever has arrived, up to a batch: a slow producer gets each answer at once, a file is read in large steps."""
    from queue import Empty, SimpleQueue

    from ragcli.query.questions import numbered

    arrived: SimpleQueue[Query | None] = SimpleQueue()

    def read() -> None:
        for query in numbered(line.decode("utf-8", "replace") for line in _stdin_lines()):
            arrived.put(query)
        arrived.put(None)

    Thread(target=read, daemon=True).start()
    count = 0
    more = True
    while more:
        batch = [arrived.get()]
        try:
            while len(batch) < _BATCH and batch[-1] is not None:
                batch.append(arrived.get_nowait())
        except Empty:
            pass
        more = batch[-1] is not None
        queries = [query for query in batch if query is not None]
        count += len(queries)
        if queries:
            yield queries
    if not count:
        raise UsageError("standard input held no question", hint="ragcli query - < questions.txt")


def _stdin_lines() -> Iterator[bytes]:
    """Lines of standard input, read past its buffer: Python aborts when it ends while a thread waits inside that."""
    stream = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    rest = b""
    while data := stream.read(65_536):
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
    if rest:
        yield rest


@contextmanager
def _opened(config: "Config", batches: Iterable["Sequence[Query]"]) -> Iterator["Engine"]:
    from ragcli.query.engine import Engine
    from ragcli.workspace import Workspace

    expected = batches[0] if isinstance(batches, list) and batches else ()
    with Engine(config, Workspace(config.workspace.path), expected=expected) as engine:
        yield engine


def _rendering(config: "Config", explain: bool, run_name: str) -> "Rendering":
    from ragcli.cli.hits import Rendering, highlighter

    return Rendering(explain, run_name, highlighter(config))


def _show(
    output: Output, engine: "Engine", batches: Iterable["Sequence[Query]"], look: "Rendering", *, single: bool
) -> None:
    from ragcli.cli.hits import as_json, print_table, stream_lines, timings_line

    results = _told(output, (result for batch in batches for result in engine.search(batch)))
    match output.format:
        case "json":
            queries = [as_json(result, look) for result in results]
            content = {"generation": engine.generation.name, "strategy": engine.strategy, "queries": queries}
            output.emit(content | ({"opening_ms": dict(engine.opening_ms)} if look.explain else {}), lambda: None)
        case "table":
            Thread(target=import_module, args=["rich.console"], daemon=True).start()  # while the model computes
            for result in results:
                screen = console()
                print_table(screen, result, look, heading=not single)
                screen.file.flush()
            if look.explain:
                console().print(timings_line(engine.opening_ms), style="dim")
        case "jsonl" | "csv" | "md" | "trec":
            for line in stream_lines(output.format, results, look):
                print(line, flush=True)
        case _:
            raise UsageError(f"unknown format {output.format}")
