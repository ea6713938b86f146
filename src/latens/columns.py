"""Named columns as Arrow tables: of one set of types in every block, and in a CSV without a cell that is a formula.

Imported when a verb has something to write, because it imports NumPy and Arrow.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Carrying",
    "arrow",
    "arrow_type",
    "as_table",
    "beside",
    "columns_of",
    "harmless",
    "harmless_frame",
    "of_type",
]

# What makes a cell of text a formula where a spreadsheet opens it, also as a wide character (OWASP, CSV injection).
_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
_NUMBER = r"^[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)([eE][+-]?[0-9]+)?%?$"

# Objects that are not in memory are judged by so many.
_FIRST = 1 << 16

_REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError)


class Carrying(Protocol):
    """What rows carry along."""

    @property
    def labels(self) -> Mapping[str, Any]:
        """Columns by name, each (n,)."""

    @property
    def ids(self) -> Any:
        """(n,) names of the rows, or None."""


def columns_of(
    values: Any, names: Sequence[str], carrying: Carrying, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The columns of rows: their ids, the named values, `more`, their labels.

    The values keep their names; of the others one whose name is taken gets a ``_``.

    Args:
        values: (n, *shape), whose flattened features are the columns, or a frame of n rows, or columns by name.
        names: Of the columns.
        carrying: What ids and labels come from.
        more: (n,) columns by name.
    """
    own = dict(zip(names, _by_column(values), strict=True))
    ids = beside(own, [] if carrying.ids is None else [("id", carrying.ids)])
    return ids | own | beside({*ids, *own}, [*(more or {}).items(), *carrying.labels.items()])


def _by_column(values: Any) -> list[Any]:
    """The columns of a frame or of an array's flattened features, or those given as such."""
    if isinstance(values, Mapping):
        return list(values.values())
    if isinstance(values, np.ndarray):
        return list(values.reshape(len(values), -1).T)
    return [values.iloc[:, i] for i in range(values.shape[1])]


def beside(taken: Container[str], columns: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The columns by names that differ from those taken and from each other."""
    free: dict[str, Any] = {}
    for name, column in columns:
        while name in taken or name in free:
            name += "_"
        free[name] = column
    return free


def arrow(column: Any) -> Any:
    """Arrow's array; mixed objects, which it refuses, as text."""
    if isinstance(column, (pa.Array, pa.ChunkedArray)):
        return column
    try:
        return pa.array(np.ascontiguousarray(column) if isinstance(column, np.ndarray) else column, from_pandas=True)
    except _REFUSED:
        return _as_text(column)


def arrow_type(column: Any) -> Any:
    """The type that a whole column has in Arrow, so that each of its blocks can have it.

    Of objects in memory every one has a say, of others the first ones; an array of another dtype says it by one.
    """
    objects = column.dtype == object
    kind = arrow(column if objects and isinstance(column, np.ndarray) else column[: _FIRST if objects else 1]).type
    return pa.string() if pa.types.is_null(kind) else kind


def as_table(columns: Mapping[str, Any], schema: Any = None) -> Any:
    """Columns as Arrow's table.

    Args:
        columns: By name.
        schema: That of the blocks before; None for the first. What is empty in that one is text.

    Raises:
        DataError: A column holds something else than it did before.
    """
    if schema is None:
        arrays = {name: arrow(column) for name, column in columns.items()}
        return pa.table({name: _settled(array) for name, array in arrays.items()})
    return pa.table({name: of_type(name, columns[name], schema.field(name).type) for name in schema.names})


def _settled(array: Any) -> Any:
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def of_type(name: str, column: Any, kind: Any) -> Any:
    """A column as Arrow's array of a type; text holds anything.

    Raises:
        DataError: It holds something else.
    """
    array = arrow(column)
    if array.type == kind:
        return array
    if pa.types.is_string(kind):
        return _as_text(column)
    try:
        return array.cast(kind)
    except _REFUSED as error:
        raise DataError(
            f"column {name!r}: holds {array.type} where its first rows held {kind}; make it one thing, or leave it out "
            "of --labels"
        ) from error


def _as_text(column: Any) -> Any:
    cells = column.to_pylist() if isinstance(column, (pa.Array, pa.ChunkedArray)) else column
    return pa.array([None if cell is None else str(cell) for cell in cells], type=pa.string())


def harmless(table: Any) -> Any:
    """A table for a CSV, whose text no spreadsheet takes for a formula: a cell that would be one starts with a quote.

    Numbers stay, also those that came as text. What is read back has the quote, which a second writing leaves alone;
    Parquet gives every text back as it was.

    Example:
        >>> harmless(pa.table({"x": ["=1+1", "-5", "a=b", "@all"]})).column("x").to_pylist()
        ["'=1+1", '-5', 'a=b', "'@all"]
    """
    names = _quoted(pa.array(table.column_names, type=pa.string())).to_pylist()
    return pa.table([_quoted(column) for column in table.columns], names=names)


def harmless_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """The same of a frame."""
    text = [name for name in frame if frame[name].dtype.kind == "O"]
    cells = {name: _quoted(arrow(frame[name])).to_pylist() for name in text}
    names = _quoted(pa.array(map(str, frame.columns), type=pa.string())).to_pylist()
    return frame.assign(**cells).set_axis(names, axis=1)


def _quoted(column: Any) -> Any:
    """Of text, what is a formula behind a quote; anything else as it is."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    formula = pc.and_not(pc.match_substring_regex(column, _FORMULA), pc.match_substring_regex(column, _NUMBER))
    quote, nothing = (pa.scalar(text, column.type) for text in ("'", ""))
    return pc.if_else(formula, pc.binary_join_element_wise(quote, column, nothing), column)
