"""Frames and Parquet files as tables, and what every table shares: named columns, labels set apart, each cell a number.

A frame's rows are counted from 0; the data rows of a text file (`text_tables.py`) from 1, without its header.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from latens.data.values import (
    Labels,
    Source,
    among,
    check_memory,
    check_shape,
    first_not_finite,
    hint,
    label_array,
    label_names,
    stored_dtype,
)
from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "build_table",
    "check_names",
    "feature_names",
    "frame_source",
    "given_labels",
    "is_frame",
    "parquet_source",
    "reorder",
    "way_out",
]

# A row's position (from 0) in words.
RowName: TypeAlias = Callable[[int], str]


def _counted_from_zero(row: int) -> str:
    return f"row {row} (counted from 0)"


def is_frame(data: object) -> bool:
    """A pandas, polars or Arrow table: it has columns and can become a pandas frame."""
    if not hasattr(data, "columns") or isinstance(data, np.ndarray):
        return False
    return type(data).__module__.startswith("pandas") or hasattr(data, "to_pandas") or hasattr(data, "__dataframe__")


def frame_source(data: Any, *, labels: Labels = None, name: str = "frame") -> Source:
    """The numeric columns of a frame; its index becomes the ids unless it only counts rows.

    Args:
        data: A pandas frame, or one with ``to_pandas`` (polars, pyarrow) or ``__dataframe__``.
        labels: Names of columns to carry along, or an array of one label per row.
        name: What messages call it.

    Raises:
        DataError: No rows or features, names twice, an unknown label, or a cell that is no finite number.
    """
    frame = _as_pandas(data)
    names = [column if isinstance(column, str) else repr(column) for column in frame.columns]
    check_names(names, name)
    check_shape(frame.shape, name)
    labels = among(labels, names)
    features = feature_names(names, labels, name)
    carried = given_labels(labels, len(frame), name)
    columns = [_numbers(frame.iloc[:, names.index(feature)], feature, name) for feature in features]
    named = all(isinstance(column, str) for column in frame.columns)
    return build_table(
        columns,
        features if named else None,
        labels=carried | {label: np.asarray(frame.iloc[:, names.index(label)]) for label in label_names(labels) or ()},
        ids=None if _only_counts(frame) else np.asarray(frame.index),
        name=name,
        n_rows=len(frame),
    )


def _as_pandas(data: Any) -> pd.DataFrame:
    if type(data).__module__.startswith("pandas"):
        frame = data
    elif hasattr(data, "to_pandas"):
        frame = data.to_pandas()
    else:
        from pandas.api.interchange import from_dataframe

        frame = from_dataframe(data)
    return frame


def _only_counts(frame: pd.DataFrame) -> bool:
    import pandas as pd

    return isinstance(frame.index, pd.RangeIndex)


def feature_names(names: Sequence[str], labels: Labels, name: str) -> tuple[str, ...]:
    """The columns to learn from: every one that is no label."""
    asked = label_names(labels) or ()
    for label in asked:
        if label not in names:
            raise DataError(f"{name}: label column {label!r} is not there; {hint(label, names)}")
    features = tuple(column for column in names if column not in asked)
    if not features:
        raise DataError(f"{name}: 0 feature(s) are left, all columns are labels; name fewer")
    return features


def given_labels(labels: Labels, n: int, name: str) -> dict[str, np.ndarray]:
    """The labels that are given as such, not as the names of columns."""
    return {"label": label_array(labels, n, name)} if label_names(labels) is None else {}


def check_names(names: Sequence[str], name: str) -> None:
    """Refuse two columns of one name: a model could not tell them apart."""
    seen: set[str] = set()
    for column in names:
        if column in seen:
            raise DataError(f"{name}: column {column!r} is there twice; rename or drop one of them")
        seen.add(column)


def way_out(column: str) -> str:
    """What to do about a column that is not numeric."""
    return f'`--labels {column}` (labels="{column}") carries the column along, or drop it'


def _numbers(series: pd.Series[Any], column: str, name: str) -> np.ndarray:  # (n,) float or uint8, missing as NaN
    from pandas.api import types

    dtype = series.dtype
    if types.is_complex_dtype(dtype):
        raise DataError(f"{name}: column {column!r}: Complex data not supported; use two columns, .real and .imag")
    if types.is_bool_dtype(dtype) or types.is_numeric_dtype(dtype):
        target = _numeric_dtype(dtype)
        missing = {"na_value": np.nan} if series.hasnans else {}
        return np.asarray(series.to_numpy(dtype=target, **missing))
    if not types.is_object_dtype(dtype):
        row = _first_value(series)
        if types.is_string_dtype(dtype):
            row = next((i for i, value in enumerate(series) if not _is_number(value)), row)
        raise DataError(
            f"{name}: column {column!r}, {_counted_from_zero(row)}: {str(series.iloc[row])!r} is not a number "
            f"(the column holds {dtype}); {way_out(column)}"
        )
    return np.array([_number(value, row, column, name) for row, value in enumerate(series)], dtype=np.float64)


def _numeric_dtype(dtype: Any) -> np.dtype[Any]:
    """What a numeric pandas dtype is read as; a nullable integer becomes float64 to hold NaN."""
    if isinstance(dtype, np.dtype):
        return stored_dtype(dtype)
    return stored_dtype(np.dtype(np.float32 if str(dtype).lower() in ("float32", "float[pyarrow]") else np.float64))


def _first_value(series: pd.Series[Any]) -> int:
    present = np.asarray(series.notna())
    return int(present.argmax())


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # whatever float takes
    except (TypeError, ValueError):
        return False
    return True


def _number(value: Any, row: int, column: str, name: str) -> float:
    """One cell of an object column: text is refused even if it reads as a number, missing becomes NaN."""
    import pandas as pd

    where = f"{name}: column {column!r}, {_counted_from_zero(row)}"
    if isinstance(value, (str, bytes)):
        raise DataError(f"{where}: {value!r} is not a number; {way_out(column)}")
    if value is None or value is pd.NA or value is pd.NaT:
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{where}: {error}; {way_out(column)}") from error


def build_table(
    columns: Sequence[np.ndarray],
    names: tuple[str, ...] | None,
    *,
    labels: Mapping[str, np.ndarray],
    ids: np.ndarray | None,
    name: str,
    n_rows: int,
    row_name: RowName = _counted_from_zero,
    fill: str = "X = X.dropna() or X = X.fillna(X.median())",
) -> Source:
    """The typed Source of equally long columns.

    Args:
        columns: Each (n,), uint8, float32 or float64; NaN is a missing value.
        names: The columns' names, if they have any.
        labels: Carried along.
        ids: (n,) names of the rows, or None.
        name: What messages call it.
        n_rows: How many rows there are.
        row_name: A row's position in words.
        fill: The call that drops or fills missing values.

    Raises:
        DataError: A value is missing or infinite.
    """
    dtype = np.result_type(*(column.dtype for column in columns))
    check_memory(n_rows * len(columns) * dtype.itemsize, name)
    values = np.empty((n_rows, len(columns)), dtype=stored_dtype(dtype))
    for i, column in enumerate(columns):
        values[:, i] = column
    _check_cells(values, names, name, row_name, fill)
    return Source(values, columns=names, labels=dict(labels), ids=ids, name=name, typed=True)


def _check_cells(values: np.ndarray, names: tuple[str, ...] | None, name: str, row_name: RowName, fill: str) -> None:
    first = first_not_finite(values)
    if first is None:
        return
    row, i = first
    column = f"column {names[i]!r}" if names is not None else f"column {i}"
    if np.isnan(values[first]):
        n = int(np.isnan(values[:, i]).sum())
        how_many = f"{n} missing value{'s' * (n > 1)} in this column"
        raise DataError(
            f"{name}: {column}, {row_name(row)} is missing (NaN), {how_many}; drop or fill such rows: {fill}"
        )
    raise DataError(
        f"{name}: {column}, {row_name(row)} is {values[first]}; replace infinity by a number or drop the row"
    )


def parquet_source(path: Path, *, labels: Labels = None) -> Source:
    """The numeric columns of a Parquet file, read column-wise by Arrow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = path.name
    try:
        with pq.ParquetFile(path, memory_map=True) as file:
            size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
            check_memory(size, name)
            frame = file.read().to_pandas(split_blocks=True, self_destruct=True)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        if isinstance(error, DataError):
            raise
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{name}: damaged or truncated Parquet file ({line}); write it again") from error
    return frame_source(frame, labels=labels, name=name)


def reorder(source: Source, columns: Sequence[str]) -> Source:
    """`source` with its columns in the order of `columns`, the ones a model was fitted on.

    A table without names, and images, stay as they are: their shape is checked elsewhere.

    Raises:
        DataError: A column is missing, or there is one that the model does not know.
    """
    if source.columns is None or source.columns == tuple(columns):
        return source
    for column in columns:
        if column not in source.columns:
            raise DataError(f"{source.name}: column {column!r} is missing; {hint(column, source.columns)}")
    for column in source.columns:
        if column not in columns:
            raise DataError(
                f"{source.name}: column {column!r} was not there when the model was fitted; "
                f'drop it, or `--labels {column}` (labels="{column}") carries it along'
            )
    order = [source.columns.index(column) for column in columns]
    values = np.ascontiguousarray(source.values[:, order])
    return Source(values, source.kind, tuple(columns), source.labels, source.ids, source.name, source.typed)
