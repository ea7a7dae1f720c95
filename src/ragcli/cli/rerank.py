"""``ragcli rerank``: a filter that puts documents into a better order."""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ragcli.cli.asking import RERANK, load_asking
from ragcli.cli.options import ConfigOption, SetOption, WorkspaceOption, late_message, load
from ragcli.cli.output import Output
from ragcli.errors import ConfigError, DataError, UsageError
from ragcli.workspace import Workspace

if TYPE_CHECKING:
    from ragcli.config.rerank import ScorerConfig
    from ragcli.config.settings import Config
    from ragcli.query.lists import CandidateList, RerankedList

_BATCH = 64  # lists scored together

FileArgument = Annotated[
    Path,
    typer.Argument(help="JSONL of query and documents, or a TREC run; - is standard input.", show_default=False),
]
QuestionsOption = Annotated[
    Path | None,
    typer.Option("--questions", metavar="FILE", help="Questions of a TREC run: JSONL with id and question."),
]
CandidatesOption = Annotated[
    int | None,
    typer.Option("--candidates", metavar="N", help="First documents scored [default: query.rerank.candidates]."),
]
RerankerOption = Annotated[
    Literal["cross-encoder", "embedder", "endpoint"] | None,
    typer.Option("--reranker", help="What scores [default: query.rerank.kind, else cross-encoder]."),
]
TopKOption = Annotated[int | None, typer.Option("--top-k", "-k", metavar="N", help="Documents kept [default: all].")]
ListFormatOption = Annotated[
    Literal["jsonl", "trec", "json"] | None,
    typer.Option("--format", help="How lists are printed [default: as they came].", show_default=False),
]
RunNameOption = Annotated[str, typer.Option("--run-name", metavar="NAME", help="Tag of a TREC run.")]


def rerank(
    file: FileArgument = Path("-"),
    *,
    questions: QuestionsOption = None,
    reranker: RerankerOption = None,
    candidates: CandidatesOption = None,
    top_k: TopKOption = None,
    run_name: RunNameOption = "ragcli",
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: ListFormatOption = None,
) -> None:
    """Rerank lists of documents: JSONL with texts, or a TREC run of the index."""
    from ragcli.query.lists import rerank_lists
    from ragcli.query.rerank import Scorer

    if top_k is not None and top_k < 1:
        raise UsageError("--top-k must be at least 1", hint="ragcli rerank --help")
    flags = {RERANK: True, "query.rerank.kind": reranker, "query.rerank.candidates": candidates}
    settings = load_asking(lambda more: load(config, set_, workspace, more), flags).config
    scoring = _scoring(settings)
    is_run, lists = _lists(file, questions, settings)
    root = Workspace(settings.workspace.path)
    scorer = Scorer(scoring, settings.models, root.scores if root.root.is_dir() else None)
    output = Output("rerank", format or ("trec" if is_run else "jsonl"))
    late, shown = 0, []
    while batch := list(islice(lists, _BATCH)):
        for found in rerank_lists(scorer, batch, scoring.candidates, scoring.first_stage_weight):
            late += found.late
            if output.format == "json":
                shown.append(_fields(found, top_k))
            else:
                _print(found, top_k, run_name if output.format == "trec" else None)
        sys.stdout.flush()
    if late:
        output.warn(late_message(late))
    output.emit({"lists": shown}, lambda: None)


def _print(found: "RerankedList", top_k: int | None, tag: str | None) -> None:
    """One list as a line of JSON or, with a tag, as lines of a TREC run."""
    if tag is None:
        print(json.dumps(_fields(found, top_k), ensure_ascii=False))
    else:
        for line in _trec(found, top_k, tag):
            print(line)


def _scoring(settings: "Config") -> "ScorerConfig":
    from ragcli.config.rerank import MmrConfig, NoRerankerConfig

    scoring = settings.query.rerank
    if isinstance(scoring, NoRerankerConfig | MmrConfig) or scoring.diversity > 0:
        raise ConfigError(
            "query.rerank.diversity compares vectors of the index, which lists have not",
            hint="--set query.rerank.kind=cross-encoder --set query.rerank.diversity=0",
        )
    return scoring


def _lists(file: Path, questions: Path | None, settings: "Config") -> tuple[bool, "Iterator[CandidateList]"]:
    """Whether the input is a TREC run, and its lists."""
    from ragcli.query.lists import read_lists, read_run

    source = "stdin" if file == Path("-") else str(file)
    lines = enumerate(_lines(file), 1)
    first = next((line for line in lines if line[1].strip()), None)
    if first is None:
        raise DataError(f"{source} holds no list", hint="ragcli rerank --help")
    lines_again: Iterable[tuple[int, str]] = chain([first], lines)
    if first[1].lstrip().startswith("{"):
        return False, read_lists(lines_again, source)
    if questions is None:
        raise UsageError("a TREC run needs --questions", hint="ragcli rerank RUN --questions questions.jsonl")
    from ragcli.index.reader import open_generation
    from ragcli.query.questions import read_questions

    with open_generation(Workspace(settings.workspace.path), settings.index, dense=False, lexical=False) as generation:
        return True, iter(read_run(lines_again, source, read_questions(questions), generation))


def _lines(file: Path) -> Iterator[str]:
    """Lines as they arrive."""
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if file == Path("-") else file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    yield line.decode("utf-8-sig" if number == 1 else "utf-8")
                except UnicodeDecodeError as error:
                    raise DataError(f"{file}:{number}: not UTF-8 text", hint="save the file as UTF-8") from error
    except OSError as error:
        raise DataError(
            f"cannot read {file}: {error.strerror or error}", hint="give a file of lists, or - for standard input"
        ) from error


def _fields(found: "RerankedList", top_k: int | None) -> dict[str, Any]:
    query, documents = found.source.query, found.source.documents
    results = [
        {"index": one.index, "id": documents[one.index].name, "score": one.score}
        | {"text": documents[one.index].texts[0]}
        for one in found.placed[:top_k]
    ]
    late = {"late": True} if found.late else {}
    return {"id": query.id, "query": query.text, "results": results, **late}


def _trec(found: "RerankedList", top_k: int | None, tag: str) -> Iterable[str]:
    from ragcli.cli.hits import strictly_falling
    from ragcli.evaluate.runs import trec_lines

    kept = found.placed[:top_k]
    names = [found.source.documents[one.index].name for one in kept]
    scores = strictly_falling([one.score for one in kept])
    return trec_lines(found.source.query.id, zip(names, scores, strict=True), tag)
