"""The folder beside a model file that holds the checkpoints of its fit."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from latens.errors import ConfigError, OutputError

__all__ = ["checkpoints_in", "owned", "run_folder"]


def run_folder(output: Path) -> Path:
    """``m.latens`` keeps its checkpoints in ``m.latens.run``."""
    return output.with_name(f"{output.name}.run")


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(path for path in folder.glob("step-*.latens") if path.is_file())


@contextmanager
def owned(folder: Path, *, resume: bool, force: bool, keep: bool) -> Iterator[None]:
    """One fit owns the folder; what it leaves there goes when the block ends well, unless `keep`.

    Args:
        folder: The run's.
        resume: Its checkpoints are wanted.
        force: Its checkpoints may go.
        keep: They stay when the fit has succeeded.

    Raises:
        ConfigError: There are checkpoints of an unfinished fit, and the caller says neither resume nor force.
        OutputError: Another fit owns the folder, or it cannot be made.
    """
    lock = _lock(folder)
    try:
        _make_room(folder, resume=resume, force=force)
        yield
        if not keep:
            _remove(checkpoints_in(folder))
    finally:
        with suppress(OSError):  # nothing that went wrong before is hidden by this
            (folder / "lock").unlink(missing_ok=True)
        os.close(lock)
        with suppress(OSError):  # not empty: checkpoints to go on from
            folder.rmdir()


def _lock(folder: Path) -> int:
    try:
        folder.mkdir(exist_ok=True)
        lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another output") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OutputError(f"{folder}: another fit is writing there; wait for it or choose another output") from error
    return lock


def _make_room(folder: Path, *, resume: bool, force: bool) -> None:
    found = checkpoints_in(folder)
    if resume or not found:
        return
    if not force:
        raise ConfigError(
            f"{folder} holds checkpoints of an unfinished fit; continue with --resume, or --force starts anew"
        )
    _remove(found)


def _remove(paths: list[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be removed ({error.strerror}); choose another output") from error
