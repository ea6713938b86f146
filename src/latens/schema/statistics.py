"""What the training rows say of the data, in one pass over blocks of them: the same numbers wherever the rows live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from latens.schema.columns import Table

__all__ = ["Numbers", "Samples", "Summary", "extent", "summarise"]

# Rows that are turned into float64 at a time: statistics never hold a second copy of the data.
_CHUNK = 4096


class Samples(Protocol):
    """What a schema needs to see of a source (`latens.data.Source` is one)."""

    @property
    def values(self) -> np.ndarray: ...  # (n, *shape)
    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int | None, ...]: ...
    @property
    def dtype(self) -> np.dtype[np.generic]: ...
    @property
    def columns(self) -> tuple[str, ...] | None: ...
    @property
    def labels(self) -> Mapping[str, np.ndarray]: ...
    @property
    def name(self) -> str: ...
    @property
    def table(self) -> Table | None: ...


class Numbers(Protocol):
    """Sorted row numbers: an array, or what makes them as they are asked for."""

    def __len__(self) -> int: ...
    def __getitem__(self, places: slice, /) -> Any: ...


@dataclass(frozen=True, eq=False)
class Summary:
    """What some rows are like; NaN counts nowhere. Without moments only the extremes of all numbers are known.

    Args:
        low: (features,) or (), the least value.
        high: Likewise the greatest.
        mean: (features,).
        deviation: (features,).
        table: Of a typed table its columns, with what the rows say of them.
    """

    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    table: Table | None = None

    @property
    def extent(self) -> tuple[float, float]:
        """The least and the greatest number of all."""
        low, high = float(np.min(self.low)), float(np.max(self.high))
        return (low, high) if low <= high else (0.0, 0.0)


def summarise(source: Samples, rows: Numbers, moments: bool = True) -> Summary:
    """What some rows of a source are like, read once from the first to the last.

    Args:
        source: The data.
        rows: Sorted numbers of the rows.
        moments: Whether means and deviations are wanted, of samples of one shape.

    Example:
        >>> from latens.data import Source
        >>> found = summarise(Source(np.array([[1.0, 5.0], [3.0, np.nan]])), np.arange(2))
        >>> found.mean.tolist(), found.deviation.tolist(), found.extent
        ([2.0, 5.0], [1.0, 0.0], (1.0, 5.0))
    """
    tallies = [] if source.table is None else source.table.tallies()
    spread, extremes, missing = _Spread(), _Extremes(), False
    with np.errstate(over="ignore", invalid="ignore"):  # whoever scales says that values are too large
        for block in _blocks(source.values, rows):
            # One look says whether anything is missing: a sum with NaN in it is none.
            gaps = bool(np.isnan(block.sum())) and bool(np.isnan(block).any())
            extremes.add(block if moments else block.reshape(-1, 1))
            if moments:
                spread.add(block, gaps)
            for i, tally in tallies:
                tally.add(block[:, i])
            missing = missing or gaps
    table = None if source.table is None else source.table.learned(tallies, missing)
    mean, deviation = spread.result()
    if moments:  # rounding leaves a constant column a little spread
        constant = extremes.low == extremes.high
        mean, deviation = np.where(constant, extremes.low, mean), np.where(constant, 0.0, deviation)
    return Summary(extremes.low, extremes.high, mean, deviation, table)


class _Extremes:
    """The least and the greatest value of each feature."""

    def __init__(self) -> None:
        self.low, self.high = np.array(np.inf), np.array(-np.inf)

    def add(self, block: np.ndarray) -> None:
        self.low = np.fmin(self.low, np.fmin.reduce(block, axis=0, initial=np.inf))
        self.high = np.fmax(self.high, np.fmax.reduce(block, axis=0, initial=-np.inf))


class _Spread:
    """Mean and deviation of each feature, block by block (Chan, Golub & LeVeque, 1983).

    Squares are taken around the block's own mean: around zero a column far from it would lose its spread.
    """

    def __init__(self) -> None:
        self._sum = self._squares = np.zeros(1)
        self._present: Any = 0
        self._mean = np.zeros(1)

    def add(self, block: np.ndarray, gaps: bool) -> None:
        present: Any = (~np.isnan(block)).sum(axis=0) if gaps else len(block)
        total = np.nansum(block, axis=0) if gaps else block.sum(axis=0)
        mean = total / np.maximum(present, 1)
        squares = (block - mean) ** 2
        before = self._present
        apart = np.where(np.minimum(before, present) > 0, mean - self._mean, 0.0)
        self._present = before + present
        share = before * (present / np.maximum(self._present, 1))
        self._squares = self._squares + (np.nansum if gaps else np.sum)(squares, axis=0) + apart**2 * share
        self._sum = self._sum + total
        self._mean = self._sum / np.maximum(self._present, 1)

    def result(self) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(self._mean), np.sqrt(np.asarray(self._squares / np.maximum(self._present, 1)))


def _blocks(values: np.ndarray, rows: Numbers) -> Iterator[np.ndarray]:
    if values.dtype == object:  # images of different sizes: one at a time
        yield from (values[row].reshape(1, -1).astype(np.float64) for row in rows[:])
        return
    for start in range(0, len(rows), _CHUNK):
        block = values[rows[start : start + _CHUNK]]
        yield block.reshape(len(block), -1).astype(np.float64)


def extent(values: np.ndarray, rows: Numbers) -> tuple[float, float]:
    """The least and the greatest number of some rows; NaN counts nowhere."""
    extremes = _Extremes()
    for block in _blocks(values, rows):
        extremes.add(block.reshape(-1, 1))
    return Summary(extremes.low, extremes.high, np.zeros(0), np.zeros(0)).extent
