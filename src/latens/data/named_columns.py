"""A few columns of a table by name, as they stand: what text and events are read from.

Nothing is inferred of a frame or a Parquet file, whose cells have types. The cells of a CSV or TSV file are text, and a
conversion says what else a column can be.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from latens.data.paths import existing, plain_file, readable
from latens.data.piped import read_pipe
from latens.data.tables import (
    RowName,
    as_pandas,
    check_names,
    check_there,
    counted_from_zero,
    given_labels,
    is_frame,
    parquet_frame,
    row_ids,
)
from latens.data.values import Labels, among, label_names
from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["Columns", "Conversion", "as_text", "is_missing", "read_columns", "table_form"]

_FORMS = {".parquet": "parquet", ".pq": "parquet", ".csv": "csv", ".tsv": "csv"}

# A column of text cells as what it can be.
Conversion: TypeAlias = "Callable[[pa.ChunkedArray], pd.Series]"


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns that were asked for.

    Args:
        frame: One of them each.
        name: What messages call the table.
        carried: Which of them are labels.
        ids: (n,) the index of a frame, unless it only counts rows.
        row_name: A row's position in words.
    """

    frame: pd.DataFrame
    name: str
    carried: tuple[str, ...] = ()
    ids: np.ndarray | None = None
    row_name: RowName = counted_from_zero

    def cell(self, column: str, row: int) -> str:
        """Where a cell is, in words."""
        return f"{self.name}: column {column!r}, {self.row_name(row)}"

    def labels(self, asked: Labels, n: int, rows: np.ndarray | slice = slice(None)) -> dict[str, np.ndarray]:
        """What is carried along: the columns asked for, of some rows, or an array of n labels."""
        given = given_labels(among(asked, self.carried), n, self.name)
        return given | {name: np.asarray(self.frame[name])[rows] for name in self.carried}


@dataclass(frozen=True)
class _Asked:
    """What is wanted of a table."""

    wanted: Mapping[str, Conversion] | Conversion
    labels: Labels

    def carried(self, names: Sequence[str]) -> tuple[str, ...]:
        """The labels among the table's columns."""
        return label_names(among(self.labels, names)) or ()

    def of(self, names: Sequence[str], table: str) -> dict[str, Conversion]:
        """The columns to read, all of which are there."""
        check_names(names, table)
        wanted = dict.fromkeys(names, self.wanted) if callable(self.wanted) else dict(self.wanted)
        columns = dict.fromkeys(self.carried(names), _as_label) | wanted
        check_there(tuple(columns), names, table)
        return columns


def as_text(column: pa.ChunkedArray) -> pd.Series:
    """The cells as they stand."""
    import pandas as pd

    return pd.Series(column.to_numpy(zero_copy_only=False), dtype=object)


def _as_label(column: pa.ChunkedArray) -> pd.Series:
    import pandas as pd

    from latens.data.text_tables import as_label

    return pd.Series(as_label(column))


def is_missing(cell: object) -> bool:
    """Whether a cell says that nothing is there: None, NaN, NaT or NA."""
    import pandas as pd

    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and cell != cell)


def table_form(name: str) -> str | None:
    """``"csv"`` or ``"parquet"`` by a file's name, None for anything else."""
    return _FORMS.get(Path(name.lower().removesuffix(".gz")).suffix)


def has_columns(data: object) -> bool:
    """Whether data is a frame, or by its name a file that holds a table."""
    if isinstance(data, (str, os.PathLike)):
        return table_form(os.fsdecode(data)) is not None
    return is_frame(data)


def read_columns(data: Any, wanted: Mapping[str, Conversion] | Conversion, labels: Labels = None) -> Columns:
    """The columns `wanted`, and those to carry along, of a frame or a file.

    Args:
        data: A pandas, polars or Arrow frame; the path of a CSV, TSV or Parquet file; or ``"-"`` for CSV from standard
            input.
        wanted: The columns' names, and what becomes of each where the cells are text; a conversion alone wants all.
        labels: Names of columns to carry; an array is left to whoever knows what it has to be as long as.

    Raises:
        DataError: It is no table, has no rows, or lacks a column.
    """
    asked = _Asked(wanted, labels)
    if not isinstance(data, (str, os.PathLike)):
        return _from_frame(as_pandas(data), "frame", asked)
    if os.fsdecode(data) == "-":
        return _from_text(read_pipe(), "stdin", asked)
    path = plain_file(existing(data))
    with readable(path):
        return _from_file(path, asked)


def _from_file(path: Path, asked: _Asked) -> Columns:
    form = table_form(path.name)
    if form is None:
        raise DataError(f"{path.name}: is no table with columns; give a CSV, TSV or Parquet file, or a frame")
    if form == "csv":
        return _from_text(path, path.name, asked)
    return _from_frame(parquet_frame(path, lambda names: tuple(asked.of(names, path.name))), path.name, asked)


def _from_frame(frame: pd.DataFrame, name: str, asked: _Asked) -> Columns:
    names = [column for column in frame.columns if isinstance(column, str)]
    columns = tuple(asked.of(names, name))
    if not len(frame):
        raise DataError(f"{name}: has 0 rows; give it at least one")
    return Columns(frame[list(columns)], name, asked.carried(names), row_ids(frame))


def _from_text(content: bytes | Path, name: str, asked: _Asked) -> Columns:
    import pandas as pd

    from latens.data.text_tables import as_label, data_row, text_columns

    table = text_columns(content, name)
    columns = asked.of(table.column_names, name)
    if not table.num_rows:
        raise DataError(f"{name}: has 0 rows; give it at least one")
    cells = pd.DataFrame({column: convert(table.column(column)) for column, convert in columns.items()})
    ids = np.asarray(as_label(table.column(""))) if "" in table.column_names else None
    return Columns(cells, name, asked.carried(table.column_names), ids, data_row)
