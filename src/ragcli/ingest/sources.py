"""Which sources a run reads: those of the configuration, those named by paths, or both at once.

A source is a name and a root folder. A path that lies in a configured source, or in a folder that was ingested before,
belongs to that source, so that one file never becomes two documents; a folder is read with the configured sources in
it.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragcli.config.ingest import IngestConfig, SourceConfig
from ragcli.errors import ConfigError, DataError, UsageError
from ragcli.ingest.globs import GlobList
from ragcli.records import DocumentType
from ragcli.workspace.ledger import SourceOrigin, SourceRow


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Globs of the command line that let a run see only a part of a source whose own globs stand elsewhere."""

    include: GlobList
    exclude: GlobList

    def takes(self, path: str) -> bool:
        """Whether this run looks at a path."""
        return not self.exclude.matches(path) and (not self.include or self.include.matches(path))


@dataclass(frozen=True, slots=True)
class Source:
    """A source as one run reads it.

    Attributes:
        root: Absolute folder that the paths of its documents are relative to.
        settings: As configured, or as the command line gives them.
        selected: Relative paths this run looks at; empty for all of it.
        narrowing: Further restriction of this run.
        barred: Relative paths that are not its own: other sources inside it, the workspace.
        type: What its selected files are read as, instead of detecting it.
    """

    name: str
    root: Path
    origin: SourceOrigin
    settings: SourceConfig
    selected: tuple[str, ...] = ()
    narrowing: Narrowing | None = None
    barred: frozenset[str] = frozenset()
    type: DocumentType | None = None

    @property
    def whole(self) -> bool:
        """Whether this run looks at all of it."""
        return not self.selected

    def covers(self, path: str) -> bool:
        """Whether this run would have found a path if it were still there."""
        if self.narrowing is not None and not self.narrowing.takes(path):
            return False
        return self.whole or any(path == part or path.startswith(f"{part}/") for part in self.selected)


@dataclass(frozen=True, slots=True)
class Selection:
    """What the command line asks for.

    Attributes:
        paths: Files and folders; empty for everything configured.
        include: Globs that define an ad hoc source, and narrow the run for any other.
        name: Name of the one ad hoc source; its path unless given.
        type: What single files are read as, instead of detecting it.
    """

    paths: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    gitignore: bool = True
    name: str = ""
    type: DocumentType | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """The sources of a run, and the names of known sources that end with it.

    Attributes:
        sources: In configured order, then as named on the command line.
        ended: Sources no longer configured, or now part of a larger one.
        order: Rank of every configured source, by which the first of several duplicates is chosen.
    """

    sources: tuple[Source, ...]
    ended: tuple[str, ...] = ()
    order: Mapping[str, int] = field(default_factory=dict)


def resolve(
    config: IngestConfig,
    base: Path,
    selection: Selection,
    known: Mapping[str, SourceRow],
    workspace: Path,
    file: Path | None = None,
) -> Resolved:
    """Find the sources of a run.

    Args:
        config: Its source paths are absolute.
        base: The folder that names of ad hoc sources are relative to.
        selection: What the command line asks for.
        known: Sources that were ingested before.
        workspace: Never read as a source.
        file: The configuration file in use, whatever its name: no document of a folder it lies in.

    Raises:
        ConfigError: two configured sources have the same name.
        DataError: a path is not there.
        UsageError: nothing is asked for.
    """
    configured = configured_sources(config)
    if selection.paths:
        sources = _named(configured, base, selection, known)
    elif configured:
        sources = [_narrowed(source, selection) for source in configured.values()]
    else:
        raise UsageError("there is nothing to ingest", hint="ragcli ingest PATH, or list ingest.sources in ragcli.yaml")
    for source in sources:
        _check(source)
    ended = {name for source in sources if source.whole for name in _absorbed(source, known, configured)}
    if not selection.paths:
        ended |= {row.name for row in known.values() if row.origin == "config" and row.name not in configured}
    ended -= {source.name for source in sources}
    everything = [*configured.values(), *sources]
    own = [workspace] if file is None else [workspace, Path(os.path.abspath(file))]  # noqa: PTH100 - as sources are
    barred = tuple(replace(source, barred=_barred(source, everything, own)) for source in sources)
    return Resolved(barred, tuple(sorted(ended)), {name: rank for rank, name in enumerate(configured)})


def configured_sources(config: IngestConfig) -> dict[str, Source]:
    """The sources that the configuration lists, by name.

    Raises:
        ConfigError: Two of them have the same name.
    """
    found: dict[str, Source] = {}
    for settings in config.sources:
        name = settings.name or settings.path.as_posix()
        if name in found:
            raise ConfigError(f"two sources are named {name!r}", hint="give one of them another ingest.sources.name")
        path = settings.path
        if path.is_file():
            found[name] = Source(name, path.parent, "config", settings, selected=(path.name,))
        else:
            found[name] = Source(name, path, "config", settings)
    return found


