import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ragcli.errors import BackendError, BusyError
from ragcli.workspace import Workspace
from ragcli.workspace.lock import WriterLock, holder

HOLD = """
import sys, time
from pathlib import Path
from ragcli.workspace import Workspace
from ragcli.workspace.lock import WriterLock
with WriterLock(Workspace(Path(sys.argv[1])), command="a long run"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


def test_second_writer_is_told_who_holds_it(workspace: Workspace) -> None:
    with WriterLock(workspace, command="ragcli index"):
        found = holder(workspace)
        assert found is not None
        with pytest.raises(BusyError) as caught, WriterLock(workspace):
            pytest.fail("two writers at once")
    assert f"process {os.getpid()} (ragcli index) since {found.started}" in caught.value.message
    assert caught.value.exit_status == 8
    assert holder(workspace) is None


def test_lock_can_be_taken_again_after_release_and_after_an_exception(workspace: Workspace) -> None:
    with pytest.raises(ZeroDivisionError), WriterLock(workspace):
        raise ZeroDivisionError
    failed = holder(workspace)
    assert (failed is not None, failed and failed.pid) == (True, 0)  # its name stays, as that of no process
    with WriterLock(workspace):
        assert holder(workspace) is not None
    assert holder(workspace) is None


def test_waits_for_the_other_writer(workspace: Workspace) -> None:
    entered = threading.Event()

    def hold() -> None:
        with WriterLock(workspace):
            entered.set()
            time.sleep(0.3)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    started = time.monotonic()
    with WriterLock(workspace, timeout_s=20):
        assert time.monotonic() - started > 0.1
    thread.join()


def test_gives_up_after_the_timeout(workspace: Workspace) -> None:
    with WriterLock(workspace):
        started = time.monotonic()
        with pytest.raises(BusyError), WriterLock(workspace, timeout_s=0.2):
            pytest.fail("two writers at once")
        assert 0.2 <= time.monotonic() - started < 5


def test_kill_9_releases_it(workspace: Workspace) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(workspace.root)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BusyError, match=rf"process {process.pid} \(a long run\) since 20"), WriterLock(workspace):
            pytest.fail("two writers at once")
        process.send_signal(signal.SIGKILL)
        process.wait()
    with WriterLock(workspace):
        found = holder(workspace)
        assert found is not None
        assert found.pid == os.getpid()


def test_a_workspace_that_cannot_be_made_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(BackendError, match="cannot write to the workspace"),
        WriterLock(Workspace(tmp_path / "file/ws")),
    ):
        pytest.fail("no lock without a folder")


def test_a_new_workspace_keeps_itself_out_of_git(workspace: Workspace) -> None:
    with WriterLock(workspace):
        assert (workspace.root / ".gitignore").read_text() == "*\n"
    (workspace.root / ".gitignore").unlink()
    with WriterLock(workspace):
        assert not (workspace.root / ".gitignore").exists()  # whoever removed it had a reason
