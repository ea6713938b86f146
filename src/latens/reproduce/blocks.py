"""Images as sequences of blocks: the digits in black and white, and whether what is drawn of them is copied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from latens.data import blocks_to_images, images_to_blocks
from latens.reproduce.digits import Digits

__all__ = ["Blocks", "nearest"]

# Of pixels in [0, 1].
_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Blocks:
    """Digits as sequences of blocks of black and white pixels.

    Args:
        digits: The images.
        block: Height and width of a block; 4 x 2 pixels are one of 256 items.
    """

    digits: Digits
    block: tuple[int, int] = (4, 2)

    @cached_property
    def train(self) -> list[list[int]]:
        """A sequence for each training image."""
        return images_to_blocks(self.digits.train, self.block, threshold=_THRESHOLD)

    @cached_property
    def test(self) -> list[list[int]]:
        """A sequence for each test image."""
        return images_to_blocks(self.digits.test, self.block, threshold=_THRESHOLD)

    @property
    def n_items(self) -> int:
        """Blocks that there can be."""
        return 1 << (self.block[0] * self.block[1])

    def images(self, sequences: Sequence[Sequence[int | None]]) -> np.ndarray:  # -> (n, h, w)
        """What sequences show; a model that knows too little ends some of them early."""
        height, width = self.digits.test.shape[1:]
        return blocks_to_images(sequences, (height, width), self.block, incomplete="background")

    def describe(self) -> dict[str, Any]:
        """What a result has to say about its data."""
        return self.digits.describe() | {"block": list(self.block)}


def nearest(images: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    r"""Of each black and white image the nearest among others, and in how many pixels they differ (Hamming distance).

    .. math:: d(x, y) = \sum_k [x_k \neq y_k] = \sum_k x_k + \sum_k y_k - 2 \sum_k x_k y_k

    Args:
        images: (n, h, w), 0 and 1.
        among: (m, h, w), 0 and 1.

    Returns:
        Places among the others, (n,) int64, and distances, (n,) int64.

    Example:
        >>> nearest(np.array([[[0, 1]]]), np.array([[[1, 1]], [[0, 1]], [[0, 0]]]))
        (array([1]), array([0]))
    """
    flat, others = (each.reshape(len(each), -1).astype(np.float32) for each in (images, among))
    # Whole numbers this small are exact in float32, and the product is a matrix product.
    distances = flat.sum(axis=1)[:, None] + others.sum(axis=1) - 2 * flat @ others.T
    return distances.argmin(axis=1), distances.min(axis=1).astype(np.int64)
