"""Files that grow block by block, and are there whole or not at all: Parquet, CSV and NumPy.

Imported when a verb has something to write, because it imports NumPy and Arrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from latens.columns import as_table, harmless
from latens.errors import DataError

__all__ = ["Said", "Sheet", "open_sheet"]


@dataclass(frozen=True, eq=False)
class Said:
    """What a verb says of some rows.

    Args:
        columns: (m,) each, by name; what ``.npy`` leaves out.
        values: (m, *shape), or a frame of numbers: what ``.npy`` holds.
        counted: What is added up over all rows.
    """

    columns: Mapping[str, Any]
    values: Any = None
    counted: Mapping[str, Any] = field(default_factory=dict)


class Sheet(Protocol):
    """The role: a file that takes one block after the other."""

    def write(self, said: Said) -> None: ...
    def close(self) -> None: ...


@contextmanager
def open_sheet(path: Path, rows: int | None = None, schema: Any = None) -> Iterator[Sheet]:
    """A file to be written block by block; it takes its name when the block ends well, and leaves nothing otherwise.

    Args:
        path: Parquet, CSV or NumPy by its suffix.
        rows: How many there will be; NumPy has to know.
        schema: Of the columns, where parts written before have decided it.

    Raises:
        OutputError: It cannot be written.
    """
    from latens.persistence import atomic_path

    with atomic_path(path) as temporary:
        sheet = _SHEETS[path.suffix.lower()](temporary, rows, schema)
        try:
            yield sheet
        except BaseException:
            with suppress(Exception):  # a footer on a full disk; what went wrong before is what is told
                sheet.close()
            raise
        sheet.close()


class _Arrow:
    """Rows as tables of one schema."""

    def __init__(self, path: Path, rows: int | None, schema: Any) -> None:
        self.path, self.schema = path, schema
        self.writer: Any = None

    def write(self, said: Said) -> None:
        table = as_table(said.columns, self.schema)
        self.schema = table.schema
        self._write(table)

    def _write(self, table: Any) -> None:
        raise NotImplementedError

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


class _Parquet(_Arrow):
    """A row group for each block."""

    def _write(self, table: Any) -> None:
        if self.writer is None:
            from pyarrow import parquet

            self.writer = parquet.ParquetWriter(self.path, table.schema)
        self.writer.write_table(table, row_group_size=max(1, len(table)))


class _Csv(_Arrow):
    def _write(self, table: Any) -> None:
        cells = harmless(table)
        if self.writer is None:
            from pyarrow import csv

            self.writer = csv.CSVWriter(self.path, cells.schema)
        self.writer.write_table(cells)


class _Npy:
    """The values alone, behind a header that says how many rows there will be."""

    def __init__(self, path: Path, rows: int | None, schema: Any) -> None:
        self.rows = rows
        self.file: BinaryIO = path.open("wb")
        self.begun = False

    def write(self, said: Said) -> None:
        values = np.ascontiguousarray(_as_numbers(said.values))
        if not self.begun:
            shape = (self.rows, *values.shape[1:])
            about = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(self.file, about)
            self.begun = True
        self.file.write(values.data)

    def close(self) -> None:
        self.file.close()


def _as_numbers(values: Any) -> np.ndarray:
    """An array as it is, a frame of numbers as one.

    Raises:
        DataError: The frame holds something else.
    """
    if isinstance(values, np.ndarray):
        return values
    if not all(dtype.kind in "biuf" for dtype in values.dtypes):
        raise DataError("a table of categories or times fits into no .npy file; use -o out.parquet or out.csv")
    return np.asarray(values.to_numpy(dtype=np.float64))


_SHEETS: dict[str, type[Any]] = {".parquet": _Parquet, ".csv": _Csv, ".npy": _Npy}
