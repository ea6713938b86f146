"""Paths that somebody gave: whether they exist and can be read, and the files below a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from latens.data.values import hint
from latens.errors import DataError

__all__ = ["existing", "files_below", "plain_file", "readable"]


def existing(
    name: str | os.PathLike[str], what: str = "no such file or folder", way_out: str = "check the path", more: str = ""
) -> Path:
    """`name` as a path, if there is something.

    Args:
        name: What was given.
        what: What to call that there is nothing.
        way_out: What to do then, unless there is a name much like it.
        more: What to add in any case.

    Raises:
        DataError: There is nothing.
    """
    if not os.fsdecode(name):  # to a path it would be the current folder
        raise DataError("the name of the data is empty; give a file, a folder, or dataset:NAME")
    path = Path(os.fsdecode(name))
    if _exists(path):
        return path
    shown = str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}…"
    raise DataError(f"{shown!r}: {what}; {_near(path) or way_out}{more}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, a NUL byte in it, a folder that may not be entered
        return False


def _near(path: Path) -> str:
    """``did you mean 'NAME'?`` for the nearest name beside a path, or nothing."""
    try:
        beside = sorted(entry.name for entry in path.parent.iterdir()) if len(path.name) < 256 else []
    except (OSError, ValueError):
        beside = []
    near = hint(path.name, beside)
    return near if near.startswith("did") else ""


def plain_file(path: Path) -> Path:
    """`path`, if it is a file: no folder, and no pipe or device, which may never end.

    Raises:
        DataError: It is something else.
    """
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give a file")
    if not path.is_file():
        raise DataError(f"{path}: is neither a file nor a folder; give a file or a folder")
    return path


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What goes wrong while `path` is read is a DataError.

    Raises:
        DataError: It may not be read, or the disk fails.
    """
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error


def files_below(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """The files under a folder that end in one of `suffixes`, in natural order (``2.png`` before ``10.png``).

    Hidden files and folders, what is no file, and links that lead out of the folder are passed over.
    """
    root = folder.resolve()
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(place, name)
            wanted = name.lower().endswith(tuple(suffixes)) and not name.startswith(".")
            if wanted and path.is_file() and path.resolve().is_relative_to(root):
                found.append(path)
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def _natural(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key in which runs of digits count as numbers; the text itself decides between ``1`` and ``01``."""
    parts = re.split(r"([0-9]+)", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], text
