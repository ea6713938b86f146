"""Training data that does not fit: read from disk window by window, visited in the order it would have in memory."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latens.data.ahead import Ahead
from latens.data.batches import EVALUATION_BATCH, Batch, limits, marks_of, steps_of
from latens.data.orders import EpochOrder, group_bounds, window_rows
from latens.data.splits import Rows, before
from latens.schema import Samples, Schema
from latens.seeds import Pool, keyed

__all__ = ["Streamed", "StreamedRows"]

# Numbers that are read and scaled in one go.
_NUMBERS = 2**20


@dataclass(frozen=True, eq=False)
class Streamed:
    """Data on disk as a network sees it: blocks of rows, scaled, on the device.

    Args:
        x: The data; its values or those of `target` are on disk.
        target: What to predict; may be `x` itself.
        schema: Of both.
        device: Where a network is.
        groups: (g + 1,) int64, where the data's own groups of rows begin and the last one ends; None for data without.
    """

    x: Samples
    target: Samples
    schema: Schema
    device: torch.device
    groups: np.ndarray | None = None

    @property
    def bounds(self) -> np.ndarray:
        """Where groups of rows begin and the last one ends."""
        return group_bounds(len(self.x.values), self.shape) if self.groups is None else self.groups

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.x.values.shape[1:])

    def rows(self, numbers: np.ndarray, check: Callable[[], None] = lambda: None) -> tuple[Tensor, Tensor]:
        """The rows of these numbers, x and target: each (m, *shape) float32.

        Args:
            numbers: (m,) int64, sorted but for a few places.
            check: Called between blocks.
        """
        x = self._scaled(self.x.values, numbers, check)
        return x, x if self.target is self.x else self._scaled(self.target.values, numbers, check)

    def _scaled(self, values: np.ndarray, numbers: np.ndarray, check: Callable[[], None]) -> Tensor:
        found = torch.empty((len(numbers), *self.shape), dtype=torch.float32)
        place = 0
        for some in _blocks(numbers, max(1, _NUMBERS // max(1, math.prod(self.shape)))):
            check()
            block = np.ascontiguousarray(self.schema.scale_values(values[some]), dtype=np.float32)
            found[place : place + len(block)] = torch.from_numpy(block)
            place += len(block)
        return found.to(self.device)


def _blocks(numbers: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Parts of at most `size` numbers, each of them sorted: one part does not reach into two groups."""
    for run in np.split(numbers, np.flatnonzero(np.diff(numbers) < 0) + 1):
        yield from (run[start : start + size] for start in range(0, len(run), size))


@dataclass(frozen=True, eq=False)
class _Window:
    """Rows that are in memory, and from where to where they are in the order of the epoch."""

    x: Tensor
    target: Tensor
    numbers: Tensor  # what the rows are called in the data
    order: Tensor  # in which they are visited
    start: int

    @property
    def stop(self) -> int:
        return self.start + len(self.order)

    @cached_property
    def pool(self) -> Pool:
        """The rows that may lend values to those of a batch that begins in the window."""
        return Pool(self.x, torch.arange(len(self.x), device=self.x.device), self.numbers)

    def batch(self, first: int, last: int) -> tuple[Tensor, Tensor, Tensor]:
        """x, target and numbers of those rows that are in the epoch's order from first to last."""
        places = self.order[max(0, first - self.start) : last - self.start]
        x = self.x.index_select(0, places)
        target = x if self.target is self.x else self.target.index_select(0, places)
        return x, target, self.numbers[places]


@dataclass(frozen=True, eq=False)
class StreamedRows:
    """Some rows of data on disk, visited as `ResidentRows` visits them: the same batches, bit for bit.

    At most two windows are in memory: the one that is visited, and the one after it, which a thread reads meanwhile.

    Args:
        data: All rows.
        chosen: Sorted numbers of those to visit.
        batch_size: Rows a step. A last batch of one joins the one before: batch statistics need two.
        seed: The run's seed.
    """

    data: Streamed
    chosen: Rows
    batch_size: int
    seed: int

    def __len__(self) -> int:
        return len(self.chosen)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return steps_of(len(self), self.batch_size)

    def identity(self) -> dict[str, Any]:
        """What two fits on the same data have in common."""
        same = {"seed": self.seed, "batch_size": self.batch_size, "rows": len(self)}
        return same | marks_of(self.data.x, self.data.target, self.data.schema)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The epoch's batches from step `start` on; nothing before the window of that step is read."""
        bounds = before(self.chosen, self.data.bounds)
        order = EpochOrder(self.seed, epoch, bounds, window_rows(self.data.shape))
        held: deque[_Window] = deque()
        numbers = range(start * self.batch_size // order.window, len(order))
        with Ahead(lambda number, check: self._window(order, number, check), numbers) as windows:
            for step in range(start, self.steps):
                first, last = limits(step, len(self), self.batch_size)
                while held and held[0].stop <= first:
                    held.popleft()
                while not held or held[-1].stop < last:
                    held.append(windows.take())
                if len(held) == 1:  # between two windows both are in memory: a third one has to wait
                    windows.prepare()
                yield self._batch(held, first, last, epoch)

    def in_order(self) -> Iterator[Batch]:
        """All rows once, in their own order, for evaluation."""
        starts = range(0, len(self), EVALUATION_BATCH)
        with Ahead(self._in_order, starts) as batches:
            yield from batches

    def _in_order(self, start: int, check: Callable[[], None]) -> Batch:
        numbers = np.asarray(self.chosen[start : start + EVALUATION_BATCH])
        x, target = self.data.rows(numbers, check)
        return Batch(x, target, keyed(self.seed, 0, torch.from_numpy(numbers).to(x.device)))

    def _window(self, order: EpochOrder, number: int, check: Callable[[], None]) -> _Window:
        numbers = np.concatenate([self.chosen[start:stop] for start, stop in order.spans(number)])
        x, target = self.data.rows(numbers, check)
        called, visits = (torch.from_numpy(part).to(x.device) for part in (numbers, order.shuffled(number)))
        return _Window(x, target, called, visits, number * order.window)

    def _batch(self, held: deque[_Window], first: int, last: int, epoch: int) -> Batch:
        xs, targets, numbers = zip(*(window.batch(first, last) for window in held), strict=True)
        x, index = _joined(xs), _joined(numbers)
        target = x if held[0].target is held[0].x else _joined(targets)
        return Batch(x, target, keyed(self.seed, epoch, index, held[0].pool))


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(parts)
