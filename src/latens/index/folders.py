"""The folder of an index: there whole or not at all, and written to by one process at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latens.errors import DataError, OutputError
from latens.index.about import read_about

__all__ = ["check_contents", "check_target", "new_folder", "one_writer"]


def check_target(target: Path, force: bool) -> None:
    """Refuse a folder that is there, unless it is an index that may be replaced."""
    if not os.path.lexists(target):
        return
    if not force:
        raise OutputError(f"{target}: exists; choose another folder, or force=True (--force) replaces an index")
    read_about(target)  # nothing else is ever replaced


def check_contents(folder: Path) -> None:
    """Refuse a folder with links, pipes or devices in it, which an index has not, and which lead elsewhere or nowhere.

    Raises:
        DataError: It names the first one.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            mode = path.lstat().st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                raise DataError(
                    f"{folder}: {path.relative_to(folder)} is neither a file nor a folder; build the index again"
                )


@contextmanager
def new_folder(target: Path, force: bool) -> Iterator[Path]:
    """A folder that takes its place when the block ends well, and is removed otherwise."""
    check_target(target, force)
    temporary, old = (target.with_name(f".{target.name}.{os.getpid()}.{what}") for what in ("tmp", "old"))
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        yield temporary
        check_target(target, force)
        if target.exists():
            os.rename(target, old)
        os.rename(temporary, target)
        shutil.rmtree(old, ignore_errors=True)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{target}: cannot be written ({error.strerror or error}); choose another folder") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Hold the folder against other writers; readers go on with what they have.

    Raises:
        OutputError: Another process is writing, or nobody can.
    """
    try:
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); copy it elsewhere") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise OutputError(f"{folder}: another process is writing there; wait for it") from error
        yield
    finally:
        os.close(lock)
