"""A step of `latens.recurrent.LayerNormGRUCell` and its gradient, for one row, in numba.

The loops around it are in `latens.kernels.cpu_loops`.
Names follow the cell's equations; u is the state before its normalisation.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from latens.kernels.compiling import inlined
from latens.kernels.cpu_norm import add_to
from latens.kernels.vectors import keep, load, sigmoid, splat, store, tanh, total

__all__ = ["bias_changes", "biases", "mix", "normal", "unmix"]


def biases(given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the input's and the state's (2, 3H): what is added to the state's products, and what to the input's of n."""
    size = given.shape[1] // 3
    added = given[1].copy()
    added[: 2 * size] += given[0, : 2 * size]
    return added, given[0, 2 * size :]


def bias_changes(sums: Tensor) -> Tensor:  # (6, H) -> (2, 3H)
    """The gradients of both biases from those of r, z, the state's part of n and the input's."""
    both = sums[:2].flatten()
    return torch.stack([torch.cat([both, sums[3]]), torch.cat([both, sums[2]])])


@inlined
def mix(
    size: int,
    gates: np.ndarray,
    at: int,
    new_bias: np.ndarray,
    products: np.ndarray,
    there: int,
    h: np.ndarray,
    here: int,
    hidden: np.ndarray,
    place: int,
    keeps: bool,
) -> float:
    """u of one row, in the place of h; gives its mean."""
    summed = splat(0.0, h)
    for j in range(0, size, 64 // h.itemsize):
        n = size - j
        r = sigmoid(load(gates, at + j, n) + load(products, there + j, n))
        z = sigmoid(load(gates, at + size + j, n) + load(products, there + size + j, n))
        inner = load(products, there + 2 * size + j, n)
        new = tanh(load(gates, at + 2 * size + j, n) + load(new_bias, j, n) + r * inner)
        u = new + z * (load(h, here + j, n) - new)
        summed = summed + keep(u, n)
        store(h, here + j, u, n)
        if keeps:
            store(gates, at + j, r, n)
            store(gates, at + size + j, z, n)
            store(gates, at + 2 * size + j, new, n)
            store(hidden, place + j, inner, n)
    mean: float = total(summed) / size
    return mean


@inlined
def normal(
    size: int,
    gates: np.ndarray,
    at: int,
    before: np.ndarray,
    earlier: int,
    statistics: np.ndarray,
    place: int,
    scratch: np.ndarray,
) -> None:
    """u of one row, normalised, in the second half of the scratch."""
    centre, factor = splat(statistics[place], gates), splat(statistics[place + 1], gates)
    for j in range(0, size, 64 // gates.itemsize):
        n = size - j
        z, new = load(gates, at + size + j, n), load(gates, at + 2 * size + j, n)
        u = new + z * (load(before, earlier + j, n) - new)
        store(scratch, size + j, (u - centre) * factor, n)


@inlined
def unmix(
    size: int,
    gates: np.ndarray,
    at: int,
    hidden: np.ndarray,
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
    """The gradients of one row's gates from that of u, and what of it goes around them to the state before."""
    one = splat(1.0, gates)
    for j in range(0, size, 64 // gates.itemsize):
        n = size - j
        r, z, new = load(gates, at + j, n), load(gates, at + size + j, n), load(gates, at + 2 * size + j, n)
        change = load(scratch, j, n)
        d_new = change * (one - z) * (one - new * new)
        d_z = change * (load(before, earlier + j, n) - new) * z * (one - z)
        d_r = d_new * load(hidden, place + j, n) * r * (one - r)
        d_inner = d_new * r
        store(around, here + j, change * z, n)
        store(gates, at + j, d_r, n)
        store(gates, at + size + j, d_z, n)
        store(gates, at + 2 * size + j, d_new, n)
        store(hidden, place + j, d_inner, n)
        store(changes, there + j, d_r, n)
        store(changes, there + size + j, d_z, n)
        store(changes, there + 2 * size + j, d_inner, n)
        add_to(sums, block + j, d_r, n)
        add_to(sums, block + size + j, d_z, n)
        add_to(sums, block + 2 * size + j, d_inner, n)
        add_to(sums, block + 3 * size + j, d_new, n)
