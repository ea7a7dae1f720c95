"""One boundary between the parsers of strangers' files and the rest: only ``DataError`` comes through."""

from collections.abc import Iterator
from contextlib import contextmanager

from ragcli.errors import DataError, RagcliError


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turns whatever a parser raises into a ``DataError`` that says why ``what`` cannot be read.

    Args:
        what: The format as a person calls it, such as ``PDF``.
    """
    try:
        yield
    except RagcliError:
        raise
    except RecursionError as error:
        raise DataError(f"nested too deeply to be read as {what}") from error
    except MemoryError as error:
        raise DataError(f"needs more memory than there is to be read as {what}") from error
    except Exception as error:  # parsers raise anything over damaged files
        raise DataError(f"damaged or not {what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{text[:200]} ({type(error).__name__})" if text else type(error).__name__
