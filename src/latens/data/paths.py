"""Paths that somebody gave: whether they exist and can be read, and the files below a folder.

A file that the user names is opened wherever a link leads; what a folder holds is read only where it lies below that
folder. Nothing but plain files is ever read, and what counts is the file that was opened: its kind and its size are
asked of the descriptor, not of the name, which may mean something else a moment later.
"""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from latens.data.values import hint
from latens.errors import DataError

__all__ = ["existing", "files_below", "is_inside", "open_plain", "plain_file", "readable", "size_of"]

# Folders in folders that are walked into; more are made by nobody, and would end in the depths of Python's own stack.
_MOST_NESTED = 100


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
        raise _not_plain(path)
    return path


def _not_plain(path: Path) -> DataError:
    return DataError(f"{path}: is neither a file nor a folder; give a file or a folder")


def open_plain(path: Path) -> BinaryIO:
    """The bytes of a plain file; a pipe or a device that lies there is refused, and never waited for.

    Raises:
        DataError: It is no plain file.
        OSError: It cannot be opened.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file, open_plain(Path(file.name)) as same:
        ...     size_of(same)
        0
    """
    raw = io.FileIO(os.fspath(path), "rb", opener=_without_waiting)  # NumPy keeps a name that is text
    if stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return cast(BinaryIO, _Plain(raw))
    raw.close()
    raise _not_plain(path)


class _Plain(io.BufferedReader):
    """A file that gives no room to bytes which are not there: libraries ask for as many as a length field says."""

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


def _without_waiting(path: str, flags: int) -> int:
    """Open a pipe at once even if nobody writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def size_of(file: BinaryIO) -> int:
    """Bytes of an open plain file."""
    return os.fstat(file.fileno()).st_size


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

    Raises:
        DataError: Folders are nested deeper than anybody's are.
    """
    found = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if folders and len(Path(place).relative_to(folder).parts) >= _MOST_NESTED:
            raise DataError(f"{folder.name}: folders nested more than {_MOST_NESTED} deep; give a folder further down")
        for name in files:
            path = Path(place, name)
            wanted = name.lower().endswith(tuple(suffixes)) and not name.startswith(".")
            if wanted and is_inside(path, folder):
                found.append(path)
    return sorted(found, key=lambda path: _natural(path.relative_to(folder).as_posix()))


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path is a plain file that lies below a folder, wherever links lead."""
    try:
        return path.is_file() and path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


def _natural(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """A sort key in which runs of digits count as numbers; the text itself decides between ``1`` and ``01``."""
    parts = re.split(r"([0-9]+)", text)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part], text
