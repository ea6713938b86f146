"""A layer's recurrence over all items, and its gradient, in numba; what a step does is the cell's.

Rows are independent: a thread takes some of them through time. Arrays are flat, of one dtype, and indexed by hand. u is
a row's output before its normalisation. A GRU (3 gates) remembers what it gave; an LSTM (4) its cell state c besides.
"""

from __future__ import annotations

import numpy as np

from latens.kernels import cpu_gru, cpu_lstm
from latens.kernels.compiling import compiled, inlined
from latens.kernels.cpu_norm import arrive, normalise, unnormalise
from latens.kernels.tiles import ROWS, product

__all__ = ["backward", "forward"]

_gru_mix, _gru_normal, _gru_unmix = cpu_gru.mix, cpu_gru.normal, cpu_gru.unmix
_lstm_mix, _lstm_normal, _lstm_unmix = cpu_lstm.mix, cpu_lstm.normal, cpu_lstm.unmix


@compiled
def forward(
    rows: tuple[int, int],
    cell: tuple[int, ...],
    sizes: tuple[int, int, int],
    gates: np.ndarray,
    inner: np.ndarray,
    statistics: np.ndarray,
    outputs: np.ndarray,
    state: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    new_bias: np.ndarray,
    norm: np.ndarray,
    eps: float,
    keeps: bool,
) -> None:
    """Take rows `rows[0]` to `rows[1]` through all items.

    Args:
        rows: The first row and the end.
        cell: As long as it has gates: what is compiled has one cell.
        sizes: T, B, H.
        gates: (T, B, G·H), the input's part; afterwards, if `keeps`, the gates.
        inner: Of a GRU the state's part of n, (T, B, H), written if `keeps`; of an LSTM c, of which (B, H), the last,
            is all unless `keeps`.
        statistics: (T, B, 2), written if `keeps`: mean of u, and one over its standard deviation.
        outputs: (T, B, H), written.
        state: (B, S), at first.
        weight: Of the state, packed.
        bias: Of the gates, padded to whole panels; see the cell's `biases`.
        new_bias: (H,), of a GRU's input's part of n.
        norm: (2, H), of the normalisation: its weight, its bias.
        eps: Added to the variance.
        keeps: Whether there will be a `backward`.
    """
    first, end = rows
    n_items, n_rows, size = sizes
    n_gates, width = len(cell), len(state) // n_rows
    padded, columns = -(-(end - first) // ROWS) * ROWS, len(bias)
    h, products = np.zeros(padded * size, dtype=gates.dtype), np.empty(padded * columns, dtype=gates.dtype)
    for row in range(end - first):
        begin = width * (first + row)
        h[row * size : (row + 1) * size] = state[begin : begin + size]
    for item in range(n_items):
        product(h, padded, size, weight, bias, products)
        for row in range(end - first):
            at, here, there = item * n_rows + first + row, row * size, row * columns
            place = size * (at if keeps else first + row)
            if n_gates == 3:
                mean = _gru_mix(size, gates, 3 * size * at, new_bias, products, there, h, here, inner, place, keeps)
            else:
                before, earlier = inner, place - size * n_rows * keeps
                if item == 0:
                    before, earlier = state, width * (first + row) + size
                mean = _lstm_mix(
                    size, gates, 4 * size * at, products, there, before, earlier, inner, place, h, here, keeps
                )
            scale = normalise(size, mean, eps, norm, h, here, outputs, size * at)
            if keeps:
                statistics[2 * at], statistics[2 * at + 1] = mean, scale


@compiled
def backward(
    rows: tuple[int, int],
    cell: tuple[int, ...],
    sizes: tuple[int, int, int],
    gates: np.ndarray,
    inner: np.ndarray,
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
        cell: As long as it has gates.
        sizes: T, B, H.
        gates: (T, B, G·H), as `forward` left them; afterwards the gradient of the input's part.
        inner: (T, B, H), as `forward` left it; afterwards of a GRU the gradient of the state's part of n.
        statistics: (T, B, 2), as `forward` left them.
        outputs: (T, B, H), of `forward`.
        state: (B, S), at first.
        weight: Of the state, transposed, packed.
        norm: (2, H).
        towards: (T, B, H), the gradient of the outputs.
        last: (B, S), that of the state after the last item; afterwards that of the state at first.
        sums: (rows / ROWS, 6, H), zeros; afterwards what each block of rows adds to the gradients of the gates (see the
            cell's `bias_changes`) and of `norm`.
    """
    first, end = rows
    n_items, n_rows, size = sizes
    n_gates, width = len(cell), len(state) // n_rows
    padded, columns = -(-(end - first) // ROWS) * ROWS, len(weight) // (n_gates * size)
    zeros, through = np.zeros(columns, dtype=gates.dtype), np.zeros(padded * columns, dtype=gates.dtype)
    changes, around = np.zeros(padded * n_gates * size, dtype=gates.dtype), np.zeros(padded * size, dtype=gates.dtype)
    scratch = np.empty(2 * size, dtype=gates.dtype)
    _enter((first, end), size, width, last, through, columns, around)
    for item in range(n_items - 1, -1, -1):
        for row in range(end - first):
            at, here, there = item * n_rows + first + row, row * size, row * columns
            block = (first + row) // ROWS * 6 * size
            before, earlier = (outputs, size * (at - n_rows)) if item else (state, width * (first + row))
            if n_gates == 3:
                _gru_normal(size, gates, 3 * size * at, before, earlier, statistics, 2 * at, scratch)
                arrive(size, towards, size * at, through, there, around, here, scratch)
            else:
                _lstm_normal(size, gates, 4 * size * at, inner, size * at, statistics, 2 * at, scratch)
                arrive(size, towards, size * at, through, there, zeros, 0, scratch)
            unnormalise(size, statistics[2 * at + 1], norm, scratch, sums, block + 4 * size)
            if n_gates == 3:
                _gru_unmix(
                    size, gates, 3 * size * at, inner, size * at, before, earlier, scratch, around, here, changes,
                    3 * here, sums, block,
                )  # fmt: skip
            else:
                c_before, c_earlier = (inner, earlier) if item else (state, earlier + size)
                _lstm_unmix(
                    size, gates, 4 * size * at, inner, size * at, c_before, c_earlier, scratch, around, here, changes,
                    4 * here, sums, block,
                )  # fmt: skip
        product(changes, padded, n_gates * size, weight, zeros, through)
    _leave((first, end), size, width, last, through, columns, around)


@inlined
def _enter(
    rows: tuple[int, int],
    size: int,
    width: int,
    last: np.ndarray,
    through: np.ndarray,
    columns: int,
    around: np.ndarray,
) -> None:
    """Take over the gradients of the states after the last item: as if they had come through the products, and of c."""
    for row in range(rows[1] - rows[0]):
        begin, here, there = width * (rows[0] + row), row * size, row * columns
        through[there : there + size] = last[begin : begin + size]
        if width > size:
            around[here : here + size] = last[begin + size : begin + 2 * size]


@inlined
def _leave(
    rows: tuple[int, int],
    size: int,
    width: int,
    last: np.ndarray,
    through: np.ndarray,
    columns: int,
    around: np.ndarray,
) -> None:
    """Give back the gradients of the states before the first item."""
    for row in range(rows[1] - rows[0]):
        begin, here, there = width * (rows[0] + row), row * size, row * columns
        for j in range(size):
            last[begin + j] = through[there + j]
            if width > size:
                last[begin + size + j] = around[here + j]
            else:
                last[begin + j] += around[here + j]
