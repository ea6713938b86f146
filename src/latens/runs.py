"""The folder of a run: its checkpoints by step, and the one fit that owns it."""

from __future__ import annotations

import fcntl
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from latens import persistence
from latens.errors import ModelFileError, OutputError

__all__ = ["checkpoint_path", "checkpoints_in", "keep_newest", "locked", "newest", "remove_empty"]


def checkpoint_path(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return folder / f"step-{step:09d}.latens"


def step_of(path: Path) -> int:
    """The step in a checkpoint's name.

    Example:
        >>> step_of(Path("m.latens.run/step-000000042.latens"))
        42
    """
    return int(path.stem.removeprefix("step-"))


def checkpoints_in(folder: Path) -> list[Path]:
    """The checkpoints of a run, by step, the first one first; a folder of such a name is none."""
    named = [path for path in folder.glob("step-*.latens") if path.stem.removeprefix("step-").isdecimal()]
    return sorted((path for path in named if path.is_file()), key=step_of)


def keep_newest(folder: Path, step: int) -> None:
    """Remove all checkpoints but those of a step and of the one before it, which stays for the case that a disk lies.

    Those of later steps are not the past of a fit that is at this step: it went on from here because they are damaged.
    """
    found = checkpoints_in(folder)
    kept = [path for path in found if step_of(path) <= step][-2:]
    for path in found:
        if path not in kept:
            with suppress(OSError):  # it costs space, and the next one is tried again
                path.unlink(missing_ok=True)


def newest(folder: str | Path) -> persistence.ModelFile | None:
    """The newest valid checkpoint of a run folder, by step and never by clock; None if there is none."""
    for path in reversed(checkpoints_in(Path(folder))):
        try:
            return persistence.read(path)
        except ModelFileError as error:
            warnings.warn(f"skipped a checkpoint: {error}", RuntimeWarning, stacklevel=2)
    return None


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Own a run folder within the block; one that is not there is made, and goes if it is empty afterwards.

    What a killed owner was writing goes, too. The lock is the kernel's: it ends with its owner, however that ends.

    Raises:
        OutputError: Another fit owns the folder, or it cannot be made.
    """
    made = not folder.exists()
    lock = _lock(folder)
    try:
        persistence.remove_leftovers(folder)
        yield
    finally:
        with suppress(OSError):  # nothing that went wrong before is hidden by this
            (folder / "lock").unlink(missing_ok=True)
        os.close(lock)
        if made:
            remove_empty(folder)


def remove_empty(folder: Path) -> None:
    """Remove a run folder unless there are checkpoints to go on from, or another owner."""
    with suppress(OSError):
        folder.rmdir()


def _lock(folder: Path) -> int:
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:  # its last owner has just removed it
            continue
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another output") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise OutputError(
                f"{folder}: another fit is writing there; wait for it or choose another output"
            ) from error
        if _is_at(folder / "lock", lock):
            return lock
        os.close(lock)


def _is_at(path: Path, descriptor: int) -> bool:
    """Whether the open file is still the one of that name: a lock on one that was removed keeps nobody out."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
