"""Training data that fits: one tensor on the device, indexed batch by batch, never collated item by item."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeAlias, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from latens.ranks import WHOLE, Share
from latens.schema import Samples, Schema
from latens.seeds import Keyed, Pool, keyed, order

__all__ = ["Batch", "ResidentData", "ResidentRows", "Rows", "TrainingData", "checksum", "resident"]

# Rows scaled at a time on the way to the device, and rows of an evaluation batch.
_CHUNK = 4096
_EVALUATION_BATCH = 1024


class Rows(Protocol):
    """The role, a dataclass: what a training loop visits. Its length is what a loss is the mean over, of all ranks.

    Where several processes train together, each draws the same batches and reads its share of each.
    """

    @property
    def seed(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def share(self) -> Share: ...
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
        share: This rank's part of each batch; all of it if left out.
    """

    x: Tensor
    target: Tensor
    rows: Tensor
    batch_size: int
    seed: int
    share: Share = WHOLE

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        full, rest = divmod(len(self), self.batch_size)
        return max(1, full + (rest > 1)) if len(self) else 0

    def identity(self) -> dict[str, Any]:
        """What two fits on the same data have in common."""
        same = {"seed": self.seed, "batch_size": self.batch_size, "rows": len(self)}
        return same | {"data": checksum(self.x), "target": checksum(self.target)}

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The epoch's batches from step `start` on: resuming is one integer. These rows may lend each other values."""
        pool = Pool(self.x, self.rows)
        shuffled = self.rows[torch.from_numpy(order(self.seed, epoch, len(self))).to(self.rows.device)]
        for step in range(start, self.steps):
            last = step == self.steps - 1
            index = shuffled[step * self.batch_size : None if last else (step + 1) * self.batch_size]
            yield self._batch(index[self.share.of(len(index))], epoch, pool)

    def in_order(self) -> Iterator[Batch]:
        """All rows once, in their own order, for evaluation; of several ranks each every so many batches."""
        for unit, rows in enumerate(torch.split(self.rows, self._evaluation_batch)):
            if self.share.deals(unit):
                yield self._batch(rows, epoch=0)

    @property
    def _evaluation_batch(self) -> int:
        return _EVALUATION_BATCH

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

    def shared(self, share: Share) -> TrainingData[Visited]:
        """The same rows, of which one of several ranks visits its share."""
        train, validation = (cast(Any, replace)(rows, share=share) for rows in (self.train, self.validation))
        return TrainingData(train, validation)


ResidentData: TypeAlias = TrainingData[ResidentRows]


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
