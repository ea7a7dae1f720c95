"""The process: ``ragcli`` and ``python -m ragcli``."""

import gc
import sys

from ragcli.models import ahead


def run() -> None:
    """Run the command line, with the garbage collector out of the way at both ends of a mostly short life.

    While modules load there is no garbage, and at the end the system takes all memory back at once: looking for
    garbage then costs a seventh of a cold query.
    """
    gc.set_threshold(50_000, 20, 20)
    if "query" in sys.argv[1:2]:
        ahead.begin()
    from ragcli.cli import end_on_sigterm, main

    end_on_sigterm()
    try:
        main()
    finally:
        ahead.end()
        gc.freeze()


if __name__ == "__main__":
    run()
