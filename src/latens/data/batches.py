"""Rows to train on: one tensor on the device, indexed batch by batch, never collated item by item."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

from latens.data.orders import EpochOrder, group_bounds, window_rows
from latens.data.splits import before
from latens.data.stored import values_checksum
from latens.schema import Samples, Schema
from latens.seeds import Keyed, Pool, keyed

__all__ = [
    "EVALUATION_BATCH",
    "Batch",
    "Marks",
    "ResidentData",
    "ResidentRows",
    "Rows",
    "SampleData",
    "TrainingData",
    "checksum",
    "limits",
    "marks_of",
    "resident",
    "steps_of",
]

# Rows of an evaluation batch, and rows scaled at a time on the way to the device.
EVALUATION_BATCH = 1024
_CHUNK = 4096

# What tells data from others: checksums by name.
Marks: TypeAlias = dict[str, int]


class Rows(Protocol):
    """The role: what a training loop visits. Its length is the number of things that a loss is the mean over."""

    @property
    def seed(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def steps(self) -> int: ...
    def __len__(self) -> int: ...
    def batches(self, epoch: int, start: int = 0) -> Iterator[Any]: ...
    def in_order(self) -> Iterator[Any]: ...
    def identity(self) -> dict[str, Any]: ...


@dataclass(frozen=True, eq=False)
class Batch:
    """What an autoencoder's loss sees.

    Args:
        x: (B, *shape), scaled.
        target: (B, *shape), what to predict: x itself, or the clean partner of paired data.
        random: The rows' random draws in this epoch.
    """

    x: Tensor
    target: Tensor
    random: Keyed

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True, eq=False)
class ResidentRows:
    """Some rows of a tensor, visited in an order that is a function of (seed, epoch).

    Args:
        x: (n, *shape) on the device, all rows.
        target: The same shape; may be `x` itself.
        rows: (m,) int64 on the device, the rows to visit.
        batch_size: Rows a step. A last batch of one joins the one before: batch statistics need two.
        seed: The run's seed.
        groups: (g + 1,) int64, where the data's own groups of rows begin and the last one ends; None for data without.
        marks: What tells the data from others; None for the checksums of the tensors.
    """

    x: Tensor
    target: Tensor
    rows: Tensor
    batch_size: int
    seed: int
    groups: np.ndarray | None = None
    marks: Callable[[], Marks] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return steps_of(len(self), self.batch_size)

    def identity(self) -> dict[str, Any]:
        """What two fits on the same data have in common."""
        same = {"seed": self.seed, "batch_size": self.batch_size, "rows": len(self)}
        tensors = self.marks or (lambda: {"data": checksum(self.x), "target": checksum(self.target)})
        return same | tensors()

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The epoch's batches from step `start` on: resuming is one integer. Rows of a window may lend values."""
        order = self._order(epoch)
        shuffled = self.rows[torch.from_numpy(order.all()).to(self.rows.device)]
        window, pool = -1, None
        for step in range(start, self.steps):
            first, last = limits(step, len(self), self.batch_size)
            if window != first // order.window:
                window = first // order.window
                pool = self._pool(order, window)
            yield self._batch(shuffled[first:last], epoch, pool)

    def in_order(self) -> Iterator[Batch]:
        """All rows once, in their own order, for evaluation."""
        for rows in torch.split(self.rows, EVALUATION_BATCH):
            yield self._batch(rows, epoch=0)

    def _order(self, epoch: int) -> EpochOrder:
        shape = self.x.shape[1:]
        groups = group_bounds(len(self.x), shape) if self.groups is None else self.groups
        return EpochOrder(self.seed, epoch, before(self.rows.cpu().numpy(), groups), window_rows(shape))

    def _pool(self, order: EpochOrder, window: int) -> Pool:
        """The rows that a window visits."""
        if len(order) == 1:
            return Pool(self.x, self.rows)
        return Pool(self.x, torch.cat([self.rows[start:stop] for start, stop in order.spans(window)]))

    def _batch(self, index: Tensor, epoch: int, pool: Pool | None = None) -> Batch:
        x = self.x.index_select(0, index)
        target = x if self.target is self.x else self.target.index_select(0, index)
        return Batch(x, target, keyed(self.seed, epoch, index, pool))


Visited = TypeVar("Visited", bound=Rows, covariant=True)


@dataclass(frozen=True, eq=False)
class TrainingData(Generic[Visited]):
    """The rows to learn from and the rows held out (none if there is no split)."""

    train: Visited
    validation: Visited


ResidentData: TypeAlias = TrainingData[ResidentRows]
# Rows whose batches are of samples, wherever they live.
SampleData: TypeAlias = TrainingData[Rows]


def steps_of(n: int, batch_size: int) -> int:
    """Batches of an epoch of `n` rows; a last batch of one joins the one before.

    Example:
        >>> steps_of(21, 10), steps_of(22, 10)
        (2, 3)
    """
    full, rest = divmod(n, batch_size)
    return max(1, full + (rest > 1)) if n else 0


def limits(step: int, n: int, batch_size: int) -> tuple[int, int]:
    """From which to which of the `n` rows in the order of an epoch a step goes."""
    last = step == steps_of(n, batch_size) - 1
    return step * batch_size, n if last else (step + 1) * batch_size


def marks_of(x: Samples, target: Samples, schema: Schema) -> Marks:
    """What tells data from others: the checksums of its values as they are, and of what scales them."""
    parts = (part.astype(np.float64).tobytes() for part in schema.arrays().values())
    scaling = zlib.crc32(b"".join(parts), zlib.crc32(schema.scaling.name.encode()))
    data = values_checksum(x.values)
    return {"data": data, "target": data if target is x else values_checksum(target.values), "scaling": scaling}


def checksum(x: Tensor) -> int:
    """A number that changes with the tensor's bytes."""
    flat = x.detach().cpu().contiguous().flatten()
    return zlib.crc32(flat.view(torch.uint8).numpy().data)


def resident(source: Samples, schema: Schema, device: torch.device) -> Tensor:  # -> (n, *shape) float32
    """The source's values, scaled, as one float32 tensor on the device."""
    values = source.values
    tensor = torch.empty(values.shape, dtype=torch.float32)
    for start in range(0, len(values), _CHUNK):
        block = np.ascontiguousarray(schema.scale_values(values[start : start + _CHUNK]), dtype=np.float32)
        tensor[start : start + len(block)] = torch.from_numpy(block)
    return tensor.to(device)
