"""``python -m latens`` is the command ``latens``."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn

from latens.cli import main

__all__ = ["run"]


def run() -> NoReturn:
    """The whole life of the process that is the command: `main`, and an end that cannot fail."""
    codes: list[int] = []
    # The first that is registered is the last that is called: nothing of ours is left to do by then.
    atexit.register(_end, codes)
    codes.append(main())
    sys.exit(codes[0])


def _end(codes: list[int]) -> None:
    """End the process without Python's taking itself apart.

    A thread of a library that comes back to Python meanwhile, be it to let go of a buffer, aborts the process (`PEP 788
    <https://peps.python.org/pep-0788/>`_), and a command that has done its work would end with 134.
    """
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # Python has a code of its own for what could not be written
        return
    if codes:
        os._exit(codes[0])


if __name__ == "__main__":
    run()
