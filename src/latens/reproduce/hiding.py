"""Images with a part hidden, and how well that part is told from the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from latens.corruptions import Block
from latens.seeds import keyed

__all__ = ["SHARE", "Hidden", "hide"]

# Of the image that is hidden in one piece.
SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Hidden:
    """Images, and a rectangle of each that is not to be seen.

    Args:
        truth: (n, h, w), in [0, 1].
        where: (n, h, w) bool, what is hidden.
    """

    truth: np.ndarray
    where: np.ndarray

    @property
    def given(self) -> np.ndarray:  # (n, h, w)
        """What there is to see, black where it is hidden."""
        return np.where(self.where, np.float32(0.0), self.truth)

    def filled(self, made: np.ndarray) -> np.ndarray:  # (n, h, w) -> (n, h, w)
        """What there was to see, and in the hidden part what somebody makes of it."""
        return np.where(self.where, made, self.truth)

    def error(self, made: np.ndarray) -> float:  # (n, h, w)
        """The mean squared error over all hidden pixels."""
        return float(np.square(made - self.truth, dtype=np.float64)[self.where].mean())


def hide(images: np.ndarray) -> Hidden:
    """A rectangle of each image, the same ones at every call.

    Example:
        >>> float(hide(np.ones((2, 10, 10), dtype="f4")).where.mean())
        0.2
    """
    x = torch.from_numpy(images)
    where = Block(SHARE).hidden(x, keyed(0, 0, torch.arange(len(images))))
    return Hidden(images, where.expand(x.shape).numpy())
