"""The command line: one file per command, one renderer, one place where errors become exit statuses."""

import os
import sys
from collections.abc import Sequence

from ragcli.errors import RagcliError, UsageError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``ragcli`` and exit with a documented status."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    status = _guarded(arguments)
    _flush()
    raise SystemExit(status)


def _guarded(arguments: Sequence[str]) -> int:
    """The one boundary: every failure leaves through here."""
    try:
        return _run(arguments)
    except RagcliError as error:
        return _report(error, arguments)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _discard_stdout()
        return 0
    except Exception as error:
        if os.environ.get("RAGCLI_DEBUG"):
            raise
        bug = f"bug in ragcli: {type(error).__name__}: {error}"
        return _report(RagcliError(bug, hint="set RAGCLI_DEBUG=1 to see the traceback"), arguments)


def _run(arguments: Sequence[str]) -> int:
    import typer

    from ragcli.cli.app import app

    try:
        status = app(arguments, standalone_mode=False)
    except typer.Abort as error:
        raise KeyboardInterrupt from error
    except typer.TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            return UsageError.exit_status
        raise UsageError(error.format_message().rstrip("."), hint=_help_hint(error)) from error
    return status if isinstance(status, int) else 0


def _report(error: RagcliError, arguments: Sequence[str]) -> int:
    from ragcli.cli.output import report_error

    report_error(error, arguments)
    return error.exit_status


def _help_hint(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path} --help" if context is not None else "ragcli --help"


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_stdout()


def _discard_stdout() -> None:
    """The reader has gone: let nothing more be written, not even at interpreter exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
