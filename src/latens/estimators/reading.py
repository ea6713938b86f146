"""Applying a trained autoregressive network so that a row's answer never depends on its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latens.errors import choice
from latens.estimators.device_stepping import DeviceStepper
from latens.estimators.stepping import NativeStepper, native_stepper
from latens.models.autoregressive import Recurrent, TokenNetwork

__all__ = ["POOLINGS", "Reader"]

POOLINGS = ("last", "mean", "max")

# Rows of a block when whole sequences are read, and rows of a group when all go on by one item. A matrix product may
# round differently for another number of rows; with fixed ones a row's answer is the same in any batch. A GPU does many
# rows in the time of few.
_SIZES = {"cpu": (8, 8), "cuda": (256, 64)}
_ITEMS = 64


@dataclass(frozen=True, eq=False)
class _Block:
    """What was read of some sequences in one go.

    Args:
        rows: (R,) which sequences; -1 for padding.
        start: Place of the first item in each sequence.
        items: (I + 1, R, *) the items read, and the one after them.
        outputs: (I, R, H).
        there: (I + 1, R) bool, where sequences have items.
    """

    rows: np.ndarray
    start: int
    items: Tensor
    outputs: Tensor
    there: Tensor


class Reader:
    """A network in evaluation mode, applied to sequences in blocks of one fixed size.

    Args:
        network: Trained.
        device: Where to compute.
    """

    def __init__(self, network: Recurrent, device: torch.device) -> None:
        self.network: Any = network.to(device).eval()
        self.device = device
        self.rows, self.group = _SIZES.get(device.type, _SIZES["cpu"])

    def __getstate__(self) -> dict[str, Any]:
        """A copy, or another process, makes its own native code."""
        return {name: value for name, value in vars(self).items() if name != "native"}

    @cached_property
    def native(self) -> NativeStepper | DeviceStepper | None:
        """Native code that goes on item by item, where there is some."""
        if self.device.type == "cuda" and isinstance(self.network, TokenNetwork):
            return DeviceStepper(self.network, self.step)
        return native_stepper(self.network, self.device)

    @torch.no_grad()
    def costs(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What each item costs, in nats where the network has a likelihood; the first from an empty state.

        Args:
            sequences: Each (T,) ids or (T, D) values.
        """
        if isinstance(self.native, NativeStepper):
            return self.native.costs(sequences)
        found = [np.zeros(len(sequence)) for sequence in sequences]
        for block in self._blocks(sequences):
            said = self.network.predict(block.outputs, block.items[:-1])
            costs = self.network.cost(said, block.items[1:])
            if block.start == 0:
                opening = self.network.cost(self.network.opening(len(block.rows)), block.items[0])
                _write(found, block, 0, opening[None])
            _write(found, block, 1, costs)
        return found

    @torch.no_grad()
    def predictions(self, sequences: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What is said of each item, (T, Q) float64; of the first from an empty state."""
        width = self.network.opening(1).shape[1]
        found = [np.zeros((len(sequence), width)) for sequence in sequences]
        for block in self._blocks(sequences):
            if block.start == 0:
                _write(found, block, 0, self.network.opening(len(block.rows))[None])
            _write(found, block, 1, self.network.predict(block.outputs, block.items[:-1]))
        return found

    @torch.no_grad()
    def vectors(self, sequences: Sequence[np.ndarray], pooling: str = "last") -> np.ndarray:  # -> (n, H) float32
        """The top layer's output at the last item, or its mean or maximum over all; zeros for an empty sequence."""
        choice("pooling", pooling, POOLINGS)
        if isinstance(self.native, NativeStepper):
            return self.native.vectors(sequences, pooling)
        found = np.zeros((len(sequences), self.network.hidden_size), dtype=np.float32)
        lengths = np.array([len(sequence) for sequence in sequences])
        for block in self._blocks(sequences):
            real = block.rows >= 0
            pooled = _POOL[pooling](block).cpu().numpy()[real]
            rows = block.rows[real]
            found[rows] = _MERGE[pooling](found[rows], pooled, block.start, lengths[rows][:, None])
        return found

    @torch.no_grad()
    def states(
        self, sequences: Sequence[np.ndarray], begun: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:  # -> (L, n, S), (n, Q)
        """The state of each row after its sequence, and what is said of its next item.

        Args:
            sequences: One a row; they may differ in length, and be empty.
            begun: The same of what was read before; None for nothing.
        """
        state, said = begun or (self.network.empty(len(sequences)), self.network.opening(len(sequences)))
        if self.native is not None:
            return self.native.feed(sequences, state, said)
        lengths = torch.tensor([len(sequence) for sequence in sequences], device=self.device)
        padded = _padded(sequences, int(lengths.max())).to(self.device)
        for place in range(padded.shape[1]):
            said_next, state_next = self.step(padded[:, place], state)
            reads = (place < lengths)[:, None]
            said, state = torch.where(reads, said_next, said), torch.where(reads, state_next, state)
        return state, said

    @torch.no_grad()
    def step(self, items: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # (B, *), (L, B, S) -> (B, Q), (L, B, S)
        """All rows go on by one item, in groups of a fixed number of rows."""
        rows = len(items)
        missing = -rows % self.group
        if missing:
            items = torch.cat([items, items[:1].expand(missing, *items.shape[1:])])
            state = torch.cat([state, state[:, :1].expand(-1, missing, -1)], dim=1)
        places = [slice(first, first + self.group) for first in range(0, len(items), self.group)]
        said, states = zip(*(self.network.step(items[place], state[:, place]) for place in places), strict=True)
        return torch.cat(said)[:rows], torch.cat(states, dim=1)[:, :rows]

    def _blocks(self, sequences: Sequence[np.ndarray]) -> Iterator[_Block]:
        """Everything once; sequences of about one length are read side by side."""
        by_length = sorted((row for row, items in enumerate(sequences) if len(items)), key=lambda i: len(sequences[i]))
        for first in range(0, len(by_length), self.rows):
            together = by_length[first : first + self.rows]
            rows = np.full(self.rows, -1)
            rows[: len(together)] = together
            yield from self._read(rows, [sequences[row] if row >= 0 else sequences[rows[0]][:0] for row in rows])

    def _read(self, rows: np.ndarray, sequences: Sequence[np.ndarray]) -> Iterator[_Block]:
        longest = max(map(len, sequences))
        lengths = torch.tensor([len(sequence) for sequence in sequences], device=self.device)
        padded = _padded(sequences, -(-longest // _ITEMS) * _ITEMS + 1)
        state = self.network.empty(self.rows)
        for start in range(0, longest, _ITEMS):
            items = padded[:, start : start + _ITEMS + 1].to(self.device).transpose(0, 1)
            places = torch.arange(start, start + _ITEMS + 1, device=self.device)[:, None]
            outputs, state = self.network.outputs(items[:-1], state)
            yield _Block(rows, start, items, outputs, places < lengths)


def _padded(sequences: Sequence[np.ndarray], length: int) -> Tensor:  # -> (n, length) int64, or (n, length, D) float32
    values = sequences[0].ndim > 1
    padded = np.zeros((len(sequences), length, *sequences[0].shape[1:]), dtype=np.float32 if values else np.int64)
    for row, sequence in enumerate(sequences):
        padded[row, : len(sequence)] = sequence
    return torch.from_numpy(padded)


def _write(found: list[np.ndarray], block: _Block, shift: int, costs: Tensor) -> None:  # (I, R) or (I, R, Q)
    """Costs, or what else there is, of the items from the block's start, shifted, on, to their places."""
    values = costs.double().cpu().numpy()
    first = block.start + shift
    for column, row in enumerate(block.rows):
        if row >= 0:
            part = found[row][first : first + len(values)]
            part[:] = values[: len(part), column]


def _last(block: _Block) -> Tensor:
    ends = block.there[:-1].sum(dim=0).clamp(min=1) - 1
    return block.outputs[ends, torch.arange(len(block.rows), device=ends.device)]


def _sum(block: _Block) -> Tensor:
    return (block.outputs * block.there[:-1, :, None]).sum(dim=0)


def _most(block: _Block) -> Tensor:
    return block.outputs.masked_fill(~block.there[:-1, :, None], -torch.inf).amax(dim=0)


def _keep_last(before: np.ndarray, now: np.ndarray, start: int, lengths: np.ndarray) -> np.ndarray:
    return np.where(lengths > start, now, before)


def _add_share(before: np.ndarray, now: np.ndarray, start: int, lengths: np.ndarray) -> np.ndarray:
    return np.asarray(before + now / lengths)


def _higher(before: np.ndarray, now: np.ndarray, start: int, lengths: np.ndarray) -> np.ndarray:
    return now if start == 0 else np.maximum(before, now)


_POOL = {"last": _last, "mean": _sum, "max": _most}
_MERGE = {"last": _keep_last, "mean": _add_share, "max": _higher}
