"""In which order an epoch visits the rows: a function of (seed, epoch) and of the data's groups, wherever they live.

Rows that fit into one window are visited in any order. Of more rows the groups are put into a random order, what they
hold is laid end to end and cut into windows, and the rows of each window are visited in any order: whoever reads from a
disk reads whole groups, and holds a window at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from latens.seeds import group_order, order, window_order

__all__ = ["EpochOrder", "group_bounds", "window_rows"]

# Bytes of the rows, as the float32 that a network is given, which are put into a random order together.
_WINDOW = 2**28
# The same of what is read in one go where the data say nothing of groups.
_GROUP = 2**22
# Bytes that are held of a row beside itself: its number, its place, and where it is visited.
_BESIDE = 32


def window_rows(shape: Sequence[int]) -> int:
    """How many rows of a shape are in a window.

    Example:
        >>> window_rows((784,))
        84733
    """
    return max(2, _WINDOW // (4 * max(1, math.prod(shape)) + _BESIDE))


def group_bounds(n: int, shape: Sequence[int]) -> np.ndarray:
    """Where groups of `n` rows begin and the last one ends, of data that have none of their own: (g + 1,) int64.

    Example:
        >>> group_bounds(10_000, (256,)).tolist()
        [0, 4096, 8192, 10000]
    """
    size = max(1, _GROUP // (4 * max(1, math.prod(shape))))
    return np.append(np.arange(0, n, size, dtype=np.int64), np.int64(n))


class EpochOrder:
    """The order of one epoch, window by window.

    Rows are called by their place among those that are visited, from 0.

    Args:
        seed: The run's seed.
        epoch: From 0.
        bounds: (g + 1,) int64, the places at which groups begin and the last one ends.
        window: Rows of a window.

    Example:
        >>> whole = EpochOrder(seed=0, epoch=3, bounds=np.array([0, 2, 5]), window=9)
        >>> whole.all().tolist() == order(seed=0, epoch=3, n=5).tolist()
        True
        >>> parts = EpochOrder(seed=0, epoch=0, bounds=np.array([0, 2, 5]), window=3)
        >>> len(parts), parts.spans(0), parts.spans(1), sorted(parts.all().tolist())
        (2, [(0, 2), (2, 3)], [(3, 5)], [0, 1, 2, 3, 4])
    """

    def __init__(self, seed: int, epoch: int, bounds: np.ndarray, window: int) -> None:
        self.seed, self.epoch, self.window = seed, epoch, window
        self.n = int(bounds[-1])
        if self.n <= window:
            bounds, groups = np.array([0, self.n]), np.zeros(1, dtype=np.int64)
        else:
            groups = group_order(seed, epoch, len(bounds) - 1)
        self._starts, lengths = bounds[:-1][groups], np.diff(bounds)[groups]
        self._ends = np.cumsum(lengths)  # of the groups, laid end to end

    def __len__(self) -> int:
        """How many windows there are."""
        return -(-self.n // self.window)

    def length(self, number: int) -> int:
        """How many rows a window has."""
        return min(self.window, self.n - number * self.window)

    def spans(self, number: int) -> list[tuple[int, int]]:
        """What a window reads, in this order: runs of places, each from its first to the one after its last."""
        first = number * self.window
        last = first + self.length(number)
        found = []
        for group in range(int(np.searchsorted(self._ends, first, side="right")), len(self._ends)):
            end = int(self._ends[group])
            start = int(self._starts[group])
            begin = end - self._length(group)
            if begin >= last:
                break
            span = start + max(first, begin) - begin, start + min(last, end) - begin
            if span[0] < span[1]:
                found.append(span)
        return found

    def _length(self, group: int) -> int:
        return int(self._ends[group] - (self._ends[group - 1] if group else 0))

    def shuffled(self, number: int) -> np.ndarray:
        """The order in which the rows that a window has read are visited: (w,) int64, places in the window."""
        if self.n <= self.window:
            return order(self.seed, self.epoch, self.n)
        return window_order(self.seed, self.epoch, number, self.length(number))

    def places(self, number: int) -> np.ndarray:
        """The places that a window visits, in order: (w,) int64."""
        read = np.concatenate([np.arange(*span) for span in self.spans(number)])
        return np.asarray(read[self.shuffled(number)])

    def all(self) -> np.ndarray:
        """The places of all windows, in order: (n,) int64."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *map(self.places, range(len(self)))])
