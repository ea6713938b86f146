"""The recurrence of `latens.recurrent.LayerNormGRUCell` and its gradient, over all items, in numba.

Rows are independent: a thread takes some of them through time. Arrays are flat, of one dtype, and indexed by hand;
names follow the cell's equations, with u the state before its normalisation.
"""

from __future__ import annotations

import numba
import numpy as np

from latens.kernels.cpu_norm import add_to, arrive, normalise, unnormalise
from latens.kernels.tiles import ROWS, product
from latens.kernels.vectors import keep, load, sigmoid, splat, store, tanh, total

__all__ = ["backward", "forward", "mix"]

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")
_inlined = numba.njit(nogil=True, error_model="numpy", inline="always")


@_compiled
def forward(
    rows: tuple[int, int],
    sizes: tuple[int, int, int],
    gates: np.ndarray,
    hidden: np.ndarray,
    statistics: np.ndarray,
    outputs: np.ndarray,
    state: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    norm: np.ndarray,
    eps: float,
    keeps: bool,
) -> None:
    """Take rows `rows[0]` to `rows[1]` through all items.

    Args:
        rows: The first row and the end.
        sizes: T, B, H.
        gates: (T, B, 3H), the input's part; afterwards, if `keeps`, r, z and n.
        hidden: (T, B, H), written if `keeps`: the state's part of n.
        statistics: (T, B, 2), written if `keeps`: mean of u, and one over its standard deviation.
        outputs: (T, B, H), written.
        state: (B, H), at first.
        weight: Of the state, packed.
        bias: Of the state, padded to whole panels.
        norm: (2, H), of the normalisation: its weight, its bias.
        eps: Added to the variance.
        keeps: Whether there will be a `backward`.
    """
    first, end = rows
    n_items, n_rows, size = sizes
    padded, columns = -(-(end - first) // ROWS) * ROWS, len(bias)
    h = np.zeros(padded * size, dtype=gates.dtype)
    h[: (end - first) * size] = state[first * size : end * size]
    products = np.empty(padded * columns, dtype=gates.dtype)
    for item in range(n_items):
        product(h, padded, size, weight, bias, products)
        for row in range(end - first):
            at, here, there = item * n_rows + first + row, row * size, row * columns
            mean = mix(size, gates, 3 * size * at, products, there, h, here, hidden, size * at, keeps)
            scale = normalise(size, mean, eps, norm, h, here, outputs, size * at)
            if keeps:
                statistics[2 * at], statistics[2 * at + 1] = mean, scale


@_inlined
def mix(
    size: int,
    gates: np.ndarray,
    at: int,
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
        new = tanh(load(gates, at + 2 * size + j, n) + r * inner)
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


@_compiled
def backward(
    rows: tuple[int, int],
    sizes: tuple[int, int, int],
    gates: np.ndarray,
    hidden: np.ndarray,
    statistics: np.ndarray,
    outputs: np.ndarray,
    state: np.ndarray,
    weight: np.ndarray,
    norm: np.ndarray,
    towards: np.ndarray,
    last: np.ndarray,
    sums: np.ndarray,
) -> None:
    """The gradient of rows `rows[0]` to `rows[1]`, from the last item to the first.

    Args:
        rows: The first row, at a multiple of `ROWS`, and the end.
        sizes: T, B, H.
        gates: (T, B, 3H), as `forward` left them; afterwards the gradient of the input's part.
        hidden: (T, B, H), as `forward` left it; afterwards the gradient of the state's part of n.
        statistics: (T, B, 2), as `forward` left them.
        outputs: (T, B, H), of `forward`.
        state: (B, H), at first.
        weight: Of the state, transposed, packed.
        norm: (2, H).
        towards: (T, B, H), the gradient of the outputs.
        last: (B, H), that of the state after the last item; afterwards that of the state at first.
        sums: (rows / ROWS, 5, H), zeros; afterwards what each block of rows adds to the gradients of the state's bias
            (3, H) and of `norm`.
    """
    first, end = rows
    n_items, n_rows, size = sizes
    padded, columns = -(-(end - first) // ROWS) * ROWS, len(weight) // (3 * size)
    zeros, through = np.zeros(columns, dtype=gates.dtype), np.zeros(padded * columns, dtype=gates.dtype)
    changes, around = np.zeros(padded * 3 * size, dtype=gates.dtype), np.zeros(padded * size, dtype=gates.dtype)
    around[: (end - first) * size] = last[first * size : end * size]
    scratch = np.empty(2 * size, dtype=gates.dtype)
    for item in range(n_items - 1, -1, -1):
        for row in range(end - first):
            at, block = item * n_rows + first + row, (first + row) // ROWS * 5 * size
            before, earlier = (outputs, size * (at - n_rows)) if item else (state, size * (first + row))
            _normal(size, gates, 3 * size * at, before, earlier, statistics, 2 * at, scratch)
            arrive(size, towards, size * at, through, row * columns, around, row * size, scratch)
            unnormalise(size, statistics[2 * at + 1], norm, scratch, sums, block + 3 * size)
            _unmix(
                size,
                gates,
                3 * size * at,
                hidden,
                size * at,
                before,
                earlier,
                scratch,
                around,
                row * size,
                changes,
                row * 3 * size,
                sums,
                block,
            )
        product(changes, padded, 3 * size, weight, zeros, through)
    for row in range(end - first):
        for j in range(size):
            last[(first + row) * size + j] = around[row * size + j] + through[row * columns + j]


@_inlined
def _normal(
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


@_inlined
def _unmix(
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
