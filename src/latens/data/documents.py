"""Where text comes from: files, folders, standard input, lists of strings, the column of a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from latens.data.named_columns import as_text, is_missing, read_columns, table_form
from latens.data.paths import existing, files_below, plain_file
from latens.data.piped import read_pipe
from latens.data.tables import is_frame
from latens.data.text import TextSource
from latens.data.values import Labels, carry
from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["TEXT_SUFFIXES", "are_text_files", "is_text_file", "open_text"]

# Files that are text by their name; those in folders are the first three.
TEXT_SUFFIXES = (".txt", ".text", ".md", ".log")
_IN_FOLDERS = (*TEXT_SUFFIXES[:3], *(f"{suffix}.gz" for suffix in TEXT_SUFFIXES[:3]))


def is_text_file(name: object) -> bool:
    """Whether a path is that of a text by its name.

    Example:
        >>> is_text_file("notes/a.txt.gz"), is_text_file("a.csv")
        (True, False)
    """
    if not isinstance(name, (str, os.PathLike)):
        return False
    return os.fsdecode(name).lower().removesuffix(".gz").endswith(TEXT_SUFFIXES)


def are_text_files(data: object) -> bool:
    """Whether a list holds nothing but paths of texts, by their names."""
    return isinstance(data, (list, tuple)) and len(data) > 0 and all(map(is_text_file, data))


def open_text(data: object, *, column: str | None = None, labels: Labels = None) -> TextSource:
    """Text from wherever it is.

    Args:
        data: A path (a file, or a folder of .txt, .text and .md files), ``"-"`` for standard input, a list of paths
            (`Path` objects, or strings that all end in .txt, .text, .md or .log), a list of strings, a table (frame or
            file) with the column's name, or a TextSource.
        column: The table's column that holds the text; a list has none, so that what a model learned from a column can
            be asked about strings.
        labels: Columns to carry along by name, or an array of one label per document.

    Raises:
        DataError: It is no text, or there is none.

    Example:
        >>> open_text(["To be", "or not"]).lines
        True
    """
    if isinstance(data, TextSource):
        return carry(data, labels)
    named = isinstance(data, (str, os.PathLike))
    if is_frame(data) or (named and column is not None):
        return _from_column(data, column, labels)
    if isinstance(data, (str, os.PathLike)):
        return carry(_from_path(data), labels)
    return carry(_from_list(data), labels)


def _from_column(data: Any, column: str | None, labels: Labels) -> TextSource:
    if column is None:
        raise DataError("frame: one column of a table holds the text; name it with column=NAME")
    found = read_columns(data, {column: _universal}, labels)
    texts = tuple(_text(cell, found.cell(column, row)) for row, cell in enumerate(found.frame[column]))
    return TextSource(texts, True, found.labels(labels, len(texts)), found.ids, found.name, column)


def _universal(column: pa.ChunkedArray) -> pd.Series:
    """The cells of a text file, with the line ends that a text has."""
    return as_text(column).str.replace("\r\n", "\n", regex=False).str.replace("\r", "\n", regex=False)


def _text(cell: object, where: str) -> str:
    if isinstance(cell, str):
        return str(cell)
    if is_missing(cell):
        raise DataError(f"{where}: is missing; drop such entries, or make them empty with fillna('')")
    raise DataError(f"{where}: {cell!r} is no text; convert it with str")


def _from_path(data: str | os.PathLike[str]) -> TextSource:
    name = os.fsdecode(data)
    if name == "-":
        return TextSource((read_pipe(),), name="stdin")
    path = existing(data, "is no file", "give a path, or a list of strings for text itself")
    if path.is_dir():
        return _from_folder(path)
    plain_file(path)
    if table_form(path.name) is not None:
        raise DataError(f"{path.name}: one column of a table holds the text; name it with column=NAME (--column NAME)")
    return TextSource((path,), name=path.name)


def _from_folder(folder: Path) -> TextSource:
    """All texts below a folder, one document each; the labels are the sub-folders, where there are any."""
    name = folder.name or str(folder)
    paths = files_below(folder, _IN_FOLDERS)
    if not paths:
        raise DataError(f"{name}: no text in this folder; put .txt, .text or .md files into it")
    ids = np.array([path.relative_to(folder).as_posix() for path in paths], dtype=object)
    places = np.array([path.parent.relative_to(folder).as_posix() for path in paths])
    places[places == "."] = ""
    return TextSource(tuple(paths), labels={"label": places} if places.any() else {}, ids=ids, name=name)


def _from_list(data: object) -> TextSource:
    if are_text_files(data) or _are_paths(data):
        return _from_files([os.fsdecode(path) for path in cast(Sequence[str], data)])
    items = data.tolist() if hasattr(data, "tolist") else data
    if not isinstance(items, (list, tuple)):
        raise DataError(f"a {type(data).__name__} is no text; give a path, or a list of strings")
    if not items:
        raise DataError("list: is empty; give it some strings")
    texts = tuple(_text(item, f"list: item {i} (counted from 0)") for i, item in enumerate(items))
    return TextSource(texts, lines=True, name="list")


def _from_files(names: Sequence[str]) -> TextSource:
    more = " (strings that are text themselves go into a latens.data.TextSource)"
    paths = tuple(plain_file(existing(name, more=more)) for name in names)
    name = paths[0].name if len(paths) == 1 else f"{len(paths)} files"
    return TextSource(paths, ids=np.array(names, dtype=object), name=name)


def _are_paths(data: object) -> bool:
    return isinstance(data, (list, tuple)) and len(data) > 0 and all(isinstance(item, os.PathLike) for item in data)
