"""Files of chunk rows."""

from pathlib import Path
from typing import TYPE_CHECKING

from ragcli.errors import IndexCorruptError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_row_numbers(path: Path) -> "NDArray[np.int64]":
    """Chunk rows, mapped from a file of a generation.

    Raises:
        IndexCorruptError: The file is damaged.
        FileNotFoundError: It is not there.
    """
    import numpy as np

    try:
        rows: NDArray[np.int64] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, KeyError, TypeError) as error:  # whatever its header's parser says
        raise IndexCorruptError(f"{path} is damaged: {error}", hint="ragcli doctor") from error
    return rows
