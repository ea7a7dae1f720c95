"""Everything that ragcli raises on purpose.

    RagcliError                 1   a bug, when nothing below fits
    ├── UsageError              2   the command line is wrong
    ├── ConfigError             3   the configuration is wrong
    ├── DataError               4   documents, datasets or queries are wrong
    ├── IndexStateError         5   the index cannot serve this
    │   ├── IndexMissingError       there is none yet
    │   ├── IndexStaleError         it was built with other settings, or lacks ingested changes
    │   ├── ForeignModelError       it was built with another embedding model
    │   └── IndexCorruptError       its files are damaged
    ├── MissingError            6   something is not installed
    │   └── MissingModelError
    ├── BackendError            7   a service or library behind ragcli failed
    ├── BusyError               8   another writer holds the workspace
    ├── RegressionError        10   a gate failed, or a treatment does harm
    ├── InconclusiveError      11   the data cannot decide
    └── NotComparableError     12   two results are unlike, or an experiment is unsound

Each class carries its exit status and a stable code; each instance may carry a hint: what to do next.
"""

from typing import ClassVar


class RagcliError(Exception):
    """Base of all errors of ragcli.

    Args:
        message: What is wrong and where, in one sentence without a full stop.
        hint: What to do next, as a command or a short sentence.
    """

    code: ClassVar[str] = "internal"
    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RagcliError):
    """The command line is wrong."""

    code = "usage"
    exit_status = 2


class ConfigError(RagcliError):
    """The configuration is wrong; the message names file, line and key."""

    code = "config"
    exit_status = 3


class DataError(RagcliError):
    """Documents, datasets or queries are wrong."""

    code = "data"
    exit_status = 4


class IndexStateError(RagcliError):
    """The index cannot serve what is asked."""

    code = "index_state"
    exit_status = 5


class IndexMissingError(IndexStateError):
    """There is no index yet."""

    code = "index_missing"


class IndexStaleError(IndexStateError):
    """The index was built with other settings, or lacks ingested changes."""

    code = "index_stale"


class ForeignModelError(IndexStateError):
    """The index was built with another embedding model."""

    code = "index_foreign_model"


class IndexCorruptError(IndexStateError):
    """The files of the index are damaged."""

    code = "index_corrupt"


class MissingError(RagcliError):
    """Something that must be installed is not."""

    code = "missing"
    exit_status = 6


class MissingModelError(MissingError):
    """A model is nowhere on this machine."""

    code = "missing_model"


class BackendError(RagcliError):
    """A service or library behind ragcli failed."""

    code = "backend"
    exit_status = 7


class BusyError(RagcliError):
    """Another writer holds the workspace."""

    code = "busy"
    exit_status = 8


class RegressionError(RagcliError):
    """A gate failed, or a treatment does harm."""

    code = "regression"
    exit_status = 10


class InconclusiveError(RagcliError):
    """The data cannot decide."""

    code = "inconclusive"
    exit_status = 11


class NotComparableError(RagcliError):
    """Two results are unlike and may not be compared, or their rows not be mixed; or an experiment is unsound."""

    code = "not_comparable"
    exit_status = 12
