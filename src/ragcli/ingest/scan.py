"""Walk a source: every candidate file with its size and modification time, one ``stat`` each, nothing opened.

This is all that an unchanged tree costs, so names and paths stay plain strings.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ragcli.config.sources import FILE_NAME
from ragcli.ingest.globs import GlobList
from ragcli.ingest.ignore import IgnoreRules, rules_above
from ragcli.ingest.sources import Source, encodable
from ragcli.workspace.ledger import FileState


class FoundFile(NamedTuple):
    """A candidate. ``path`` is relative to the source and always encodable; ``location`` is what is opened."""

    path: str
    location: str
    size: int
    mtime_ns: int


class Problem(NamedTuple):
    """Something that was not taken, and why: it failed, or is none of the source's files and was passed over.

    ``path`` is relative to the source.
    """

    path: str
    reason: str
    state: FileState = "failed"


@dataclass(slots=True)
class Scan:
    """What a walk found.

    Attributes:
        files: Candidates by path.
        problems: Entries that are not among them although nothing left them out.
        unknown: Prefixes of paths of which nothing is known, because a folder could not be listed.
    """

    files: dict[str, FoundFile] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def scan(source: Source) -> Scan:
    """Walk the selected part of a source; never follows a link to a folder or out of the source.

    Raises:
        DataError: the source, or what was selected of it, is not there.
    """
    walk = _Walk(source)
    for selected in source.selected or ("",):
        walk.start(selected)
    walk.follow_links()
    return walk.result


class _Walk:
    def __init__(self, source: Source) -> None:
        self.result = Scan()
        self._source = source
        self._root = str(source.root)
        self._include = GlobList(source.settings.include)
        self._exclude = GlobList(source.settings.exclude)
        self._only = source.narrowing
        self._links: list[tuple[str, str]] = []
        self._barred = source.barred

    def start(self, selected: str) -> None:
        """Walk from a path inside the source: a folder, or a file that is taken whatever the globs say."""
        location = f"{self._root}/{selected}" if selected else self._root
        try:
            status = Path(location).stat()
        except OSError as error:
            self._problem(selected, _reason(error))
            return
        if stat.S_ISDIR(status.st_mode):
            base = f"{selected}/" if selected else ""
            self._folder(location, base, self._rules_down_to(selected))
        else:
            self._file(selected, os.path.realpath(location), status, otherwise="failed")

    def _rules_down_to(self, selected: str) -> IgnoreRules | None:
        if not self._source.settings.gitignore:
            return None
        rules = rules_above(self._source.root)
        folder = base = ""
        for part in selected.split("/") if selected else ():
            rules = rules.entering(f"{self._root}/{folder}", base)
            folder = f"{folder}/{part}" if folder else part
            base = f"{folder}/"
        return rules

    def _folder(self, location: str, base: str, rules: IgnoreRules | None) -> None:
        """Walk a folder and all below it, depth first without recursion."""
        stack = [(location, base, rules)]
        while stack:
            location, base, rules = stack.pop()
            try:
                with os.scandir(location) as entries:
                    listed = list(entries)
            except OSError as error:
                self._unknown(base, error)
                continue
            if rules is not None and any(entry.name == ".gitignore" for entry in listed):
                rules = rules.entering(location, base)
            stack.extend(self._entries(listed, base, rules))

    def _entries(
        self, listed: list["os.DirEntry[str]"], base: str, rules: IgnoreRules | None
    ) -> Iterator[tuple[str, str, IgnoreRules | None]]:
        """Take the files of a folder; yield its subfolders."""
        hidden = self._source.settings.hidden
        for entry in listed:
            name = entry.name
            if name == FILE_NAME or (name[0] == "." and (not hidden or name == ".git")):
                continue  # a configuration is no document, nor is what is hidden
            path = base + name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if self._enters(path, rules):
                        yield entry.path, f"{path}/", rules
                elif self._takes(path, rules):
                    self._entry(path, entry)
            except OSError as error:
                self._problem(path, _reason(error))

    def _enters(self, path: str, rules: IgnoreRules | None) -> bool:
        folder = f"{path}/"
        return not (
            (rules is not None and rules.ignores(folder)) or self._exclude.matches(folder) or path in self._barred
        )

    def _takes(self, path: str, rules: IgnoreRules | None) -> bool:
        if path in self._barred or (rules is not None and rules.ignores(path)):
            return False
        if self._exclude and self._exclude.matches(path):
            return False
        if self._include and not self._include.matches(path):
            return False
        return self._only is None or self._only.takes(path)

    def _entry(self, path: str, entry: "os.DirEntry[str]") -> None:
        if entry.is_symlink():
            self._links.append((path, entry.path))
        else:
            self._file(path, entry.path, entry.stat(follow_symlinks=False))

    def _file(self, path: str, location: str, status: os.stat_result, otherwise: FileState = "skipped") -> None:
        mode = status.st_mode
        if not stat.S_ISREG(mode):
            self._problem(path, f"{_kind(mode)}, not a file", otherwise)
            return
        if not path.isascii():
            path = encodable(path)
        other = self.result.files.get(path)
        if other is not None and other.location != location:
            self._problem(path, "its name is the same as another's once it is written as text")
            return
        self.result.files[path] = FoundFile(path, location, status.st_size, status.st_mtime_ns)

    def follow_links(self) -> None:
        """Take what links to files inside the source point to, unless that is taken already in its own place."""
        taken = {file.location for file in self.result.files.values()} if self._links else set()
        root = os.path.realpath(self._root)
        for path, location in sorted(self._links):
            try:
                target = os.path.realpath(location, strict=True)
                status = Path(target).stat()
            except OSError as error:
                self._problem(path, _link_reason(error))
                continue
            if not f"{target}/".startswith(f"{root}/"):
                self._problem(path, "a symbolic link that leads out of the source", "skipped")
            elif stat.S_ISDIR(status.st_mode):
                self._directory_link(path, location, target)
            elif self._root + target[len(root) :] not in taken:
                self._file(path, target, status)  # opened in its own place: the link may change meanwhile

    def _directory_link(self, path: str, location: str, target: str) -> None:
        folder = os.path.realpath(location.rpartition("/")[0])
        if f"{folder}/".startswith(f"{target}/"):
            self._problem(path, "a symbolic link that leads back to a folder above it")
        # Otherwise what it leads to is walked in its own place.

    def _unknown(self, base: str, error: OSError) -> None:
        self.result.unknown.append(encodable(base))
        self._problem(base or ".", f"the folder cannot be listed: {_reason(error)}")

    def _problem(self, path: str, reason: str, state: FileState = "failed") -> None:
        self.result.problems.append(Problem(encodable(path), reason, state))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _link_reason(error: OSError) -> str:
    match error.errno:
        case errno.ELOOP:
            return "a symbolic link that leads back to itself"
        case errno.ENOENT | errno.ENOTDIR:
            return "a symbolic link that leads nowhere"
        case _:
            return f"a symbolic link that cannot be followed: {_reason(error)}"


def _kind(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a device"
