"""The recurrence of `latens.recurrent.LayerNormLSTMCell` and its gradient, over all items, in numba.

As `latens.kernels.cpu_gru`; c is the cell state, and u = o tanh(c) the output before its normalisation.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from torch import Tensor

from latens.kernels.cpu_norm import add_to, arrive, normalise, unnormalise
from latens.kernels.tiles import ROWS, product
from latens.kernels.vectors import keep, load, sigmoid, splat, store, tanh, total

__all__ = ["backward", "bias_changes", "biases", "forward", "mix"]

_compiled = numba.njit(nogil=True, cache=True, error_model="numpy")
_inlined = numba.njit(nogil=True, error_model="numpy", inline="always")


def biases(given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From the input's and the state's (2, 4H): what is added to the state's products, and nothing else."""
    return given.sum(axis=0), given[:0].ravel()


def bias_changes(sums: Tensor) -> Tensor:  # (6, H) -> (2, 4H)
    """The gradients of both biases, which are the gates'."""
    # Not one memory under two names: each bias adds up gradients of its own.
    return sums[:4].flatten().repeat(2, 1)


@_compiled
def forward(
    rows: tuple[int, int],
    sizes: tuple[int, int, int],
    gates: np.ndarray,
    memories: np.ndarray,
    statistics: np.ndarray,
    outputs: np.ndarray,
    state: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    nothing: np.ndarray,
    norm: np.ndarray,
    eps: float,
    keeps: bool,
) -> None:
    """Take rows `rows[0]` to `rows[1]` through all items.

    Args:
        rows: The first row and the end.
        sizes: T, B, H.
        gates: (T, B, 4H), the input's part; afterwards, if `keeps`, i, f, g and o.
        memories: (T, B, H), c; (B, H), the last one only, unless `keeps`.
        statistics: (T, B, 2), written if `keeps`: mean of u, and one over its standard deviation.
        outputs: (T, B, H), written.
        state: (B, 2H), at first: h and c.
        weight: Of the state, packed.
        bias: Of the gates, padded to whole panels; see `biases`.
        nothing: Where a GRU has a bias of its own.
        norm: (2, H), of the normalisation: its weight, its bias.
        eps: Added to the variance.
        keeps: Whether there will be a `backward`.
    """
    first, end = rows
    n_items, n_rows, size = sizes
    padded, columns = -(-(end - first) // ROWS) * ROWS, len(bias)
    h, products = np.zeros(padded * size, dtype=gates.dtype), np.empty(padded * columns, dtype=gates.dtype)
    for row in range(end - first):
        begin = 2 * size * (first + row)
        h[row * size : (row + 1) * size] = state[begin : begin + size]
    for item in range(n_items):
        product(h, padded, size, weight, bias, products)
        for row in range(end - first):
            at, here = item * n_rows + first + row, row * size
            place = size * (at if keeps else first + row)
            before, earlier = (
                (memories, place - size * n_rows * keeps) if item else (state, size * (2 * (first + row) + 1))
            )
            mean = mix(
                size, gates, 4 * size * at, products, row * columns, before, earlier, memories, place, h, here, keeps
            )
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


@_compiled
def backward(
    rows: tuple[int, int],
    sizes: tuple[int, int, int],
    gates: np.ndarray,
    memories: np.ndarray,
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
        gates: (T, B, 4H), as `forward` left them; afterwards their gradient, of the input's part as of the state's.
        memories: (T, B, H), of `forward`.
        statistics: (T, B, 2), of `forward`.
        outputs: (T, B, H), of `forward`.
        state: (B, 2H), at first.
        weight: Of the state, transposed, packed.
        norm: (2, H).
        towards: (T, B, H), the gradient of the outputs.
        last: (B, 2H), that of the state after the last item; afterwards that of the state at first.
        sums: (rows / ROWS, 6, H), zeros; afterwards what each block of rows adds to the gradients of the state's bias
            (4, H) and of `norm`.
    """
    first, end = rows
    n_items, n_rows, size = sizes
    padded, columns = -(-(end - first) // ROWS) * ROWS, len(weight) // (4 * size)
    zeros, through = np.zeros(columns, dtype=gates.dtype), np.zeros(padded * columns, dtype=gates.dtype)
    changes, scratch = np.zeros(padded * 4 * size, dtype=gates.dtype), np.empty(2 * size, dtype=gates.dtype)
    for item in range(n_items - 1, -1, -1):
        for row in range(end - first):
            at, here, block = item * n_rows + first + row, 2 * size * (first + row), (first + row) // ROWS * 6 * size
            before, earlier = (memories, size * (at - n_rows)) if item else (state, here + size)
            _normal(size, gates, 4 * size * at, memories, size * at, statistics, 2 * at, scratch)
            arrive(size, towards, size * at, through, row * columns, last, here, scratch)
            for j in range(size):  # what went around the products is c's gradient alone
                last[here + j] = 0.0
            unnormalise(size, statistics[2 * at + 1], norm, scratch, sums, block + 4 * size)
            _unmix(
                size,
                gates,
                4 * size * at,
                memories,
                size * at,
                before,
                earlier,
                scratch,
                last,
                here + size,
                changes,
                row * 4 * size,
                sums,
                block,
            )
        product(changes, padded, 4 * size, weight, zeros, through)
    for row in range(end - first):
        for j in range(size):
            last[2 * size * (first + row) + j] += through[row * columns + j]


@_inlined
def _normal(
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


@_inlined
def _unmix(
    size: int,
    gates: np.ndarray,
    at: int,
    memories: np.ndarray,
    place: int,
    before: np.ndarray,
    earlier: int,
    scratch: np.ndarray,
    last: np.ndarray,
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
        d_c = load(last, here + j, n) + change * o * (one - bent * bent)
        store(last, here + j, d_c * f, n)
        _write(gates, at + j, changes, there + j, sums, block + j, d_c * g * i * (one - i), n)
        d_f = d_c * load(before, earlier + j, n) * f * (one - f)
        _write(gates, at + size + j, changes, there + size + j, sums, block + size + j, d_f, n)
        d_g, after = d_c * i * (one - g * g), 2 * size + j
        _write(gates, at + after, changes, there + after, sums, block + after, d_g, n)
        d_o, after = change * bent * o * (one - o), 3 * size + j
        _write(gates, at + after, changes, there + after, sums, block + after, d_o, n)


@_inlined
def _write(
    gates: np.ndarray, at: int, changes: np.ndarray, there: int, sums: np.ndarray, block: int, change: Any, n: int
) -> None:
    store(gates, at, change, n)
    store(changes, there, change, n)
    add_to(sums, block, change, n)
