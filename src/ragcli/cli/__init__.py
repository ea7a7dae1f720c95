"""The command line: one file per command, one renderer, one place where errors become exit statuses."""

import errno
import io
import os
import signal
import sys
from collections.abc import Sequence

from ragcli.errors import BackendError, RagcliError

_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE}
"""What the machine refuses, whoever asks: no bug of ours."""


_RESUMED = frozenset({"ingest", "index", "sync"})
"""Commands that commit as they go, so that the next run goes on from where one was stopped."""


class _StoppedError(RagcliError):
    """The user pressed Ctrl-C; what was finished by then is kept."""

    code = "interrupted"
    exit_status = 130


class _TerminatedError(RagcliError):
    """The process was told to end (SIGTERM); what was finished by then is kept."""

    code = "terminated"
    exit_status = 143


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which stops a run at the same places and in the same way as Ctrl-C."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``ragcli`` and exit with a documented status."""
    _prepare_streams()
    status = _guarded(sys.argv[1:] if arguments is None else list(arguments))
    raise SystemExit(_flushed(status))


def end_on_sigterm() -> None:
    """Let SIGTERM end this process as Ctrl-C does, with a message and what was finished kept."""

    def end(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)  # whoever asks twice does not want to wait
        raise _Terminated

    signal.signal(signal.SIGTERM, end)


def _guarded(arguments: Sequence[str]) -> int:
    """The one boundary: every failure leaves through here."""
    try:
        return _run(arguments)
    except RagcliError as error:
        return _report(error, arguments)
    except KeyboardInterrupt as stop:
        return _report(_stopped(stop, arguments), arguments)
    except BrokenPipeError:
        _discard_stdout()
        return 0
    except Exception as error:  # the boundary: what reaches it is the machine's refusal or a bug, never a traceback
        if isinstance(error, OSError) and error.errno in _MACHINE:
            return _report(_refused(error), arguments)
        if os.environ.get("RAGCLI_DEBUG"):
            raise
        bug = f"bug in ragcli: {type(error).__name__}: {error}"
        return _report(RagcliError(bug, hint="set RAGCLI_DEBUG=1 to see the traceback"), arguments)


def _run(arguments: Sequence[str]) -> int:
    import typer

    from ragcli.cli.app import app_for, command_of
    from ragcli.cli.parsing import usage_error

    completing = "_RAGCLI_COMPLETE" in os.environ
    command = typer.main.get_command(app_for(() if completing else arguments))
    if completing:
        command.main(arguments, prog_name="ragcli")  # answers the shell and exits
    try:
        with command.make_context("ragcli", list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as left:
        return left.exit_code
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error.format_message(), file=sys.stderr)
            return 2
        raise usage_error(error, command_of(arguments)) from error
    return 0


def _report(error: RagcliError, arguments: Sequence[str]) -> int:
    from ragcli.cli.output import report_error

    try:
        report_error(error, arguments)
    except OSError:  # stdout is gone or full; people are told all the same
        _discard_stdout()
        report_error(error, arguments)
    return error.exit_status


def _stopped(stop: KeyboardInterrupt, arguments: Sequence[str]) -> RagcliError:
    from ragcli.cli.app import command_of

    error = _TerminatedError if isinstance(stop, _Terminated) else _StoppedError
    if command_of(arguments) not in _RESUMED:
        return error(error.code)
    return error(f"{error.code}: what was read and embedded is kept; the next run goes on")


def _refused(error: OSError) -> BackendError:
    where = f"{error.filename}: " if error.filename else ""
    return BackendError(f"{where}{error.strerror}", hint="make room or correct the permissions, then run it again")


def _prepare_streams() -> None:
    """A closed stream swallows; what an encoding lacks is escaped, such as the name of a file that is not UTF-8."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open until the end
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flushed(status: int) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()
    except OSError as error:
        _discard_stdout()
        print(f"error: the result cannot be written: {error.strerror}", file=sys.stderr)
        return BackendError.exit_status
    return status


def _discard_stdout() -> None:
    """The reader has gone: let nothing more be written, not even at interpreter exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
