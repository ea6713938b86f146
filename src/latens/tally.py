"""The losses of an epoch: left on the device until somebody looks, then added up on the host."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["Tally"]


class Tally:
    """The mean loss of the epoch so far, and the first step at which a loss was no number.

    Example:
        >>> tally = Tally()
        >>> tally.add(1, loss=3.0, things=1)
        >>> tally.add(2, loss=1.0, things=3)
        >>> tally.read(), tally.mean
        (0, 1.5)
    """

    def __init__(self) -> None:
        self.total = self.things = 0.0
        self._unread: list[tuple[int, Tensor | float, Tensor | float]] = []
        self._bad_step = 0

    @property
    def unread(self) -> int:
        """Steps whose losses nobody has looked at."""
        return len(self._unread)

    @property
    def mean(self) -> float:
        """Of all things whose losses were read."""
        return self.total / max(self.things, 1.0)

    def add(self, step: int, loss: Tensor | float, things: Tensor | float) -> None:
        """A step's loss, the mean over so many things."""
        self._unread.append((step, loss, things))

    def read(self) -> int:
        """Look at all losses, which waits for the device; the first step whose loss was no number, or 0."""
        if self._unread:
            steps, *columns = zip(*self._unread, strict=True)
            losses, things = map(_on_host, columns)
            self._unread = []
            for step, loss, count in zip(steps, losses, things, strict=True):
                if not math.isfinite(loss):
                    self._bad_step = self._bad_step or step
                self.total, self.things = self.total + loss * count, self.things + count
        return self._bad_step

    def begin(self, total: float = 0.0, things: float = 0.0) -> None:
        """Start a new epoch, or go on within one."""
        self.total, self.things = total, things


def _on_host(numbers: Sequence[Tensor | float]) -> list[float]:
    """As Python's numbers; the host waits for the device once."""
    if any(isinstance(number, Tensor) for number in numbers):
        return torch.stack([torch.as_tensor(number).float() for number in numbers]).tolist()
    return [float(number) for number in numbers]
