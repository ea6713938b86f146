"""Frames and Parquet files as tables, and what every table shares: named columns, labels set apart, cells with a kind.

A frame's rows are counted from 0; the data rows of a text file (`text_tables.py`) from 1, without its header.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from latens.data.finite import first_infinite
from latens.data.kinds import INFERRED, Known, LeftOut, Typing, typed_column
from latens.data.parquet_files import framed, open_parquet
from latens.data.stored import Stored, like_array
from latens.data.values import (
    Labels,
    Source,
    among,
    check_memory,
    check_shape,
    hint,
    label_array,
    label_names,
    stored_dtype,
)
from latens.errors import DataError
from latens.schema import Column, Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "as_pandas",
    "build_table",
    "cell_name",
    "check_names",
    "check_there",
    "counted_from_zero",
    "feature_names",
    "frame_source",
    "given_labels",
    "is_frame",
    "known_columns",
    "parquet_frame",
    "refuse_infinity",
    "reorder",
    "row_ids",
]

# A row's position (from 0) in words.
RowName: TypeAlias = Callable[[int], str]


def counted_from_zero(row: int) -> str:
    """A row's position in words, as NumPy and pandas count."""
    return f"row {row} (counted from 0)"


def is_frame(data: object) -> bool:
    """A pandas, polars or Arrow table: it has columns and can become a pandas frame."""
    if not hasattr(data, "columns") or isinstance(data, np.ndarray):
        return False
    return type(data).__module__.startswith("pandas") or hasattr(data, "to_pandas") or hasattr(data, "__dataframe__")


def frame_source(data: Any, *, labels: Labels = None, name: str = "frame", typing: Typing = INFERRED) -> Source:
    """The columns of a frame by what they hold; its index becomes the ids unless it only counts rows.

    Args:
        data: A pandas frame, or one with ``to_pandas`` (polars, pyarrow) or ``__dataframe__``.
        labels: Names of columns to carry along, or an array of one label per row.
        name: What messages call it.
        typing: What the user says about columns.

    Raises:
        DataError: No rows or features, names twice, an unknown label, infinity, or cells that have no one meaning.
    """
    frame = as_pandas(data)
    names = [column if isinstance(column, str) else repr(column) for column in frame.columns]
    check_names(names, name)
    check_shape(frame.shape, name)
    labels = among(labels, names)
    features = feature_names(names, labels, name)
    typing.check(names, name)
    carried = given_labels(labels, len(frame), name)
    places = {column: i for i, column in enumerate(names)}
    named = all(isinstance(column, str) for column in frame.columns)
    found = [
        typed_column(frame.iloc[:, places[feature]], feature, cell_name(name, feature, counted_from_zero), typing)
        for feature in features
    ]
    return build_table(
        found,
        named=named,
        labels=carried | {label: np.asarray(frame.iloc[:, places[label]]) for label in label_names(labels) or ()},
        ids=row_ids(frame),
        name=name,
        n_rows=len(frame),
    )


def cell_name(table: str, column: str, row_name: RowName) -> RowName:
    """What says where a cell of a column is, given its row."""
    return lambda row: f"{table}: column {column!r}, {row_name(row)}"


def as_pandas(data: Any) -> pd.DataFrame:
    """A pandas, polars or Arrow table, or what offers ``__dataframe__``, as a pandas frame."""
    if type(data).__module__.startswith("pandas"):
        frame = data
    elif hasattr(data, "to_pandas"):
        frame = data.to_pandas()
    else:
        from pandas.api.interchange import from_dataframe

        frame = from_dataframe(data)
    return frame


def row_ids(frame: pd.DataFrame) -> np.ndarray | None:
    """The frame's index, unless it only counts rows."""
    import pandas as pd

    return None if isinstance(frame.index, pd.RangeIndex) else np.asarray(frame.index)


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


