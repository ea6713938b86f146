"""Whether an output may be written, asked before any work is done: never over what nobody offered to replace."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from latens.errors import ConfigError, OutputError

__all__ = ["FIGURES", "TABLES", "check_folder", "check_output", "is_folder"]

TABLES = (".parquet", ".csv", ".npy")
FIGURES = (".png", ".svg", ".pdf")


def check_output(
    output: Path,
    *,
    force: bool,
    inputs: Iterable[str | Path],
    suffixes: Sequence[str] = (),
    way_out: str = "--force replaces it",
) -> None:
    """Refuse, before any work is done, an output that cannot or must not be written.

    Args:
        output: The path asked for.
        force: Whether an existing file may be replaced.
        inputs: What the verb reads, which it must not write over.
        suffixes: What the name may end with; empty for anything.
        way_out: What to say of an existing file.

    Raises:
        ConfigError: Another suffix.
        OutputError: It exists, is an input, or its folder is not there or not writable.
    """
    if suffixes and output.suffix.lower() not in suffixes:
        seen = output.suffix or "a name without a suffix"
        raise ConfigError(f"{output}: {seen} says no format that this verb writes; use {_listed(suffixes)}")
    if any(_same(output, path) for path in inputs):
        raise OutputError(f"{output}: is what this reads; choose another output")
    if output.is_dir():
        raise OutputError(f"{output}: is a folder; give the name of a file")
    _check_writable(output)
    if output.exists() and not force:
        raise OutputError(f"{output}: exists; {way_out}")


def check_folder(folder: Path, *, force: bool, inputs: Iterable[str | Path]) -> None:
    """The same for a folder of results."""
    if any(_same(folder, path) for path in inputs):
        raise OutputError(f"{folder}: is what this reads; choose another folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise OutputError(f"{folder}: exists and is not empty; --force replaces files of the same names")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; choose another folder")
    _check_writable(folder)


def is_folder(output: str | Path) -> bool:
    """An existing folder, or a name without a suffix."""
    return Path(output).is_dir() or not Path(output).suffix


def _check_writable(output: Path) -> None:
    parent = output.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{output}: cannot be written (there is no folder {output.parent}); make it first")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"{output}: cannot be written (no permission in {output.parent}); choose another path")


def _same(output: Path, path: str | Path) -> bool:
    try:
        return output.samefile(path)
    except (OSError, ValueError):
        return False


def _listed(suffixes: Sequence[str]) -> str:
    return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
