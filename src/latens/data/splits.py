"""Which rows are learned from and which are held out, without a list of them where they are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from latens.errors import ConfigError, DataError, finite

__all__ = ["Chosen", "Rows", "before", "everything", "split", "split_rows"]

# Rows that are split together; more are split block by block.
_BLOCK = 2**20


class Chosen:
    """Sorted row numbers of data with very many rows, made as they are asked for.

    Args:
        n: Rows there are.
        counts: How many of each block of `block` rows are chosen.
        of: A block's number to those chosen of it, counted from the block's beginning, sorted.
        block: Rows of a block.

    Example:
        >>> even = Chosen(10, np.array([2, 2, 1]), lambda block: np.arange(0, 4 if block < 2 else 2, 2), block=4)
        >>> len(even), even[1:4].tolist(), even.before(5)
        (5, [2, 4, 6], 3)
    """

    def __init__(self, n: int, counts: np.ndarray, of: Callable[[int], np.ndarray], block: int) -> None:
        self.n, self.block = n, block
        self._ends = np.cumsum(counts)
        self._of = lru_cache(maxsize=2)(of)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, places: slice) -> np.ndarray:
        start, stop, _ = places.indices(len(self))
        return np.concatenate([np.zeros(0, dtype=np.int64), *self._parts(start, stop)])

    def _parts(self, start: int, stop: int) -> Iterator[np.ndarray]:
        number = int(np.searchsorted(self._ends, start, side="right"))
        while start < stop:
            begin = int(self._ends[number - 1]) if number else 0
            end = min(stop, int(self._ends[number]))
            if end > start:
                yield number * self.block + self._of(number)[start - begin : end - begin]
            start, number = max(start, end), number + 1

    def before(self, row: int) -> int:
        """How many chosen rows come before `row`."""
        number, rest = divmod(min(row, self.n), self.block)
        begin = int(self._ends[number - 1]) if number else 0
        return begin + (int(np.searchsorted(self._of(number), rest)) if rest else 0)


Rows: TypeAlias = "np.ndarray | Chosen"


def before(rows: Rows, limits: np.ndarray) -> np.ndarray:
    """How many of some sorted row numbers come before each of the limits: as many numbers, int64.

    Example:
        >>> before(np.array([1, 4, 6, 9]), np.array([0, 4, 7])).tolist()
        [0, 1, 3]
    """
    if isinstance(rows, Chosen):
        return np.array([rows.before(int(limit)) for limit in limits], dtype=np.int64)
    return np.searchsorted(rows, limits).astype(np.int64)


def everything(n: int) -> Rows:
    """All of `n` rows."""
    if n <= _BLOCK:
        return np.arange(n)
    counts = np.array([min(_BLOCK, n - start) for start in range(0, n, _BLOCK)])
    return Chosen(n, counts, lambda block: np.arange(counts[block]), _BLOCK)


def split(n: int, validation_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and the rows held out, each sorted; a function of the three arguments and nothing else.

    More than a million rows (2**20) are split block by block, each block with that share.

    Args:
        n: Rows there are.
        validation_fraction: Of them held out, in [0, 1): rounded, at least one row unless it is 0, and never all.
        seed: Of the permutation.

    Raises:
        DataError: There is only 1 sample.
        ConfigError: The fraction is out of range.

    Example:
        >>> train, validation = split(10, 0.2, seed=0)
        >>> len(train), len(validation)
        (8, 2)
    """
    train, held_out = split_rows(n, validation_fraction, seed)
    return np.asarray(train[:]), np.asarray(held_out[:])


def split_rows(n: int, validation_fraction: float, seed: int) -> tuple[Rows, Rows]:
    """What `split` gives, without a list of the rows if they are many."""
    fraction = finite("validation_fraction", validation_fraction, at_least=0.0, at_most=1.0)
    if fraction == 1.0:
        raise ConfigError(
            "validation_fraction=1.0 is out of range; use a number below 1, or there are no rows to learn from"
        )
    if n < 2:
        raise DataError(f"{n} sample{'s' * (n != 1)} cannot be learned from; give it at least 2 rows")
    if n <= _BLOCK:
        return _split_block(n, fraction, seed, None)
    sizes = np.array([min(_BLOCK, n - start) for start in range(0, n, _BLOCK)])
    held_out = np.array([_held_out(int(size), fraction) for size in sizes])
    both = lru_cache(maxsize=2)(lambda block: _split_block(int(sizes[block]), fraction, seed, block))
    return (
        Chosen(n, sizes - held_out, lambda block: both(block)[0], _BLOCK),
        Chosen(n, held_out, lambda block: both(block)[1], _BLOCK),
    )


def _held_out(n: int, fraction: float) -> int:
    return min(n - 1, max(1, round(n * fraction))) if fraction > 0 else 0


def _split_block(n: int, fraction: float, seed: int, block: int | None) -> tuple[np.ndarray, np.ndarray]:
    from latens.seeds import split_order

    order, held_out = split_order(n, seed, block), _held_out(n, fraction)
    return np.sort(order[held_out:]), np.sort(order[:held_out])
