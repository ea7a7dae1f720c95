"""What inputs resolved to, remembered across processes: a command run twice validates once.

An entry is found only by the digest of everything that shaped it: the code of this package, the file's path and bytes,
variables, overrides, flags, working directory and home. Entries are plain JSON in the user's cache folder.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from ragcli.config.sources import Inputs
from ragcli.config.tree import Tree

MAX_ENTRIES = 200


def user_cache() -> Path:
    """The user's cache folder of ragcli, by the XDG base directory specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser(), "ragcli")


def recall(inputs: Inputs) -> tuple[Tree, Mapping[str, str]] | None:
    """Values and origins that these inputs resolved to before; None when that is not known."""
    try:
        entry = json.loads(_path(inputs).read_bytes())
        return entry["values"], entry["origins"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # never written, half written by a full disk, or not readable: resolving anew costs little


def remember(inputs: Inputs, values: Tree, origins: Mapping[str, str]) -> None:
    """Keep what inputs resolved to. A cache folder that cannot be written is no error."""
    path = _path(inputs)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary.write_text(json.dumps({"values": values, "origins": dict(origins)}), encoding="utf-8")
        temporary.replace(path)
        _forget_oldest(path.parent)


def _forget_oldest(folder: Path) -> None:
    found = list(folder.iterdir())
    if len(found) > MAX_ENTRIES:
        by_age = sorted(found, key=lambda entry: entry.stat().st_mtime_ns)
        for entry in by_age[: len(found) - MAX_ENTRIES // 2]:
            entry.unlink(missing_ok=True)


def _path(inputs: Inputs) -> Path:
    return user_cache() / "config" / f"{_digest(inputs)}.json"


def _digest(inputs: Inputs) -> str:
    shaping = {
        "code": _code(),
        "file": str(inputs.file),
        "data": "" if inputs.data is None else hashlib.sha256(inputs.data).hexdigest(),
        "environment": dict(inputs.environment),
        "overrides": inputs.overrides,
        "flags": dict(inputs.flags),
        "folders": [str(Path.cwd()), str(inputs.base), os.environ.get("HOME", "")],
    }
    return hashlib.sha256(json.dumps(shaping, sort_keys=True).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _code() -> list[str]:
    """The state of this package's sources, so that an upgrade or an edit forgets everything."""
    with os.scandir(Path(__file__).parent) as found:
        return sorted(
            f"{entry.name} {(stat := entry.stat()).st_mtime_ns} {stat.st_size}"
            for entry in found
            if entry.name.endswith(".py")
        )
