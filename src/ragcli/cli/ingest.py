"""``ragcli ingest``: from files to documents and chunks in the catalog."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load
from ragcli.cli.output import Output, line, note
from ragcli.cli.progress import reading
from ragcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from ragcli.config.settings import Config
    from ragcli.ingest.result import FileProblem, IngestResult
    from ragcli.ingest.sync import StdinInput
    from ragcli.records import DocumentType

_LISTED = 20  # problems and duplicates shown to people; --format json lists them all

PathsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH",
        help="Files and folders, or - for standard input [default: ingest.sources].",
        show_default=False,
    ),
]
IncludeOption = Annotated[
    list[str] | None, typer.Option("--include", metavar="GLOB", help="Take only files that match. Repeatable.")
]
ExcludeOption = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Leave out what matches. Repeatable.")
]
GitignoreOption = Annotated[
    bool, typer.Option("--gitignore/--no-gitignore", help="Leave out what .gitignore files name.")
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")]
StrictOption = Annotated[bool, typer.Option("--strict", help="End with status 4 if anything could not be read.")]
DedupeOption = Annotated[
    bool | None,
    typer.Option(
        "--dedupe/--no-dedupe", help="Hold exact duplicates back [default: ingest.dedupe].", show_default=False
    ),
]
FractionOption = Annotated[
    float | None,
    typer.Option(
        "--max-delete-fraction",
        metavar="SHARE",
        help="Refuse to remove more than this share of the documents [default: ingest.max_delete_fraction].",
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Remove whatever share of the documents is gone.")]
NameOption = Annotated[
    str,
    typer.Option("--name", help="Name of the document read from -, or of the one folder given.", show_default=False),
]
TypeOption = Annotated[
    str, typer.Option("--type", help="Read - or the single files given as this type.", show_default=False)
]
ForgetOption = Annotated[
    list[str] | None, typer.Option("--forget", metavar="SOURCE", help="Drop a source and its documents. Repeatable.")
]


def ingest(
    paths: PathsArgument = None,
    *,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    gitignore: GitignoreOption = True,
    dry_run: DryRunOption = False,
    strict: StrictOption = False,
    dedupe: DedupeOption = None,
    max_delete_fraction: FractionOption = None,
    yes: YesOption = False,
    name: NameOption = "",
    type: TypeOption = "",
    forget: ForgetOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Read new and changed files, cut them into chunks, and retire what is gone."""
    from ragcli.ingest.sources import Selection
    from ragcli.ingest.sync import SyncOptions, sync

    flags = {"ingest.dedupe": dedupe, "ingest.max_delete_fraction": max_delete_fraction}
    loaded = load(config, set_, workspace, flags)
    given = tuple(path for path in paths or () if path != "-")
    _check_names(paths or (), name, forget or ())
    kind = document_type(type)
    selection = Selection(given, tuple(include or ()), tuple(exclude or ()), gitignore, name if given else "", kind)
    stdin = read_stdin(loaded.config, name, type) if paths and "-" in paths else None
    options = SyncOptions(selection, stdin, tuple(forget or ()), dry_run, yes, loaded.file)
    with reading() as listener:
        result = sync(loaded.config, loaded.base, options, listener)
    output = Output("ingest", format)
    error = tell(output, result, strict=strict)
    output.emit(result, lambda: show(result), error=error)


def tell(output: Output, result: "IngestResult", *, strict: bool) -> DataError | None:
    """Tell on stderr what could not be read, what was skipped and what repeats, which JSON has in its result.

    What was skipped is told once: the run that finds it, and every dry run.

    Returns:
        With ``strict``, the error that unread files are.
    """
    people = output.format != "json"
    if people:
        _list("failed", map(_told, result.failed))
        _list("skipped", [_told(problem) for problem in result.skipped if problem.new or result.dry_run])
    if people and (result.is_change or result.dry_run):
        _list("duplicate", (f"{one.name} repeats {one.of}" for one in result.duplicates))
    count = len(result.failed)
    if strict and count:
        return DataError(f"{count:,} {'file' if count == 1 else 'files'} could not be read")
    return None


def _told(problem: "FileProblem") -> str:
    return f"{problem.path or problem.source}: {problem.reason}"


def _list(what: str, texts: Iterable[str]) -> None:
    lines = list(texts)
    for text in lines[:_LISTED]:
        note(f"{what}: {text}")
    if len(lines) > _LISTED:
        note(f"{what}: {len(lines) - _LISTED:,} more; --format json lists them all")


def show(result: "IngestResult") -> None:
    """Print what a run did in one line; what a dry run would do, file by file."""
    if result.dry_run:
        for sign, changes in (("+", result.added), ("~", result.changed), ("-", result.removed)):
            for one in changes:
                line(f"{sign} {one.path}")
        for move in result.renamed:
            line(f"> {move.from_path} -> {move.path}")
    line(result.summary)


def read_stdin(config: "Config", name: str, type: str) -> "StdinInput":
    """The document on standard input, up to the size limit of files."""
    from ragcli.ingest.sync import StdinInput

    if sys.stdin.isatty():
        raise UsageError("- reads standard input, which is a terminal", hint="ragcli ingest - < FILE")
    data = sys.stdin.buffer.read(config.ingest.limits.max_file_bytes + 1)
    return StdinInput(name or "stdin", data, document_type(type))


def document_type(name: str) -> "DocumentType | None":
    """A document type by its name; None for an empty one.

    Raises:
        UsageError: there is no such type.
    """
    from ragcli.records import DocumentType

    types: tuple[DocumentType, ...] = get_args(DocumentType)
    for known in types:
        if known == name:
            return known
    if name:
        raise UsageError(f"--type: there is no type {name!r}", hint=f"one of {', '.join(types)}")
    return None


def _check_names(paths: Sequence[str], name: str, forget: Sequence[str]) -> None:
    if name and len(paths) != 1:
        raise UsageError("--name names one document or folder, so give exactly one PATH with it")
    if forget and paths:
        raise UsageError("--forget takes no PATHS: it drops whole sources")
