"""The files of a folder that are wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["files_below"]


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
