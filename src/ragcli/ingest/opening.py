"""Opening files of strangers: never a pipe that waits for a writer, never a link put there meanwhile."""

import errno
import os
import stat
from typing import BinaryIO


def open_file(location: str) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        OSError: it cannot be opened, or it is no regular file.
    """
    descriptor = os.open(location, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "not a file", location)
