"""A few columns of a table by name, as they stand: what text and events are read from.

Nothing is inferred of a frame or a Parquet file, whose cells have types. The cells of a CSV or TSV file are text, and a
conversion says what else a column can be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from latens.data.tables import RowName, as_pandas, check_names, check_there, counted_from_zero, parquet_frame, row_ids
from latens.data.text_tables import as_label, data_row, text_columns
from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Columns", "Conversion", "as_text", "is_table_file", "read_columns", "table_form"]

_FORMS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv"}

# A column of text cells as what it can be.
Conversion: TypeAlias = Callable[[pa.ChunkedArray], "pd.Series"]


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns that were asked for.

    Args:
        frame: One of them each.
        name: What messages call the table.
        ids: (n,) the index of a frame, unless it only counts rows.
        row_name: A row's position in words.
    """

    frame: pd.DataFrame
    name: str
    ids: np.ndarray | None = None
    row_name: RowName = counted_from_zero

    def cell(self, column: str, row: int) -> str:
        """Where a cell is, in words."""
        return f"{self.name}: column {column!r}, {self.row_name(row)}"

    def labels(self, names: Sequence[str]) -> dict[str, np.ndarray]:
        """Columns to carry along."""
        return {name: np.asarray(self.frame[name]) for name in names}


def as_text(column: pa.ChunkedArray) -> pd.Series:
    """The cells as they stand."""
    import pandas as pd

    return pd.Series(column.to_numpy(zero_copy_only=False), dtype=object)


def _as_label(column: pa.ChunkedArray) -> pd.Series:
    import pandas as pd

    return pd.Series(as_label(column))


def table_form(name: str) -> str | None:
    """``"csv"`` or ``"parquet"`` by a file's name, None for anything else."""
    return _FORMS.get(Path(name.lower().removesuffix(".gz")).suffix)


def is_table_file(path: Path) -> bool:
    """Whether a file is a table, by its name."""
    return table_form(path.name) is not None


def read_columns(data: Any, wanted: Mapping[str, Conversion], labels: Sequence[str] = ()) -> Columns:
    """The columns `wanted`, and those to carry along, of a frame or a file.

    Args:
        data: A pandas, polars or Arrow frame; the path of a CSV, TSV or Parquet file; or ``"-"`` for CSV from standard
            input.
        wanted: The columns' names, and what becomes of each where the cells are text.
        labels: Names of more columns.

    Raises:
        DataError: It is no table, has no rows, or lacks a column.
    """
    conversions = dict.fromkeys(labels, _as_label) | dict(wanted)
    if isinstance(data, (str, os.PathLike)):
        return _from_path(os.fspath(data), conversions)
    return _from_frame(as_pandas(data), "frame", tuple(conversions))


def _from_path(path: str, conversions: Mapping[str, Conversion]) -> Columns:
    if path == "-":
        return _from_text(sys.stdin.buffer.read(), "stdin", conversions)
    form = table_form(path)
    if form is None:
        raise DataError(f"{Path(path).name}: is no table with columns; give a CSV, TSV or Parquet file, or a frame")
    if form == "csv":
        return _from_text(Path(path), Path(path).name, conversions)
    return _from_frame(parquet_frame(Path(path), tuple(conversions)), Path(path).name, tuple(conversions))


def _from_frame(frame: pd.DataFrame, name: str, names: Sequence[str]) -> Columns:
    there = [column for column in frame.columns if isinstance(column, str)]
    check_names(there, name)
    check_there(names, there, name)
    if not len(frame):
        raise DataError(f"{name}: has 0 rows; give it at least one")
    return Columns(frame[list(names)], name, row_ids(frame))


def _from_text(content: bytes | Path, name: str, conversions: Mapping[str, Conversion]) -> Columns:
    import pandas as pd

    table = text_columns(content, name)
    check_there(tuple(conversions), table.column_names, name)
    if not table.num_rows:
        raise DataError(f"{name}: has 0 rows; give it at least one")
    cells = {column: convert(table.column(column)) for column, convert in conversions.items()}
    ids = np.asarray(as_label(table.column(""))) if "" in table.column_names else None
    return Columns(pd.DataFrame(cells), name, ids, data_row)
