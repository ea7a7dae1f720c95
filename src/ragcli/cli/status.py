"""``ragcli status``: what the workspace holds, at a glance."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load_workspace
from ragcli.cli.output import Output, line, plain

if TYPE_CHECKING:
    from ragcli.index.status import IndexStatus, StatusResult


_LISTED = 5  # failed files named to people; --format json lists them all


def status(
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Show what is ingested and indexed, how fresh it is, and who is writing."""
    from ragcli.index.status import status as take_status

    result = take_status(*load_workspace(config, set_, workspace))
    Output("status", format).emit(_fields(result), lambda: _print(result))


def _fields(result: "StatusResult") -> dict[str, Any]:
    """The result as JSON has it, with the conclusion that scripts ask for."""
    fields: dict[str, Any] = plain(result)
    if result.index is not None:
        fields["index"]["fresh"] = result.index.fresh
    return fields


def _print(result: "StatusResult") -> None:
    for name, text in _lines(result):
        line(f"{name:<11} {text}", indent=12)


def _lines(result: "StatusResult") -> "Iterator[tuple[str, str]]":
    counts = result.catalog
    yield "workspace", str(result.workspace)
    failed = f", {counts.failed_files:,} of them failed" if counts.failed_files else ""
    yield "catalog", f"{counts.documents:,} documents, {counts.chunks:,} chunks, {counts.files:,} files{failed}"
    yield from (("failed", f"{one.path or one.source}: {one.reason}") for one in result.failed[:_LISTED])
    if len(result.failed) > _LISTED:
        yield "failed", f"{len(result.failed) - _LISTED:,} more; --format json lists them all"
    if result.index is None:
        yield "index", "none yet: run ragcli index"
    else:
        yield from _index_lines(result.index)
    yield "disk", f"catalog {result.catalog_bytes / 1e6:,.1f} MB, generations {result.generations_bytes / 1e6:,.1f} MB"
    if result.writer is not None:
        yield "writer", f"process {result.writer.pid} ({result.writer.command}) since {result.writer.started}"


def _index_lines(index: "IndexStatus") -> "Iterator[tuple[str, str]]":
    yield "generation", f"{index.generation}, made {_ago(index.age_s)} ago, {index.generations} kept"
    yield "chunks", f"{index.chunks:,} indexed"
    if index.embedder is not None and index.vectors is not None:
        parts = f"{index.vectors.base:,} in the base, {index.vectors.delta:,} in the delta, {index.vectors.dead:,} dead"
        yield "vectors", f"{index.vectors.type}, {index.vectors.dimension} components; {parts}"
        yield "model", index.embedder.name
    yield "lexical", index.lexical or "none"
    if index.changed_settings:
        yield "stale", f"built with other settings of index.{', index.'.join(index.changed_settings)}: run ragcli index"
    if index.pending_added or index.pending_removed:
        yield "pending", f"{index.pending_added:,} chunks to add, {index.pending_removed:,} to remove: run ragcli index"
    if index.fresh:
        yield "fresh", "the index has everything that was ingested"


def _ago(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"
