"""A thorough look at a workspace: everything is opened, read and compared, and nothing is changed."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from ragcli.config.settings import Config
from ragcli.errors import IndexCorruptError, IndexMissingError, IndexStateError, RagcliError
from ragcli.index.history import leftovers
from ragcli.index.manifest import VECTORS, Manifest, damaged_files, read_manifest
from ragcli.index.reader import Wanted, count_problems, open_parts, read_chunk_rows
from ragcli.index.settings import changed_settings
from ragcli.index.status import disk_bytes, pending, running_writer
from ragcli.ingest.recipe import outdated_sources
from ragcli.workspace import Workspace, generations
from ragcli.workspace.catalog import Catalog
from ragcli.workspace.ledger import Ledger
from ragcli.workspace.lock import holder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Verdict: TypeAlias = Literal["ok", "warning", "broken"]

_TIGHT_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        hint: What to do about it, as a command or a short sentence; empty when nothing is to be done.
    """

    name: str
    verdict: Verdict
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class DoctorResult:
    """All checks, in the order in which they were made."""

    workspace: Path
    checks: tuple[Check, ...]

    @property
    def error(self) -> IndexStateError | None:
        """The failure to report, when something is broken."""
        broken = [check for check in self.checks if check.verdict == "broken"]
        if not broken:
            return None
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        return IndexCorruptError(f"{broken[0].message}{more}", hint=broken[0].hint)


def diagnose(config: Config, workspace: Workspace) -> DoctorResult:
    """Check a workspace: disk, catalog, every generation's files, the live index, its model and its settings.

    Raises:
        IndexMissingError: nothing was ingested yet.
    """
    if not workspace.catalog.exists():
        raise IndexMissingError(f"there is no workspace at {workspace.root}", hint="ragcli ingest PATH")
    return DoctorResult(workspace.root, tuple(_checks(config, workspace)))


def _checks(config: Config, workspace: Workspace) -> Iterator[Check]:
    yield _disk(workspace)
    yield _writer(workspace)
    yield from _generations(workspace)
    try:
        with Catalog(workspace.catalog, readonly=True) as catalog:
            yield _catalog(catalog)
            yield _sources(config, catalog)
            yield from _live(config, workspace, catalog)
    except RagcliError as error:
        yield Check("catalog", "broken", error.message, error.hint)


def _disk(workspace: Workspace) -> Check:
    used, free = disk_bytes(workspace.root), shutil.disk_usage(workspace.root).free
    message = f"{_size(used)} used, {_size(free)} free on {workspace.root}"
    # A rebuild writes all files anew before the old ones go.
    if free < max(_TIGHT_BYTES, disk_bytes(workspace.generations)):
        return Check("disk", "warning", message, "free some space: a rebuild needs as much again as the index has")
    return Check("disk", "ok", message)


def _writer(workspace: Workspace) -> Check:
    running, last = running_writer(workspace), holder(workspace)
    found = leftovers(workspace)
    if running is not None:
        return Check("writer", "ok", f"process {running.pid} ({running.command}) is writing since {running.started}")
    if found:
        return Check("writer", "warning", f"a killed run left {', '.join(found)}", "ragcli index gc")
    if last is not None:
        message = f"{last.command or 'the run'} of {last.started} did not come to its end"
        return Check("writer", "warning", message, "run it again")
    return Check("writer", "ok", "nobody is writing, and no run left anything behind")


def _generations(workspace: Workspace) -> Iterator[Check]:
    """Checksums of all kept generations; what a live one shares with an older one is read for each."""
    names = generations.list_generations(workspace)
    try:
        live = generations.current(workspace)
    except IndexCorruptError as error:
        yield Check(
            "generations", "broken", error.message, f"ragcli index rollback {names[-1]}" if names else "ragcli index"
        )
        return
    if live is None:
        yield Check("generations", "warning", "there is no index yet", "ragcli index")
    elif live not in names:
        yield Check("generations", "broken", f"generation {live} is live but not there", "ragcli index --full")
    for name in names:
        yield _files(workspace, name, name == live)


def _files(workspace: Workspace, name: str, live: bool) -> Check:
    directory = workspace.generations / name
    what = f"generation {name}" + (" (live)" if live else "")
    repair = "ragcli index rollback, or ragcli index --full" if live else f"do not roll back to {name}"
    try:
        manifest = read_manifest(directory)
    except (IndexStateError, OSError) as error:
        return Check(what, "broken", str(error), repair)
    problems = damaged_files(directory, manifest)
    if problems:
        return Check(what, "broken", "; ".join(problems), repair)
    return Check(what, "ok", f"{len(manifest.files)} files, {_size(manifest.bytes)}, checksums right")


