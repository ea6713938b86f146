"""Where an array holds NaN or infinity, and how that is said."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from latens.errors import DataError

__all__ = ["check_finite", "first_infinite", "first_not_finite", "place"]

# Bytes looked at in one go when searching for NaN: a memory-mapped file never becomes resident as a whole.
_BLOCK = 2**24


def place(index: Sequence[int | np.integer], columns: Sequence[str] | None = None) -> str:
    """A position in words: ``row 3, column 2``, ``column 'price', row 3`` or ``row 3, pixel (4, 5)``."""
    row, *rest = (int(i) for i in index)
    if columns is not None:
        return f"column {columns[rest[0]]!r}, row {row} (counted from 0)"
    where = f"column {rest[0]}" if len(rest) == 1 else f"pixel {tuple(rest)}"
    return f"row {row}, {where} (counted from 0)"


def check_finite(values: np.ndarray, name: str, start: int = 0) -> None:
    """Refuse NaN and infinity, naming the first by row (the first one being `start`) and column (or pixel)."""
    first = first_not_finite(values)
    if first is None:
        return
    what = "NaN" if np.isnan(values[first]) else "inf" if values[first] > 0 else "-inf"
    first = (start + first[0], *first[1:])
    way_out = "X = X[np.isfinite(X).all(axis=1)]" if values.ndim == 2 else "np.nan_to_num(X)"
    verb = "drop such rows with" if values.ndim == 2 else "replace it, for instance with"
    raise DataError(f"{name}: {place(first)} is {what}; {verb} {way_out}")


def first_not_finite(values: np.ndarray) -> tuple[int, ...] | None:
    """The index of the first NaN or infinity, row by row, or None."""
    if values.dtype.kind != "f":
        return None
    for start, block in _blocks(values):
        bad = ~np.isfinite(block)
        if bad.any():
            row, *rest = (int(i) for i in np.unravel_index(int(bad.argmax()), block.shape))
            return (start + row, *rest)
    return None


def first_infinite(values: np.ndarray) -> tuple[int, int] | None:
    """The row and column of the first infinity of a table, or None."""
    if values.dtype.kind != "f":
        return None
    for start, block in _blocks(values):
        bad = np.isinf(block)
        if bad.any():
            row, column = np.unravel_index(int(bad.argmax()), block.shape)
            return start + int(row), int(column)
    return None


def _blocks(values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    step = max(1, _BLOCK // max(1, math.prod(values.shape[1:]) * values.dtype.itemsize))
    for start in range(0, len(values), step):
        yield start, values[start : start + step]
