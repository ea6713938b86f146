"""A step of `latens.recurrent.LayerNormLSTMCell` and its gradient, for one row, in numba.

The loops around it are in `latens.kernels.cpu_loops`.
Names follow the cell's equations; c is the cell state, and u = o tanh(c) the output before its normalisation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from latens.kernels.compiling import inlined
from latens.kernels.cpu_norm import add_to
from latens.kernels.vectors import keep, load, sigmoid, splat, store, tanh, total

__all__ = ["bias_changes", "biases", "mix", "normal", "unmix"]


def biases(given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the input's and the state's (2, 4H): what is added to the state's products, and nothing else."""
    return given.sum(axis=0), given[:0].ravel()


def bias_changes(sums: Tensor) -> Tensor:  # (6, H) -> (2, 4H)
    """The gradients of both biases, which are the gates'."""
    # Not one memory under two names: each bias adds up gradients of its own.
    return sums[:4].flatten().repeat(2, 1)


@inlined
def mix(
    size: int,
    gates: np.ndarray,
    at: int,
    products: np.ndarray,
    there: int,
    before: np.ndarray,
    earlier: int,
    memories: np.ndarray,
    place: int,
    h: np.ndarray,
    here: int,
    keeps: bool,
) -> float:
    """c and u of one row, the latter in the place of h; gives its mean."""
    summed = splat(0.0, h)
    for j in range(0, size, 64 // h.itemsize):
        n = size - j
        i = sigmoid(load(gates, at + j, n) + load(products, there + j, n))
        f = sigmoid(load(gates, at + size + j, n) + load(products, there + size + j, n))
        g = tanh(load(gates, at + 2 * size + j, n) + load(products, there + 2 * size + j, n))
        o = sigmoid(load(gates, at + 3 * size + j, n) + load(products, there + 3 * size + j, n))
        c = f * load(before, earlier + j, n) + i * g
        u = o * tanh(c)
        summed = summed + keep(u, n)
        store(memories, place + j, c, n)
        store(h, here + j, u, n)
        if keeps:
            store(gates, at + j, i, n)
            store(gates, at + size + j, f, n)
            store(gates, at + 2 * size + j, g, n)
            store(gates, at + 3 * size + j, o, n)
    mean: float = total(summed) / size
    return mean


@inlined
def normal(
    size: int,
    gates: np.ndarray,
    at: int,
    memories: np.ndarray,
    place: int,
    statistics: np.ndarray,
    where: int,
    scratch: np.ndarray,
) -> None:
    """u of one row, normalised, in the second half of the scratch."""
    centre, factor = splat(statistics[where], gates), splat(statistics[where + 1], gates)
    for j in range(0, size, 64 // gates.itemsize):
        n = size - j
        u = load(gates, at + 3 * size + j, n) * tanh(load(memories, place + j, n))
        store(scratch, size + j, (u - centre) * factor, n)


@inlined
def unmix(
    size: int,
    gates: np.ndarray,
    at: int,
    memories: np.ndarray,
    place: int,
    before: np.ndarray,
    earlier: int,
    scratch: np.ndarray,
    around: np.ndarray,
    here: int,
    changes: np.ndarray,
    there: int,
    sums: np.ndarray,
    block: int,
) -> None:
    """The gradients of one row's gates from that of u, and that of c, which is carried on."""
    one = splat(1.0, gates)
    for j in range(0, size, 64 // gates.itemsize):
        n = size - j
        i, f = load(gates, at + j, n), load(gates, at + size + j, n)
        g, o = load(gates, at + 2 * size + j, n), load(gates, at + 3 * size + j, n)
        bent, change = tanh(load(memories, place + j, n)), load(scratch, j, n)
        d_c = load(around, here + j, n) + change * o * (one - bent * bent)
        store(around, here + j, d_c * f, n)
        _write(gates, at + j, changes, there + j, sums, block + j, d_c * g * i * (one - i), n)
        d_f = d_c * load(before, earlier + j, n) * f * (one - f)
        _write(gates, at + size + j, changes, there + size + j, sums, block + size + j, d_f, n)
        d_g, after = d_c * i * (one - g * g), 2 * size + j
        _write(gates, at + after, changes, there + after, sums, block + after, d_g, n)
        d_o, after = change * bent * o * (one - o), 3 * size + j
        _write(gates, at + after, changes, there + after, sums, block + after, d_o, n)


@inlined
def _write(
    gates: np.ndarray, at: int, changes: np.ndarray, there: int, sums: np.ndarray, block: int, change: Any, n: int
) -> None:
    store(gates, at, change, n)
    store(changes, there, change, n)
    add_to(sums, block, change, n)
