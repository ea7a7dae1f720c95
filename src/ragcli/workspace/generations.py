"""Published generations of the index and the name of the live one.

Everything but ``current`` and ``list_generations`` is for the holder of the writer's lock. A generation is built in a
directory of its own, made durable, renamed into place and only then named in ``CURRENT``: killed at any instruction,
the generation that was live stays live and whole.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ragcli.errors import BackendError, IndexCorruptError, IndexMissingError, IndexStateError
from ragcli.workspace import Workspace

_NAME = re.compile(r"[0-9]{6,12}")
_BUILDING = ".building-"
_REMOVING = ".removing-"
_LAST = "LAST"  # highest number ever removed: a name is never given twice, so nothing cached by name can lie


def current(workspace: Workspace) -> str | None:
    """Name of the live generation; None before the first publication.

    Raises:
        IndexCorruptError: ``CURRENT`` does not hold a generation's name.
    """
    try:
        name = workspace.current.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexCorruptError(f"cannot read {workspace.current}: {error}", hint="ragcli doctor") from error
    if not _NAME.fullmatch(name):
        raise IndexCorruptError(
            f"{workspace.current} does not name a generation: {name[:40]!r}", hint="ragcli index rollback"
        )
    return name


def list_generations(workspace: Workspace) -> list[str]:
    """Names of all published generations, oldest first."""
    try:
        names = [entry.name for entry in os.scandir(workspace.generations) if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    return sorted((name for name in names if _NAME.fullmatch(name)), key=int)


def new_directory(workspace: Workspace) -> Path:
    """An empty directory to build a generation in, on the same file system as the published ones."""
    import tempfile

    with disk_errors(workspace):
        workspace.generations.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{_BUILDING}{os.getpid()}-", dir=workspace.generations))


def publish(workspace: Workspace, building: Path) -> str:
    """Make a built directory the live generation and return its new name.

    Every file is flushed to the disk before the directory gets its name, and that before ``CURRENT`` names it.
    """
    with disk_errors(workspace):
        building.chmod(0o755)  # mkdtemp made it private
        _sync_tree(building)
        name = f"{_last_number(workspace) + 1:06d}"
        building.rename(workspace.generations / name)
        _sync_directory(workspace.generations)
    set_current(workspace, name)
    return name


def set_current(workspace: Workspace, name: str) -> None:
    """Make a published generation the live one, in one atomic step.

    Raises:
        IndexMissingError: there is no such generation.
    """
    if not _NAME.fullmatch(name) or not (workspace.generations / name).is_dir():
        raise IndexMissingError(f"there is no generation {name!r}", hint="ragcli index history")
    with disk_errors(workspace):
        _write_durably(workspace.current, f"{name}\n")


def remove(workspace: Workspace, name: str) -> None:
    """Remove a published generation. Readers that have its files open or mapped keep them.

    Raises:
        IndexMissingError: there is no such generation.
        IndexStateError: it is the live one.
    """
    if name not in list_generations(workspace):
        raise IndexMissingError(f"there is no generation {name!r}", hint="ragcli index history")
    if name == current(workspace):
        raise IndexStateError(f"generation {name} is live and cannot be removed", hint="ragcli index rollback first")
    with disk_errors(workspace):
        if int(name) == _last_number(workspace):
            _write_durably(workspace.generations / _LAST, f"{name}\n")
        gone = workspace.generations / f"{_REMOVING}{name}"
        (workspace.generations / name).rename(gone)
        shutil.rmtree(gone)


def clean_leftovers(workspace: Workspace) -> list[str]:
    """Remove what a killed writer left half built or half removed; return the names."""
    names: list[str] = []
    with disk_errors(workspace):
        for folder, prefixes in (
            (workspace.generations, (_BUILDING, _REMOVING, ".tmp-")),
            (workspace.root, (".tmp-",)),
        ):
            for entry in _entries(folder):
                if entry.name.startswith(prefixes):
                    _delete(entry)
                    names.append(entry.name)
    return sorted(names)


@contextmanager
def disk_errors(workspace: Workspace) -> Iterator[None]:
    """What the disk refuses while a generation is written, as an error of ragcli."""
    try:
        yield
    except OSError as error:
        raise BackendError(
            f"cannot write to the workspace {workspace.root}: {error.strerror or error}",
            hint="free some space or correct the permissions; the live generation is untouched",
        ) from error


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _last_number(workspace: Workspace) -> int:
    numbers = [int(name) for name in list_generations(workspace)]
    with suppress(FileNotFoundError, ValueError):  # nothing was ever removed
        numbers.append(int((workspace.generations / _LAST).read_text("ascii")))
    live = workspace.current.read_text("ascii", errors="replace").strip() if workspace.current.exists() else ""
    if _NAME.fullmatch(live):
        numbers.append(int(live))
    return max(numbers, default=0)


def _write_durably(path: Path, text: str) -> None:
    temporary = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    with temporary.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_directory(path.parent)


def _sync_tree(root: Path) -> None:
    for folder, _, files in os.walk(root, topdown=False):
        for name in files:
            _sync_path(os.path.join(folder, name), os.O_RDONLY)  # noqa: PTH118 -- os.walk speaks strings
        _sync_directory(Path(folder))


def _sync_directory(path: Path) -> None:
    _sync_path(str(path), os.O_RDONLY | os.O_DIRECTORY)


def _sync_path(path: str, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
