"""One writer at a time: a kernel lock on a file that also says who holds it."""

import errno
import fcntl
import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from ragcli.errors import BackendError, BusyError
from ragcli.workspace import Workspace

_POLL_S = 0.05
_NOBODY = 0  # stands for the process of a run that failed


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds the lock: process id, start of its hold (ISO 8601, UTC) and what it runs.

    A run that failed has process id 0, and the time of its failure.
    """

    pid: int
    started: str
    command: str = ""


class WriterLock:
    """Context manager that holds the workspace for writing.

    The kernel releases the lock when the process ends, however it ends; the file itself stays, and so does the name in
    it of a run that did not come to its end.

    Args:
        workspace: Made on disk when it is not there.
        timeout_s: How long to wait for another writer.
        command: What is run, shown to whoever waits.

    Raises:
        BusyError: another writer held it for all of ``timeout_s``; the message names its pid and start.
    """

    def __init__(self, workspace: Workspace, timeout_s: float = 0.0, command: str = "") -> None:
        self._workspace = workspace
        self._timeout_s = timeout_s
        self._command = command
        self._fd = -1

    def __enter__(self) -> Self:
        path = self._workspace.lock
        try:
            self._make_folder()
            # Close-on-exec is Python's default: no child process can keep the lock beyond its parent's life.
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise BackendError(
                f"cannot write to the workspace {self._workspace.root}: {error.strerror or error}",
                hint="choose another one with --workspace, or correct its permissions",
            ) from error
        try:
            self._wait()
            self._sign(os.getpid())
        except BaseException:  # a Ctrl-C while waiting too must not leave the lock's file open
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._sign(_NOBODY) if error else os.ftruncate(self._fd, 0)
        finally:
            self._close()

    def _make_folder(self) -> None:
        """A new workspace keeps itself out of git."""
        root = self._workspace.root
        if not root.exists():
            root.mkdir(parents=True, exist_ok=True)
            (root / ".gitignore").write_text("*\n", encoding="ascii")

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        os.close(fd)

    def _wait(self) -> None:
        deadline = time.monotonic() + self._timeout_s
        while not self._acquire():
            if time.monotonic() >= deadline:
                raise self._busy()
            time.sleep(_POLL_S)

    def _acquire(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.EACCES}:
                return False
            raise BackendError(
                f"the file system of {self._workspace.root} cannot lock files: {error.strerror or error}",
                hint="put the workspace on a local file system with --workspace",
            ) from error
        return True

    def _sign(self, pid: int) -> None:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        text = json.dumps({"pid": pid, "started": started, "command": self._command})
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text.encode(), 0)

    def _busy(self) -> BusyError:
        held = holder(self._workspace)
        who = "another process"
        if held is not None:
            what = f" ({held.command})" if held.command else ""
            who = f"process {held.pid}{what} since {held.started}"
        return BusyError(
            f"the workspace {self._workspace.root} is being written by {who}",
            hint="wait for it, or let this run wait with --set workspace.lock_timeout_s=60",
        )


def holder(workspace: Workspace) -> LockHolder | None:
    """Who writes, or was stopped writing and no later run ended well; None when nobody or unreadable."""
    try:
        fields = json.loads(workspace.lock.read_bytes())
        return LockHolder(int(fields["pid"]), str(fields["started"]), str(fields.get("command", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # between locking and signing, or released