def build_table(
    found: Sequence[Known | LeftOut],
    *,
    named: bool,
    labels: Mapping[str, np.ndarray],
    ids: np.ndarray | None,
    name: str,
    n_rows: int,
    row_name: RowName = counted_from_zero,
) -> Source:
    """The typed Source of equally long columns.

    Args:
        found: The columns, and what is left out of them.
        named: Whether the columns have names of their own.
        labels: Carried along.
        ids: (n,) names of the rows, or None.
        name: What messages call it.
        n_rows: How many rows there are.
        row_name: A row's position in words.

    Raises:
        DataError: Nothing is left, or a value is infinite.
    """
    known, table = known_columns(found, name)
    dtype = np.result_type(*(column.cells.dtype for column in known))
    check_memory(n_rows * len(known) * dtype.itemsize, name)
    values = np.empty((n_rows, len(known)), dtype=stored_dtype(dtype))
    for i, column in enumerate(known):
        values[:, i] = column.cells
    refuse_infinity(values, table.types, name, row_name)
    names = tuple(column.name for column in table.types) if named else None
    return Source(values, columns=names, labels=dict(labels), ids=ids, name=name, table=table)


def known_columns(found: Sequence[Known | LeftOut], name: str) -> tuple[list[Known], Table]:
    """The columns to learn from, and the table that they are.

    Raises:
        DataError: Nothing is left.
    """
    known = [column for column in found if isinstance(column, Known)]
    left_out = {column.name: column.reason for column in found if isinstance(column, LeftOut)}
    if not known:
        reasons = ", ".join(f"{column!r} ({reason})" for column, reason in left_out.items())
        raise DataError(
            f"{name}: 0 feature(s) are left, without {reasons}; give it other columns, or say what one of these holds "
            f'with --types NAME=category (types={{"NAME": "category"}})'
        )
    return known, Table(tuple(column.column for column in known), left_out)


def refuse_infinity(values: np.ndarray, types: Sequence[Column], name: str, row_name: RowName) -> None:
    """Refuse what is neither a number nor missing.

    Args:
        values: (n, d).
        types: Of the columns.
        name: What messages call the table.
        row_name: A row's position in words.
    """
    first = first_infinite(values)
    if first is not None:
        where = cell_name(name, types[first[1]].name, row_name)(first[0])
        raise DataError(f"{where} is {values[first]}; replace infinity by a number or drop the row")


def parquet_frame(path: Path, choose: Callable[[Sequence[str]], Sequence[str]] | None = None) -> pd.DataFrame:
    """A Parquet file as a frame: all of it, or its index and the columns that are chosen from their names.

    Raises:
        DataError: It is damaged, or does not fit into memory.
    """
    with open_parquet(path) as file:
        return framed(file.read(choose), path.name, split_blocks=True, self_destruct=True)


def check_there(columns: Sequence[str], names: Sequence[str], table: str) -> None:
    """Refuse a column that is not among `names`."""
    for column in columns:
        if column not in names:
            known = [name for name in names if name]
            raise DataError(f"{table}: column {column!r} is not there; {hint(column, known)}")


def _listed(columns: Sequence[str]) -> str:
    """``column 'a'`` or ``columns 'a', 'b'``, the first of them if they are many."""
    shown = ", ".join(map(repr, columns[:8])) + f" and {len(columns) - 8} more" * (len(columns) > 8)
    return f"column{'s' * (len(columns) > 1)} {shown}"


def reorder(source: Source, columns: Sequence[str]) -> Source:
    """`source` with its columns in the order of `columns`, the ones a model was fitted on.

    A table without names, any table for a model without names, and images stay as they are: their shape is checked
    elsewhere.

    Raises:
        DataError: A column is missing, or there is one that the model does not know.
    """
    if source.columns is None or not columns or source.columns == tuple(columns):
        return source
    missing = [column for column in columns if column not in source.columns]
    if missing:
        verb = "is missing" if len(missing) == 1 else "are missing"
        raise DataError(f"{source.name}: {_listed(missing)} {verb}; {hint(missing[0], source.columns)}")
    new = [column for column in source.columns if column not in columns]
    if new:
        verb, them = ("was", "it") if len(new) == 1 else ("were", "them")
        raise DataError(
            f"{source.name}: {_listed(new)} {verb} not there when the model was fitted; drop {them}, or "
            f"`--labels {shlex.quote(','.join(new))}` (open_source(X, labels={new})) carries {them} along"
        )
    order = [source.columns.index(column) for column in columns]
    table = source.table and replace(source.table, types=tuple(source.table.types[i] for i in order))
    values: Any = source.values
    if isinstance(values, Stored):
        reordered = like_array(values.mapped(lambda block, start: np.ascontiguousarray(block[:, order])))
    else:
        reordered = np.ascontiguousarray(values[:, order])
    return replace(source, values=reordered, columns=tuple(columns), table=table)
