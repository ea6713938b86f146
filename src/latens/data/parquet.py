"""Parquet files and folders of them as tables: in memory, or on disk and read block by block with the same cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.data.kinds import INFERRED, Known, LeftOut, Typing, typed_column
from latens.data.parquet_files import framed
from latens.data.parquet_parts import Cursor, Parts
from latens.data.paths import files_below
from latens.data.stored import Stored, is_large, like_array
from latens.data.tables import (
    cell_name,
    check_names,
    counted_from_zero,
    feature_names,
    frame_source,
    given_labels,
    known_columns,
    refuse_infinity,
    row_ids,
)
from latens.data.values import Labels, Source, among, check_shape, label_names, stored_dtype
from latens.schema import Column

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["PARQUET", "parquet_folder", "parquet_source"]

PARQUET = (".parquet", ".pq")

# Rows that are looked at for what a column holds.
_HEAD = 4096
# Rows that are put together at a time.
_TURNED = 16


def parquet_folder(folder: Path, labels: Labels, typing: Typing, stream: bool | None) -> Source | None:
    """The table in all Parquet files below a folder, in natural order of their paths; None if there are none."""
    paths = files_below(folder, PARQUET)
    return parquet_source(paths, folder.name or str(folder), labels, typing, stream) if paths else None


def parquet_source(
    paths: Sequence[Path],
    name: str,
    labels: Labels = None,
    typing: Typing = INFERRED,
    stream: bool | None = None,
) -> Source:
    """The columns of Parquet files by what they hold.

    Args:
        paths: Of files with the same columns.
        name: What messages call them.
        labels: Names of columns to carry along, or an array of one label per row.
        typing: What the user says about columns.
        stream: Whether they stay on disk; None goes by their size.

    Raises:
        DataError: A file is damaged or unlike the others; and as for a frame.
    """
    parts = Parts.of(paths, name)
    if is_large(parts.numbers) if stream is None else stream:
        return _streamed(parts, labels, typing)
    source = frame_source(parts.frame(), labels=labels, name=name, typing=typing)
    return replace(source, groups=parts.groups)


def _streamed(parts: Parts, labels: Labels, typing: Typing) -> Source:
    check_shape((len(parts), len(parts.schema.names)), parts.name)
    head = framed(Cursor(parts, parts.schema.names).read(0, min(_HEAD, len(parts))), parts.name)
    names = [name if isinstance(name, str) else repr(name) for name in head.columns]
    check_names(names, parts.name)
    labels = among(labels, names)
    features = feature_names(names, labels, parts.name)
    typing.check(names, parts.name)
    fields = dict(zip(names, (field for field in parts.schema.names if field not in parts.index), strict=True))
    cells = {name: head.iloc[:, place] for place, name in enumerate(names)}
    found = [_Asked(parts, name, fields[name], typing).column(cells[name]) for name in features]
    known, table = known_columns(found, parts.name)
    dtype = stored_dtype(np.result_type(*(column.cells.dtype for column in known)))
    read = _Cells(parts, {fields[column.name]: column for column in table.types}, dtype, typing)
    named = all(isinstance(name, str) for name in head.columns)
    carried = {name: _carried(parts, fields[name], cells[name]) for name in label_names(labels) or ()}
    return Source(
        like_array(Stored((len(parts), len(known)), dtype, read, parts.name)),
        columns=tuple(column.name for column in table.types) if named else None,
        labels=given_labels(labels, len(parts), parts.name) | carried,
        ids=_ids(parts, head),
        name=parts.name,
        table=table,
        groups=parts.groups,
    )


@dataclass(frozen=True)
class _Asked:
    """What a column of files on disk holds: known from its first rows, or from all of it and nothing beside it."""

    parts: Parts
    name: str
    field: str
    typing: Typing

    def column(self, head: pd.Series[Any]) -> Known | LeftOut:
        """The column, with cells only to say their dtype."""
        cells = head if self._says_all(head) else self.parts.frame([self.field])[self.field]
        where = cell_name(self.parts.name, self.name, counted_from_zero)
        return typed_column(cells, self.name, where, self.typing)

    def _says_all(self, head: pd.Series[Any]) -> bool:
        """Whether the first rows say what all do: numbers of one dtype, of which some are there and two are alike."""
        import pyarrow as pa

        kind, wanted = self.parts.schema.field(self.field).type, self.typing.kind(self.name)
        if wanted == "ignore":
            return True
        if wanted not in (None, "number", "integer") or not head.notna().any():
            return False
        if pa.types.is_floating(kind):
            return True
        # Without a missing one they stay whole, and once two are alike they are no identifiers.
        whole = pa.types.is_integer(kind) and self.parts.nulls.get(self.field) == 0
        return whole and (wanted is not None or bool(head.duplicated().any()))


class _Cells:
    """Reads the cells of a table's columns, (m, d), as they would be in memory.

    Args:
        parts: The files.
        columns: Those to learn from, by their names in the files.
        dtype: Of the cells.
        typing: What the user says about columns.
    """

    def __init__(self, parts: Parts, columns: Mapping[str, Column], dtype: np.dtype[Any], typing: Typing) -> None:
        self.parts, self.columns, self.dtype = parts, columns, dtype
        self._cursor = Cursor(parts, list(columns))
        plain = [field for field, column in columns.items() if _is_plain(parts.schema.field(field).type, column)]
        self._plain = set(plain)
        self._typing = Typing({column.name: column.kind for column in columns.values()}, typing.missing, strict=False)

    def __call__(self, start: int, stop: int) -> np.ndarray:
        table = self._cursor.read(start, stop)
        columns = [self._cells(table.column(field), field, start) for field in self.columns]
        block = _side_by_side(columns, self.dtype)
        refuse_infinity(block, tuple(self.columns.values()), self.parts.name, _counted_from(start))
        return block

    def _cells(self, cells: pa.ChunkedArray, field: str, start: int) -> np.ndarray:
        if field in self._plain:
            return np.asarray(cells.to_numpy())
        column = self.columns[field]
        where = cell_name(self.parts.name, column.name, _counted_from(start))
        found = typed_column(self._series(cells, field), column.name, where, self._typing)
        if isinstance(found, LeftOut):
            return np.full(len(cells), np.nan)
        return column.codes_of(found.cells, found.column) if column.levels else found.cells

    def _series(self, cells: pa.ChunkedArray, field: str) -> pd.Series[Any]:
        """The cells as they would be in a frame."""
        import pyarrow as pa

        schema = pa.schema([self.parts.schema.field(field)], self.parts.schema.metadata)
        return framed(pa.table([cells], schema=schema), self.parts.name)[field]


def _is_plain(kind: pa.DataType, column: Column) -> bool:
    """Whether cells of a type are the numbers that a column wants."""
    import pyarrow as pa

    return column.numeric and (pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _side_by_side(columns: Sequence[np.ndarray], dtype: np.dtype[Any]) -> np.ndarray:  # each (m,) -> (m, d)
    """Columns as a block of rows; a few rows at a time, whose cells then are near each other in memory."""
    above = np.empty((len(columns), len(columns[0])), dtype)
    for place, column in enumerate(columns):
        above[place] = column
    block = np.empty(above.shape[::-1], dtype)
    for start in range(0, len(block), _TURNED):
        block[start : start + _TURNED] = above[:, start : start + _TURNED].T
    return block


def _counted_from(start: int) -> Callable[[int], str]:
    return lambda row: counted_from_zero(start + row)


def _carried(parts: Parts, field: str, head: pd.Series[Any]) -> np.ndarray:
    """A column of labels, read block by block."""
    import pyarrow as pa

    cursor, kind = Cursor(parts, [field]), parts.schema.field(field).type
    # The dtype of whole numbers and of true and false changes where one is missing.
    gaps = (pa.types.is_integer(kind) or pa.types.is_boolean(kind)) and parts.nulls.get(field) != 0
    dtype = np.dtype(object) if gaps else np.asarray(head).dtype

    def read(start: int, stop: int) -> np.ndarray:
        return np.asarray(framed(cursor.read(start, stop), parts.name)[field]).astype(dtype, copy=False)

    return like_array(Stored((len(parts),), dtype, read, parts.name))


def _ids(parts: Parts, head: pd.DataFrame) -> np.ndarray | None:
    """The index of a frame that was written, unless it only counts rows, read block by block."""
    ids = row_ids(head)
    if ids is None:
        return None
    cursor = Cursor(parts, parts.index)

    def read(start: int, stop: int) -> np.ndarray:
        return np.asarray(framed(cursor.read(start, stop), parts.name).index).astype(ids.dtype, copy=False)

    return like_array(Stored((len(parts),), ids.dtype, read, parts.name))