def _named(
    configured: Mapping[str, Source], base: Path, selection: Selection, known: Mapping[str, SourceRow]
) -> list[Source]:
    paths = [Path(os.path.abspath(text)) for text in selection.paths]  # noqa: PTH100 - links are not followed here
    found: dict[str, Source] = {}
    for path in sorted(paths, key=lambda path: (not path.is_dir(), len(path.parts), path)):  # folders own what follows
        owners = {**configured, **{name: source for name, source in found.items() if source.whole}}
        source = _of_path(path, owners, base, selection, known)
        before = found.get(source.name)
        if before is None or source.whole:
            found[source.name] = source
        elif not before.whole:
            found[source.name] = replace(before, selected=tuple(dict.fromkeys(before.selected + source.selected)))
    folders = [path for path in paths if path.is_dir()]
    inside = [source for source in configured.values() if any(_holds(folder, source) for folder in folders)]
    return [*(found | {source.name: _narrowed(source, selection) for source in inside}).values()]


def _holds(folder: Path, source: Source) -> bool:
    """Whether a source lies in a folder, and not the folder in the source."""
    return source.root.is_relative_to(folder) and (source.root != folder or not source.whole)


def _of_path(
    path: Path, owners: Mapping[str, Source], base: Path, selection: Selection, known: Mapping[str, SourceRow]
) -> Source:
    if not os.path.lexists(path):
        raise DataError(
            f"{encodable(str(path))} does not exist",
            hint="to drop what was ingested from it: ragcli ingest --forget NAME",
        )
    owner = _owner(path, owners.values())
    if owner is None and not selection.name:
        owner = _known_owner(path, known, selection)
    if owner is not None:
        narrowed = _narrowed(owner, selection)
        return narrowed if path == owner.root else replace(narrowed, selected=(_relative(path, owner.root),))
    root = path if path.is_dir() else path.parent
    settings = SourceConfig.defaults(
        path=root, include=selection.include, exclude=selection.exclude, gitignore=selection.gitignore
    )
    selected = () if root == path else (path.name,)
    name = selection.name or _name(root, base)
    return Source(name, root, "path", settings, selected, type=selection.type if selected else None)


def _owner(path: Path, sources: Iterable[Source]) -> Source | None:
    holding = [
        source
        for source in sources
        if path.is_relative_to(source.root) and (source.whole or source.covers(_relative(path, source.root)))
    ]
    return max(holding, key=lambda source: (len(source.root.parts), not source.whole), default=None)


def _known_owner(path: Path, known: Mapping[str, SourceRow], selection: Selection) -> Source | None:
    """The folder ingested before that holds a path; a folder named again is defined anew by its name and globs."""
    holding = [row for row in known.values() if row.origin == "path" and row.whole and path.is_relative_to(row.root)]
    row = max(holding, key=lambda row: len(row.root), default=None)
    if row is None:
        return None
    root = Path(row.root)
    if path == root:
        settings = SourceConfig.defaults(path=root, include=selection.include, exclude=selection.exclude)
        return Source(row.name, root, "path", settings)
    return Source(row.name, root, "path", SourceConfig.defaults(path=root))


def _narrowed(source: Source, selection: Selection) -> Source:
    settings = source.settings if selection.gitignore else source.settings.model_copy(update={"gitignore": False})
    given = (selection.include, selection.exclude)
    narrowing = None
    if any(given) and given != (settings.include, settings.exclude):
        narrowing = Narrowing(GlobList(selection.include), GlobList(selection.exclude))
    return replace(source, settings=settings, narrowing=narrowing, type=selection.type if source.selected else None)


def _absorbed(source: Source, known: Mapping[str, SourceRow], configured: Mapping[str, Source]) -> list[str]:
    """Folders ingested by path before that now are a part of a whole source."""
    return [
        row.name
        for row in known.values()
        if row.origin == "path" and row.name not in configured and Path(row.root).is_relative_to(source.root)
    ]


def _barred(source: Source, everything: Sequence[Source], own: Sequence[Path]) -> frozenset[str]:
    others = [other for other in everything if other.name != source.name]
    paths = [other.root / part for other in others for part in (other.selected or ("",))]
    inside = [path for path in (*paths, *own) if path != source.root and path.is_relative_to(source.root)]
    return frozenset(_relative(path, source.root) for path in inside)


def _check(source: Source) -> None:
    for part in source.selected or ("",):
        if not os.path.lexists(source.root / part):
            raise DataError(
                f"source {source.name!r}: {source.root / part} is gone; nothing was removed",
                hint=f"restore it, or drop what was ingested from it: ragcli ingest --forget {source.name}",
            )


def encodable(path: str) -> str:
    r"""A file name as text: bytes that are no UTF-8 become ``\xNN``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _name(root: Path, base: Path) -> str:
    return _relative(root, base) if root.is_relative_to(base) else root.as_posix()
