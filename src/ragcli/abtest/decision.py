"""What to do with a treatment, and the exit status that says so."""

from enum import StrEnum

from ragcli.errors import InconclusiveError, NotComparableError, RagcliError, RegressionError


class Decision(StrEnum):
    """What to do with a treatment."""

    SHIP = "ship"
    HARM = "harm"
    INCONCLUSIVE = "inconclusive"
    INVALID = "invalid"


_ERRORS: dict[Decision, type[RagcliError]] = {
    Decision.HARM: RegressionError,
    Decision.INCONCLUSIVE: InconclusiveError,
    Decision.INVALID: NotComparableError,
}


def failure_of(decision: Decision, sentence: str) -> RagcliError | None:
    """The error that a command ends with; None for a treatment that may ship."""
    kind = _ERRORS.get(decision)
    return None if kind is None else kind(sentence)
