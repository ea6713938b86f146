"""Sequences to learn from: one long tensor of items, read window by window, every item scored once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latens.data.batches import checksum
from latens.errors import DataError
from latens.ranks import WHOLE, Share
from latens.seeds import Keyed, keyed, order

__all__ = [
    "EVALUATION_CHUNK",
    "SequenceBatch",
    "SequenceRows",
    "Windows",
    "aligned_windows",
    "patch_windows",
    "plain_windows",
    "split_sequences",
]

# Items of an evaluation batch, and of one of its windows: long ones, so that few items lack what came before them.
_EVALUATION_ITEMS, EVALUATION_CHUNK = 1 << 14, 1024
# Batches' worth of windows that are put in order of length at a time, so that little of a batch is padding.
_BUCKET = 32


@dataclass(frozen=True, eq=False)
class Windows:
    """Which items are read and which are scored, window by window.

    Args:
        start: (m,) int64, the first item that is read.
        first: (m,) int64, the first item that is scored: `start` itself where a sequence begins, a later one where
            those before were scored by another window.
        stop: (m,) int64, the end of what is scored.
        stride: Places from an item to the next; more than 1 where items are several steps of a series.
    """

    start: np.ndarray
    first: np.ndarray
    stop: np.ndarray
    stride: int = 1

    def __len__(self) -> int:
        return len(self.start)

    @property
    def scored(self) -> np.ndarray:
        """Items that each window scores."""
        return np.asarray((self.stop - self.first) // self.stride)

    @property
    def lengths(self) -> np.ndarray:
        """Items that each window has to read to score them."""
        return np.asarray(np.maximum((self.stop - self.start) // self.stride - 1, 1))

    @property
    def opening(self) -> np.ndarray:
        """Whether a window is the first one of its sequence."""
        return np.asarray(self.first == self.start)


def plain_windows(offsets: np.ndarray, chunk: int) -> Windows:
    """One window after another: window i of a sequence reads s[i·c : i·c + c] and scores s[i·c + 1 : i·c + c + 1].

    Nothing is lost: the last window is as short as it has to be, and the first item is scored too, from nothing.

    Args:
        offsets: (n + 1,) int64, where the sequences begin and the last one ends.
        chunk: Items read by a window, c.

    Example:
        >>> windows = plain_windows(np.array([0, 5]), chunk=2)
        >>> windows.start.tolist(), windows.first.tolist(), windows.stop.tolist()
        ([0, 2], [0, 3], [3, 5])
    """
    begin, end = offsets[:-1], offsets[1:]
    counts = np.where(end > begin, np.maximum(-(-(end - begin - 1) // chunk), 1), 0)
    number = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    start = np.repeat(begin, counts) + number * chunk
    stop = np.minimum(start + chunk + 1, np.repeat(end, counts))
    return Windows(start, start + (number > 0), stop)


def aligned_windows(offsets: np.ndarray, chunk: int, line_starts: np.ndarray) -> Windows:
    """Windows that start only where a line starts, and therefore overlap; an item is scored by the first that reads it.

    Only a line that is longer than a window is gone on with where the window before ended.

    Args:
        offsets: (n + 1,) int64, where the sequences begin and the last one ends.
        chunk: Items read by a window.
        line_starts: Sorted positions of the items after a newline, int64.

    Example:
        >>> windows = aligned_windows(np.array([0, 9]), chunk=4, line_starts=np.array([3, 6]))
        >>> windows.start.tolist(), windows.first.tolist(), windows.stop.tolist()
        ([0, 3, 6], [0, 5, 8], [5, 8, 9])
    """
    found: list[tuple[int, int, int]] = []
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        start = first = begin
        while first < end:
            stop = min(start + chunk + 1, end)
            found.append((start, first, stop))
            before = int(np.searchsorted(line_starts, stop - 1, side="right"))
            line = int(line_starts[before - 1]) if before else begin
            start, first = (line if start < line else stop - 1), stop
    return Windows(*np.array(found, dtype=np.int64).reshape(-1, 3).T)


def patch_windows(offsets: np.ndarray, chunk: int, patch: int, *, shifted: bool) -> Windows:
    """Plain windows over series whose items are patches of P steps, in places of steps.

    A series of T steps has P ways to be cut into patches, and `shifted` goes through all of them, so that a patch may
    begin at any step. A patch is only read whole: of each way fewer than P steps are left over.

    Args:
        offsets: (n + 1,) int64, where the series begin and the last one ends, in steps.
        chunk: Items read by a window, c.
        patch: Steps in an item, P.
        shifted: All P ways, or only the one that begins with the series.

    Example:
        >>> windows = patch_windows(np.array([0, 9]), chunk=2, patch=4, shifted=True)
        >>> windows.start.tolist(), windows.stop.tolist(), windows.scored.tolist()
        ([0, 1, 2, 3], [8, 9, 6, 7], [2, 2, 1, 1])
    """
    found = []
    for shift in range(patch if shifted else 1):
        begin = offsets[:-1] + shift
        items = np.concatenate([[0], np.cumsum(np.maximum(offsets[1:] - begin, 0) // patch)]).astype(np.int64)
        windows = plain_windows(items, chunk)
        series = np.searchsorted(items, windows.start, side="right") - 1
        places = np.stack([windows.start, windows.first, windows.stop])
        found.append(begin[series] + patch * (places - items[series]))
    start, first, stop = np.concatenate(found, axis=1)
    return Windows(start, first, stop, patch)


def split_sequences(offsets: np.ndarray, validation_fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """The offsets of the first items, to learn from, and of the last ones, held out; the cut is one place.

    It lies between two sequences where that changes the share by less than a fifth of it, else inside of one. No window
    of the one part reads an item of the other.

    Args:
        offsets: (n + 1,) int64.
        validation_fraction: Share of the items to hold out, in [0, 1).

    Raises:
        DataError: There are fewer than 2 items to learn from.

    Example:
        >>> split_sequences(np.array([0, 100]), 0.1)
        (array([ 0, 90]), array([ 90, 100]))
    """
    begin, end = int(offsets[0]), int(offsets[-1])
    held_out = max(round((end - begin) * validation_fraction), int(validation_fraction > 0))
    cut = end - held_out
    nearest = int(offsets[np.abs(offsets - cut).argmin()])
    if begin < nearest < end and abs(nearest - cut) <= held_out / 5:
        cut = nearest
    if cut - begin < 2:
        n = f"{end - begin} item{'s are' if end - begin != 1 else ' is'}"
        raise DataError(f"{n} too few with validation_fraction={validation_fraction}; give it more")
    inner = offsets[(offsets > begin) & (offsets < end)]
    return np.concatenate([[begin], inner[inner < cut], [cut]]), np.concatenate([[cut], inner[inner > cut], [end]])


@dataclass(frozen=True, eq=False)
class SequenceBatch:
    """What a sequence model's loss sees.

    Args:
        items: (B, T + 1) int64 ids or (B, T + 1, d) values; the model reads the first T and predicts all, the first one
            from nothing.
        scored: (B, T + 1) bool, which predictions count.
        count: How many do.
        random: The windows' random draws in this epoch.
        fresh: (B,) bool, which windows begin with an empty state; None if all do.
    """

    items: Tensor
    scored: Tensor
    count: int
    random: Keyed
    fresh: Tensor | None = None

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, eq=False)
class SequenceRows:
    """Windows of a long tensor of items, visited in an order that is a function of (seed, epoch).

    Args:
        items: (N,) ids of any whole dtype, in memory, on the device or memory-mapped; or (N, d) float32 values.
        windows: To visit.
        batch_size: Windows a step.
        seed: The run's seed.
        device: Where batches go.
        carry: Windows follow one another in each row of a batch, so that a state can be carried from step to step; the
            order is then the same in every epoch.
        share: This rank's part of each batch; all of it if left out.
    """

    items: Tensor
    windows: Windows
    batch_size: int
    seed: int
    device: torch.device
    carry: bool = False
    share: Share = WHOLE

    def __len__(self) -> int:
        """Scored items: what the loss is a mean over."""
        return int(self.windows.scored.sum())

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.windows) // self.batch_size)

    def identity(self) -> dict[str, Any]:
        """What two fits on the same data have in common."""
        places = np.stack([self.windows.start, self.windows.first, self.windows.stop])
        return {
            "seed": self.seed,
            "batch_size": self.batch_size,
            "rows": len(self),
            "windows": checksum(torch.from_numpy(places)),
            "carry": self.carry,
            "data": checksum(self._once()),
        }

    def _once(self) -> Tensor:
        """The items without those that overlap, which would be many times the data."""
        stride = self.windows.stride
        return self.items if stride == 1 else torch.cat([self.items[::stride], self.items[-1:]])

    def batches(self, epoch: int, start: int = 0) -> Iterator[SequenceBatch]:
        """The epoch's batches from step `start` on: resuming is one integer."""
        plan = self._streams() if self.carry else self._shuffled(epoch)
        for step in range(start, self.steps):
            # A rank carries the states of the same rows in all steps, also where the last rows have ended.
            mine = plan[step][self.share.of(self.batch_size if self.carry else len(plan[step]))]
            yield self._batch(mine, epoch, self._fresh(mine, step) if self.carry else None)

    def in_order(self) -> Iterator[SequenceBatch]:
        """All windows once, in their own order, for evaluation; of several ranks each every so many batches."""
        size = max(1, _EVALUATION_ITEMS // int(self.windows.lengths.max(initial=1)))
        for _, mine in self.share.blocks(len(self.windows), size):
            yield self._batch(np.arange(mine.start, mine.stop), epoch=0)

    def _shuffled(self, epoch: int) -> list[np.ndarray]:
        """A random order; where lengths differ, windows of a batch are of about one length, and the batches random."""
        shuffled = order(self.seed, epoch, len(self.windows))
        lengths = self.windows.lengths[shuffled]
        if lengths.mean() > 0.9 * lengths.max():
            return [shuffled[i : i + self.batch_size] for i in range(0, len(shuffled), self.batch_size)]
        bucket = np.arange(len(shuffled)) // (_BUCKET * self.batch_size)
        sorted_by_length = shuffled[np.lexsort((lengths, bucket))]
        batches = [sorted_by_length[i : i + self.batch_size] for i in range(0, len(shuffled), self.batch_size)]
        return [batches[i] for i in order(self.seed, epoch, len(batches))]

    def _streams(self) -> list[np.ndarray]:
        """Row b of step k reads window b · steps + k; the last row ends first."""
        rows = np.arange(self.batch_size) * self.steps
        return [(rows + step)[rows + step < len(self.windows)] for step in range(self.steps)]

    def _fresh(self, index: np.ndarray, step: int) -> Tensor:
        begins = np.ones(len(index), dtype=bool) if step == 0 else self.windows.opening[index]
        return torch.from_numpy(begins).to(self.device)

    def _batch(self, index: np.ndarray, epoch: int, fresh: Tensor | None = None) -> SequenceBatch:
        parts = (self.windows.start, self.windows.first, self.windows.stop)
        start, first, stop = (torch.from_numpy(part[index])[:, None] for part in parts)
        places = start + self.windows.stride * torch.arange(int(self.windows.lengths[index].max(initial=1)) + 1)
        scored = (places >= first) & (places < stop)
        items = gathered(self.items, places.clamp(max=len(self.items) - 1)).to(self.device)
        random = keyed(self.seed, epoch, torch.from_numpy(index).to(self.device))
        return SequenceBatch(items, scored.to(self.device), int(self.windows.scored[index].sum()), random, fresh)


def gathered(items: Tensor, places: Tensor) -> Tensor:  # (N,) or (N, d), (B, T) -> (B, T) int64 or (B, T, d)
    """The items at some places; ids of two bytes are gathered as signed ones, which torch can index."""
    places = places.to(items.device)
    if items.dtype == torch.uint16:
        return items.view(torch.int16)[places].long() & 0xFFFF
    found = items[places]
    return found if found.is_floating_point() else found.long()
