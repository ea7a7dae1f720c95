"""``ragcli doctor``: a thorough look at the workspace, and what to do."""

from typing import TYPE_CHECKING

from ragcli.cli.options import ConfigOption, FormatOption, SetOption, WorkspaceOption, load_workspace
from ragcli.cli.output import Output, line

if TYPE_CHECKING:
    from ragcli.index.doctor import DoctorResult


def doctor(
    config: ConfigOption = None,
    set_: SetOption = None,
    workspace: WorkspaceOption = None,
    format: FormatOption = "table",
) -> None:
    """Open and verify everything in the workspace; status 5 if anything is broken."""
    from ragcli.index.doctor import diagnose

    result = diagnose(*load_workspace(config, set_, workspace))
    Output("doctor", format).emit(result, lambda: _print(result), error=result.error)


def _print(result: "DoctorResult") -> None:
    for check in result.checks:
        line(f"{check.verdict:<8} {check.name}: {check.message}", indent=9)
        if check.hint and check.verdict != "ok":
            line(f"{'':<8} try: {check.hint}", indent=14)