def _catalog(catalog: Catalog) -> Check:
    problems = catalog.problems()
    if problems:
        return Check("catalog", "broken", f"SQLite finds {problems[0]}", "remove the workspace and ingest again")
    counts = catalog.counts()
    return Check("catalog", "ok", f"{counts.documents:,} documents, {counts.chunks:,} chunks, sound")


def _sources(config: Config, catalog: Catalog) -> Check:
    """Every file that is a document's was read, by the configured settings."""
    counts = catalog.counts()
    if counts.failed_files:
        message = f"{counts.failed_files:,} of {counts.files:,} could not be read"
        return Check("files", "warning", message, "ragcli status, which names them and says why")
    if outdated := outdated_sources(config, Ledger(catalog)):
        message = f"those of {', '.join(outdated)} were read and cut by other settings than the configured ones"
        return Check("files", "warning", message, "ragcli sync, or restore the settings of ingest")
    return Check("files", "ok", f"{counts.files:,}, all of them read")


def _live(config: Config, workspace: Workspace, catalog: Catalog) -> Iterator[Check]:
    name = generations.current(workspace)
    directory = workspace.generations / (name or "")
    if name is None or not directory.is_dir():
        return
    try:
        manifest = read_manifest(directory)
        rows = read_chunk_rows(directory)
        yield _settings(config, manifest)
        yield _index(config, directory, manifest, rows)
        yield _agreement(catalog, directory, manifest, rows)
    except (IndexStateError, OSError) as error:
        yield Check("index", "broken", str(error), "ragcli index --full")
        return
    if manifest.embedder is not None:
        yield _model(config, manifest)


def _index(config: Config, directory: Path, manifest: Manifest, rows: "NDArray[np.int64]") -> Check:
    """The parts open, hold as many chunks as they should, and have exactly one vector for each."""
    import numpy as np

    # Words are cut by the configured language: another one than the index was made with cannot open it.
    readable = not any(name.startswith("lexical") for name in changed_settings(config.index, manifest))
    parts_opened = open_parts(directory, manifest, config.index, Wanted(True, readable, readable))
    problems = count_problems(directory, manifest, parts_opened)
    if not problems and manifest.vectors is not None:
        from ragcli.index.vectors.store import read_rows

        stored = np.concatenate([read_rows(directory / VECTORS, "base"), read_rows(directory / VECTORS, "delta")])
        if not np.array_equal(np.sort(stored[np.isin(stored, rows)]), rows):
            problems = ["some chunks have no vector, or more than one"]
    if problems:
        return Check("index", "broken", "; ".join(problems), "ragcli index --full")
    parts = [] if manifest.vectors is None else [f"{manifest.vectors.type} vectors"]
    parts += ["lexical"] if parts_opened.lexical is not None else []
    return Check("index", "ok", f"opens: {' and '.join(parts)}, {manifest.chunks:,} chunks each")


def _agreement(catalog: Catalog, directory: Path, manifest: Manifest, rows: "NDArray[np.int64]") -> Check:
    """The catalog still has every chunk of the index, and the index every chunk of the catalog."""
    import numpy as np

    there = catalog.select_chunk_rows("1")
    lost = len(rows) - int(np.isin(rows, there).sum())
    if lost:
        return Check("freshness", "broken", f"the catalog lacks {lost:,} chunks of the index", "ragcli index --full")
    added, removed = pending(directory, manifest, catalog)
    if added or removed:
        message = f"{added:,} chunks are not indexed yet, {removed:,} are gone since"
        return Check("freshness", "warning", message, "ragcli index")
    return Check("freshness", "ok", "the index has what the catalog has")


def _settings(config: Config, manifest: Manifest) -> Check:
    changed = changed_settings(config.index, manifest)
    if changed:
        message = f"the configuration differs from the index in index.{', index.'.join(changed)}"
        return Check("settings", "warning", message, "ragcli index, or restore the settings")
    return Check("settings", "ok", "the index was built with the configured settings")


def _model(config: Config, manifest: Manifest) -> Check:
    """The configured model is there, and is the one that made the vectors."""
    if manifest.embedder is None or config.index.embedder.kind == "none":
        return Check("model", "warning", "the configuration names no embedder, the index has vectors", "ragcli index")
    from ragcli.models.build import build_embedder

    try:
        embedder = build_embedder(config.index.embedder, config.models)
    except RagcliError as error:
        return Check("model", "broken", error.message, error.hint)
    if embedder.fingerprint != manifest.embedder.fingerprint:
        message = f"the vectors were made by {manifest.embedder.name}, the configured {embedder.name} is not the same"
        return Check("model", "broken", message, "ragcli index, or configure the model that made them")
    return Check("model", "ok", f"{embedder.name} is here and made these vectors")


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} GB"
