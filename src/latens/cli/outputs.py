"""Whether an output may be written, asked before any work is done: never over what nobody offered to replace."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from latens.errors import ConfigError, OutputError

__all__ = [
    "FIGURES",
    "STATE",
    "TABLES",
    "Target",
    "check_files",
    "check_folder",
    "check_output",
    "check_results",
    "is_folder",
    "part_path",
    "parts_in",
    "remove",
]

TABLES = (".parquet", ".csv", ".npy")
FIGURES = (".png", ".svg", ".pdf")
# What readers of folders of Parquet pass over, because of its first character.
STATE = "_latens.json"
_PART = re.compile(r"part-\d{5,}\.parquet")


@dataclass(frozen=True)
class Target:
    """Where a verb's rows go: into one file, or into a folder part by part.

    Args:
        path: Of the file or the folder.
        parts: It is a folder.
        rows_per_part: As asked for.
        resume: Go on after the last whole part.
    """

    path: Path
    parts: bool
    rows_per_part: int | None = None
    resume: bool = False

    def check(self, *, force: bool, inputs: Sequence[str | Path], suffixes: Sequence[str]) -> None:
        """Refuse, before any work is done, what cannot or must not be written.

        Raises:
            ConfigError: A suffix that says no format, or options of a folder for a file.
            OutputError: See `check_output` and `check_folder`; of parts, that something else is in the folder.
        """
        if self.parts:
            return _check_parts(self, force=force, inputs=inputs)
        check_output(self.path, force=force, inputs=inputs, suffixes=suffixes)
        if self.resume or self.rows_per_part is not None:
            option = "--resume" if self.resume else "--part-rows"
            raise ConfigError(f"{self.path}: {option} is for a folder of parts; use -o {self.path.stem}/")


def part_path(folder: Path, number: int) -> Path:
    """The file of a part, counted from 0."""
    return folder / f"part-{number:05d}.parquet"


def parts_in(folder: Path) -> list[Path]:
    """The parts in a folder."""
    return sorted(path for path in folder.iterdir() if _PART.fullmatch(path.name))


def remove(paths: Iterable[Path]) -> None:
    """Remove files that are in the way of results, or of no use any more.

    Raises:
        OutputError: One of them cannot be removed.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: cannot be removed ({error.strerror}); choose another output") from error


def _check_parts(target: Target, *, force: bool, inputs: Iterable[str | Path]) -> None:
    folder = target.path
    check_folder(folder, force=True, inputs=inputs)
    if not os.path.isdir(folder):
        return
    _check_permission(folder, folder)
    ours = (folder / STATE).is_file()
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    other = [name for name in names if not (ours and (name == STATE or _PART.fullmatch(name)))]
    if other:
        raise OutputError(f"{folder}: holds other files ({other[0]}); choose an empty folder, or a new one")
    if ours and not (force or target.resume):
        raise OutputError(f"{folder}: holds parts already; --resume goes on after them, --force starts anew")


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
        OutputError: It exists, is an input, is no regular file (which `force` does not replace either), or it cannot be
            written under this name in this folder.
    """
    if suffixes and output.suffix.lower() not in suffixes:
        seen = output.suffix or "a name without a suffix"
        raise ConfigError(f"{output}: {seen} says no format that this verb writes; use {_listed(suffixes)}")
    if any(_same(output, path) for path in inputs):
        raise OutputError(f"{output}: is what this reads; choose another output")
    if os.path.isdir(output):
        raise OutputError(f"{output}: is a folder; give the name of a file")
    _check_writable(output)
    if _is_file(output) and not force:
        raise OutputError(f"{output}: exists; {way_out}")


def check_folder(folder: Path, *, force: bool, inputs: Iterable[str | Path]) -> None:
    """The same for a folder of results."""
    if any(_same(folder, path) for path in inputs):
        raise OutputError(f"{folder}: is what this reads; choose another folder")
    if not os.path.isdir(folder):
        _check_writable(folder)
        if os.path.lexists(folder):
            raise OutputError(f"{folder}: is a file; choose another folder")
        return
    try:
        full = any(folder.iterdir())
    except OSError as error:
        raise OutputError(f"{folder}: cannot be read ({error.strerror}); choose another folder") from error
    if full and not force:
        raise OutputError(f"{folder}: exists and is not empty; --force replaces files of the same names")


def check_files(folder: Path, names: Iterable[str], *, inputs: Iterable[str | Path]) -> None:
    """Refuse files in a folder of results before one of them is written, so that all arrive or none.

    Args:
        folder: Checked already, by `check_folder`.
        names: Of the files, relative to it.
        inputs: What the verb reads; of a folder every file.

    Raises:
        OutputError: One of them would replace something else than a file, or an input, or cannot be written.
    """
    read = [Path(path) for path in inputs if os.path.exists(path)]
    for name in names:
        target = folder / name
        if _is_file(target) and any(_same(target, path) or _inside(target, path) for path in read):
            raise OutputError(f"{target}: is what this reads; choose another folder")
        above = next(parent for parent in target.absolute().parents if os.path.lexists(parent))
        if not above.is_dir():
            raise OutputError(f"{target}: cannot be written ({above} is a file); choose another folder")
        _check_permission(target, above)


def check_results(folder: Path, names: Sequence[str], mark: str, *, force: bool, ours: Callable[[Path], bool]) -> None:
    """Refuse a folder whose files would be replaced, unless an earlier run of the same verb left them.

    Args:
        folder: Where the verb's files go; it need not be there.
        names: Of the files and folders that the verb writes into it.
        mark: The file that the verb writes before all others, by which its own folder is known.
        force: Whether files that somebody else left may be replaced.
        ours: Whether a file was written by latens.

    Raises:
        OutputError: It holds something of these names, and no mark.
    """
    there = [folder / name for name in names if os.path.lexists(folder / name)]
    if force or not there or ours(folder / mark):
        return
    raise OutputError(f"{there[0]}: exists, and no earlier run left it; choose another folder, or --force replaces it")


def is_folder(output: str | Path) -> bool:
    """An existing folder, a name that ends in a slash, or one without a suffix."""
    return os.path.isdir(output) or os.fspath(output).endswith(("/", os.sep)) or not Path(output).suffix


def _is_file(output: Path) -> bool:
    """Whether a file is there; what is neither a file nor nothing is never replaced."""
    try:
        mode = output.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:  # too long a name, a folder that may not be entered
        raise OutputError(f"{output}: cannot be written ({error.strerror}); choose another path") from error
    if stat.S_ISLNK(mode):
        raise OutputError(f"{output}: is a link; give the path that it points to, {os.path.realpath(output)}")
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise OutputError(f"{output}: is {what}, which is never replaced; choose another output")
    return True


def _check_writable(output: Path) -> None:
    # The longest name under which it is written before it takes its place.
    _is_file(output.with_name(f".{output.name}.4194304.tmp"))
    parent = output.absolute().parent
    if not parent.is_dir():
        raise OutputError(f"{output}: cannot be written (there is no folder {output.parent}); make it first")
    _check_permission(output, parent)


def _check_permission(output: Path, folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{output}: cannot be written (no permission in {folder}); choose another path")


def _inside(output: Path, folder: Path) -> bool:
    return folder.resolve() in output.resolve().parents


def _same(output: Path, path: str | Path) -> bool:
    try:
        return output.samefile(path)
    except (OSError, ValueError):
        return False


def _listed(suffixes: Sequence[str]) -> str:
    *others, last = suffixes
    return f"{', '.join(others)} or {last}" if others else last
