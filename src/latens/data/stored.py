"""Numbers that stay on disk: they answer to what is asked of an array, and read a block of rows at a time."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from latens.errors import DataError

__all__ = ["Read", "Stored", "is_large", "like_array", "values_checksum"]

# The rows from one to another, of the right shape and dtype, checked.
Read: TypeAlias = Callable[[int, int], np.ndarray]

# Bytes, as the float32 that a network is given, above which data stay on disk.
_LARGE = 2**30
# Bytes that are read in one go.
_STEP = 2**22


def is_large(numbers: int) -> bool:
    """Whether so many numbers stay on disk unless somebody says otherwise."""
    return 4 * numbers > _LARGE


class Stored:
    """Rows of numbers on disk. Going forward is cheap; one thread reads at a time.

    Args:
        shape: (n, *shape).
        dtype: Of the numbers.
        read: What reads the rows from one to another.
        name: What messages call it.

    Example:
        >>> squares = Stored((5, 1), np.dtype("f8"), lambda start, stop: np.arange(start, stop)[:, None] ** 2.0, "x")
        >>> squares[1:3].tolist(), squares[[0, 4]].tolist(), len(squares)
        ([[1.0], [4.0]], [[0.0], [16.0]], 5)
    """

    def __init__(self, shape: Sequence[int], dtype: np.dtype[Any], read: Read, name: str) -> None:
        self.shape, self.dtype, self.name = tuple(shape), np.dtype(dtype), name
        self.ndim = len(self.shape)
        self._read, self._lock = read, threading.Lock()
        self._next = 0  # the row after the last one that was read
        self._summed, self._sum = 0, 0  # rows that are in the checksum, and what it is so far
        row = max(1, int(np.prod(self.shape[1:])) * self.dtype.itemsize)
        self.step = max(1, _STEP // row)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The rows of a slice, of one number (without the first dimension), of several, or of a mask."""
        if isinstance(rows, slice):
            start, stop, stride = rows.indices(len(self))
            return self._joined(start, max(start, stop)) if stride == 1 else self[np.arange(start, stop, stride)]
        if isinstance(rows, (int, np.integer)):
            row = range(len(self))[rows]
            return cast(np.ndarray, self._block(row, row + 1)[0])
        rows = np.asarray(rows)
        rows = np.flatnonzero(rows) if rows.dtype == bool else np.where(rows < 0, rows + len(self), rows)
        if len(rows) < 2 or (np.diff(rows) > 0).all():
            return self._chosen(rows)
        order = np.argsort(rows, kind="stable")
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        found[order] = self._chosen(rows[order])
        return found

    def __iter__(self) -> Iterator[np.ndarray]:
        for _, block in self.blocks():
            yield from block

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it, in memory, for whoever knows that it fits."""
        return self[:].astype(dtype or self.dtype, copy=False)

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Everything once, some rows at a time, each block with the number of its first row."""
        for start in range(0, len(self), self.step):
            yield start, self[start : start + self.step]

    def mapped(self, function: Callable[[np.ndarray, int], np.ndarray], width: int | None = None) -> Stored:
        """The same rows as a function of a block and the number of its first row sees them.

        Args:
            function: Of blocks (m, *shape); it keeps m and the dtype.
            width: Columns that it gives, if others than there are.
        """
        shape = self.shape if width is None else (len(self), width)
        return Stored(shape, self.dtype, lambda start, stop: function(self[start:stop], start), self.name)

    def checksum(self) -> int:
        """A number that changes with the values; free if all have been read from the first to the last."""
        while self._summed < len(self):
            self._block(self._summed, min(self._summed + self.step, len(self)))
        return self._sum

    def _joined(self, start: int, stop: int) -> np.ndarray:
        if stop - start <= self.step:
            return self._block(start, stop)
        found = np.empty((stop - start, *self.shape[1:]), self.dtype)
        for first in range(start, stop, self.step):
            block = self._block(first, min(first + self.step, stop))
            found[first - start : first - start + len(block)] = block
        return found

    def _chosen(self, rows: np.ndarray) -> np.ndarray:
        """Sorted rows, each once or several times: what lies between near ones is read with them."""
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        place = 0
        while place < len(rows):
            first = int(rows[place])
            if 0 <= first - self._next <= self.step:
                first = self._next  # reading on is cheaper than a jump, and completes the checksum
            end = int(np.searchsorted(rows, first + self.step, side="left"))
            end = max(end, place + 1)
            block = self._block(first, int(rows[end - 1]) + 1)
            found[place:end] = block[rows[place:end] - first]
            place = end
        return found

    def _block(self, start: int, stop: int) -> np.ndarray:
        if stop <= start:
            return np.empty((0, *self.shape[1:]), self.dtype)
        with self._lock:
            block = self._read(start, stop)
            if block.shape != (stop - start, *self.shape[1:]):
                raise DataError(f"{self.name}: rows {start} to {stop} are not there any more; give it the whole file")
            if start <= self._summed < stop and self.dtype != object:
                self._sum = zlib.crc32(np.ascontiguousarray(block[self._summed - start :]).data, self._sum)
                self._summed = stop
            self._next = stop
            return block


def like_array(values: Stored) -> np.ndarray:
    """`values` where an array is expected: whoever gets it asks for its length, shape, dtype and blocks of its rows."""
    return cast(np.ndarray, values)


def values_checksum(values: np.ndarray) -> int:
    """A number that changes with the values; the same for those on disk and those in memory."""
    if isinstance(values, Stored):
        return values.checksum()
    return zlib.crc32(np.ascontiguousarray(values).data)
