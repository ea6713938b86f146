"""What the recurrences on the CPU share: the normalisation of a row and its gradient, in numba."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from latens.kernels.compiling import inlined
from latens.kernels.vectors import keep, load, splat, store, total

__all__ = ["add_to", "arrive", "normalise", "unnormalise"]


@inlined
def normalise(
    size: int, mean: float, eps: float, norm: np.ndarray, h: np.ndarray, here: int, outputs: np.ndarray, place: int
) -> float:
    """Normalise one row of h, and write it to the outputs; gives one over the standard deviation."""
    centre, squares = splat(mean, h), splat(0.0, h)
    for j in range(0, size, 64 // h.itemsize):
        away = keep(load(h, here + j, size - j) - centre, size - j)
        squares = squares + away * away
    scale = 1.0 / math.sqrt(total(squares) / size + eps)
    factor = splat(scale, h)
    for j in range(0, size, 64 // h.itemsize):
        n = size - j
        y = (load(h, here + j, n) - centre) * factor * load(norm, j, n) + load(norm, size + j, n)
        store(h, here + j, y, n)
        store(outputs, place + j, y, n)
    return scale


@inlined
def arrive(
    size: int,
    towards: np.ndarray,
    item: int,
    through: np.ndarray,
    there: int,
    around: np.ndarray,
    here: int,
    scratch: np.ndarray,
) -> None:
    """The gradient that reaches a row's output, in the first half of the scratch.

    It is the loss's part, what came back through the next step's products, and what went around them.
    """
    for j in range(0, size, 64 // towards.itemsize):
        n = size - j
        dy = load(towards, item + j, n) + load(through, there + j, n) + load(around, here + j, n)
        store(scratch, j, dy, n)


@inlined
def unnormalise(size: int, factor: float, norm: np.ndarray, scratch: np.ndarray, sums: np.ndarray, block: int) -> None:
    """The gradient of a normalised row's input in the first half of the scratch, where that of its output was.

    The second half is the normalised row. The gradients of `norm` are added to the sums.
    """
    first, second = splat(0.0, norm), splat(0.0, norm)
    for j in range(0, size, 64 // norm.itemsize):
        n = size - j
        dy, normal = load(scratch, j, n), load(scratch, size + j, n)
        add_to(sums, block + j, dy * normal, n)
        add_to(sums, block + size + j, dy, n)
        scaled = dy * load(norm, j, n)
        first, second = first + keep(scaled, n), second + keep(scaled * normal, n)
        store(scratch, j, scaled, n)
    one, two = splat(total(first) / size, norm), splat(total(second) / size, norm)
    scale = splat(factor, norm)
    for j in range(0, size, 64 // norm.itemsize):
        n = size - j
        store(scratch, j, (load(scratch, j, n) - one - load(scratch, size + j, n) * two) * scale, n)


@inlined
def add_to(sums: np.ndarray, place: int, vector: Any, n: int) -> None:
    """Add a vector to what stands in a place of a flat array."""
    store(sums, place, load(sums, place, n) + vector, n)
