"""The folder of cached model files, and digests of large files that are computed once."""

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

from ragcli.config.memory import user_cache
from ragcli.config.models import ModelsConfig

_SETTLED_NS = 2_000_000_000


def cache_folder(models: ModelsConfig) -> Path:
    """Where exported models, vocabularies and digests are kept."""
    return models.cache or user_cache() / "models"


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file so that readers see the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    import tempfile

    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except BaseException:  # Ctrl-C too leaves no temporary file behind
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(path: Path, models: ModelsConfig) -> str:
    """SHA-256 of a file, remembered by path, size, modification time and inode.

    Hashing 90 MB takes 60 ms or more, which every cold query would pay.
    """
    real = path.resolve()
    status = real.stat()
    key = [status.st_size, status.st_mtime_ns, status.st_ino]
    store = cache_folder(models) / "digests.json"
    known = _read_digests(store)
    entry = known.get(str(real))
    if isinstance(entry, list) and entry[:3] == key and len(entry) == 4:
        return str(entry[3])
    value = sha256_of(real)
    # A file changed a moment ago may change again without its time stamp moving.
    if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
        known[str(real)] = [*key, value]
        # A cache that cannot be written costs time, not correctness.
        with contextlib.suppress(OSError):
            write_atomically(store, json.dumps(known, indent=0).encode())
    return value


def _read_digests(store: Path) -> dict[str, object]:
    try:
        content = json.loads(store.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
