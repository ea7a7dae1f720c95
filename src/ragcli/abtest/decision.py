"""What to do with a treatment, and the exit status that says so."""

from enum import StrEnum

from ragcli.errors import InconclusiveError, NotComparableError, RagcliError, RegressionError


class Decision(StrEnum):
    """What to do with a treatment."""

    SHIP = "ship"
    HARM = "harm"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


_ERRORS: dict[Decision, tuple[type[RagcliError], str, str]] = {
    Decision.HARM: (RegressionError, "the treatment does harm", "ragcli abtest stop {name}"),
    Decision.INCONCLUSIVE: (
        InconclusiveError,
        "cannot decide yet",
        "ragcli abtest power {name} tells how many users it takes",
    ),
    Decision.INVALID: (NotComparableError, "the experiment is unsound", "mend the cause, then create a new experiment"),
}


def failure_of(decision: Decision, name: str) -> RagcliError | None:
    """The error that a command ends with; None for a treatment that may ship."""
    if decision is Decision.SHIP:
        return None
    kind, message, hint = _ERRORS[decision]
    return kind(message, hint=hint.format(name=name))
