"""The folder beside a model file that holds the checkpoints of its fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from latens.cli.outputs import remove
from latens.errors import ConfigError

__all__ = ["owned", "run_folder"]


def run_folder(output: Path) -> Path:
    """``m.latens`` keeps its checkpoints in ``m.latens.run``."""
    return output.with_name(f"{output.name}.run")


@contextmanager
def owned(output: Path, *, resume: bool, force: bool, keep: bool) -> Iterator[Path]:
    """The run folder of an output, which one fit owns; what is left there goes when the block ends well, unless `keep`.

    Args:
        output: The model file.
        resume: The run's checkpoints are wanted.
        force: Its checkpoints may go.
        keep: They stay when the fit has succeeded.

    Raises:
        ConfigError: There are checkpoints of an unfinished fit, and the caller says neither resume nor force.
        OutputError: Another fit owns the folder, or it cannot be made.
    """
    from latens.persistence import remove_leftovers
    from latens.runs import checkpoints_in, locked, remove_empty

    folder = run_folder(output)
    try:
        with locked(folder):
            remove_leftovers(output.parent, output.name)
            _make_room(folder, checkpoints_in(folder), resume=resume, force=force)
            yield folder
            if not keep:
                remove(checkpoints_in(folder))
    finally:
        remove_empty(folder)


def _make_room(folder: Path, found: list[Path], *, resume: bool, force: bool) -> None:
    if resume or not found:
        return
    if not force:
        raise ConfigError(
            f"{folder} holds checkpoints of an unfinished fit; continue with --resume, or --force starts anew"
        )
    remove(found)
