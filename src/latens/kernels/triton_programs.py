"""The recurrence as Triton programs: the loop over time is inside, and a program keeps its rows from first to last.

A program multiplies a few rows with all weights at every step. That is no work for tensor cores: it is bound by how
fast the weights come. Where one multiprocessor's registers hold them they are read once (Diamos et al., 2016,
"Persistent RNNs", https://proceedings.mlr.press/v48/diamos16.html; Pöppel et al., 2024, "FlashRNN",
https://arxiv.org/abs/2412.07752); where not, they stream from the cache, and a program takes more rows to each reading.
Everything is computed in the weights' dtype.

Shapes: R rows of a program, H numbers in an output, W = H rounded up to a power of two, G gates. What is beyond H is
zero. A gate's weights are a tile (W, W), what is multiplied with it (R, W).
"""

from __future__ import annotations

import triton
import triton.language as tl

from latens.kernels.triton_cells import gated, loaded, mix, normalised, places, tanh, tiles_of, vector

__all__ = ["backward", "forward"]


# --- numbers in memory ------------------------------------------------------------------------------------------------


@triton.jit
def _keep(at: tl.tensor, inside: tl.tensor, parts: tl.tuple, H: tl.constexpr) -> None:
    tl.store(at, parts[0], mask=inside)
    tl.store(at + H, parts[1], mask=inside)
    tl.store(at + 2 * H, parts[2], mask=inside)
    tl.store(at + 3 * H, parts[3], mask=inside)


# --- products ---------------------------------------------------------------------------------------------------------


@triton.jit
def _streamed(
    v: tl.tensor, real: tl.tensor, weight: tl.tensor, H: tl.constexpr, W: tl.constexpr, CHUNK: tl.constexpr
) -> tl.tensor:
    """Rows at pointers v (R, 1) times weights, both from memory, a chunk of the sum at a time."""
    n = tl.arange(0, W)[None, :]
    total = tl.zeros([v.shape[0], CHUNK, W], weight.dtype.element_ty)
    for first in range(0, H, CHUNK):
        k = first + tl.arange(0, CHUNK)
        rows = tl.load(v + k[None, :], mask=real & (k < H)[None, :], other=0.0)
        part = tl.load(weight + k[:, None] * H + n, mask=(k < H)[:, None] & (n < H), other=0.0)
        total += rows[:, :, None] * part[None, :, :]
    return tl.sum(total, axis=1)


@triton.jit
def _product(
    rows: tl.tensor,
    tile: tl.tensor,
    v: tl.tensor,
    real: tl.tensor,
    weight: tl.tensor,
    H: tl.constexpr,
    W: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tensor:
    """Rows times weights: from registers, or, if a chunk is not the whole sum, from memory."""
    if CHUNK == W:
        product = tl.sum(rows[:, :, None] * tile[None, :, :], axis=1)
    else:
        product = _streamed(v, real, weight, H, W, CHUNK)
    return product


@triton.jit
def _products(
    rows: tl.tuple,
    tiles: tl.tuple,
    v: tl.tensor,
    apart: tl.constexpr,
    real: tl.tensor,
    weight: tl.tensor,
    G: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tuple:
    """A product for each gate; in memory its rows lie `apart`. Of three gates the last is given twice."""
    first = _product(rows[0], tiles[0], v, real, weight, H, W, CHUNK)
    second = _product(rows[1], tiles[1], v + apart, real, weight + H * H, H, W, CHUNK)
    third = _product(rows[2], tiles[2], v + 2 * apart, real, weight + 2 * H * H, H, W, CHUNK)
    fourth = third
    if G == 4:
        fourth = _product(rows[3], tiles[3], v + 3 * apart, real, weight + 3 * H * H, H, W, CHUNK)
    return first, second, third, fourth


@triton.jit
def _pulled(
    rows: tl.tuple,
    tiles: tl.tuple,
    v: tl.tensor,
    real: tl.tensor,
    weight: tl.tensor,
    G: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    CHUNK: tl.constexpr,
) -> tl.tensor:
    """What the gates' gradients say of the state: the sum of each one's product."""
    first, second, third, fourth = _products(rows, tiles, v, H, real, weight, G, H, W, CHUNK)
    total = first + second + third
    if G == 4:
        total += fourth
    return total


# --- the cells --------------------------------------------------------------------------------------------------------


@triton.jit
def _gru_back(dm: tl.tensor, g: tl.tuple, h: tl.tensor) -> tl.tuple:
    """Of what the state gives to each gate and what the input gives to new."""
    d_x = dm * (1.0 - g[1]) * (1.0 - g[2] * g[2])
    d_reset = d_x * g[3] * g[0] * (1.0 - g[0])
    d_update = dm * (h - g[2]) * g[1] * (1.0 - g[1])
    return d_reset, d_update, d_x * g[0], d_x


@triton.jit
def _lstm_back(d_out: tl.tensor, dc: tl.tensor, g: tl.tuple, c: tl.tensor) -> tl.tuple:
    """Of what goes into each gate, from that of the cell state after."""
    d_in = dc * g[2] * g[0] * (1.0 - g[0])
    d_forget = dc * c * g[1] * (1.0 - g[1])
    return d_in, d_forget, dc * g[0] * (1.0 - g[2] * g[2]), d_out * g[3] * (1.0 - g[3])


@triton.jit
def _cell_back(
    dm: tl.tensor,
    dc: tl.tensor,
    g: tl.tuple,
    h: tl.tensor,
    c: tl.tensor,
    c_next: tl.tensor,
    G: tl.constexpr,
) -> tl.tuple:
    """Of the gates; of the state before where no gate stands between; of the cell state before."""
    if G == 3:
        d = _gru_back(dm, g, h)
        dh = dm * g[1]
    else:
        shown = tanh(c_next)
        after = dc + dm * g[3] * (1.0 - shown * shown)
        d = _lstm_back(dm * shown, after, g, c)
        dh = tl.zeros_like(dm)
        dc = after * g[1]
    return d, dh, dc


@triton.jit
def _normalised_back(
    d: tl.tensor, normal: tl.tensor, scale: tl.tensor, inside: tl.tensor, H: tl.constexpr
) -> tl.tensor:  # scale (R, 1)
    mean = tl.sum(d, axis=1) / H
    along = tl.sum(d * normal, axis=1) / H
    return tl.where(inside, (d - mean[:, None] - normal * along[:, None]) * scale, 0.0)


# --- the programs -----------------------------------------------------------------------------------------------------


@triton.jit(do_not_specialize=["steps", "batch"])
def forward(
    projected: tl.tensor,  # (T, B, G, H)
    weight: tl.tensor,  # (G, H, H), the transpose of each gate's
    vectors: tl.tensor,  # (G + 2, H): biases, gamma, beta
    states: tl.tensor,  # (T + 1, B, S), the first given
    gates: tl.tensor,  # (T, B, 4, H), for `backward`
    moments: tl.tensor,  # (T, B, 2), for `backward`
    steps: int,
    batch: int,
    G: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    R: tl.constexpr,
    CHUNK: tl.constexpr,
    EPS: tl.constexpr,
    SAVE: tl.constexpr,
) -> None:
    """All steps of R rows; `gates` and `moments` are written only if SAVE."""
    S: tl.constexpr = H * (G - 2)
    row, n, real, inside = places(batch, H, W, R)
    x, v = projected + row[:, None] * (G * H) + n, states + row[:, None] * S
    kept, pair = gates + row[:, None] * (4 * H) + n, moments + row * 2
    tiles = tiles_of(weight, G, H, W)
    h = tl.load(v + n, mask=inside, other=0.0)
    c = tl.load(v + (S - H) + n, mask=inside, other=0.0)
    for _ in range(steps):
        entering = loaded(x, inside, G, H)
        carried = _products((h, h, h, h), tiles, v, 0, real, weight, G, H, W, CHUNK)
        g = gated(entering, carried, loaded(vectors + n, n < H, G, H), G)
        if G == 4:
            c = g[1] * c + g[0] * g[2]
        normal, mean, scale = normalised(mix(g, h, c, G), inside, H, EPS)
        h = normal * vector(vectors + G * H, H, W) + vector(vectors + (G + 1) * H, H, W)
        v += batch * S
        tl.store(v + n, h, mask=inside)
        if G == 4:
            tl.store(v + H + n, c, mask=inside)
        if SAVE:
            _keep(kept, inside, g, H)
            tl.store(pair, mean, mask=row < batch)
            tl.store(pair + 1, scale, mask=row < batch)
        x, kept, pair = x + batch * (G * H), kept + batch * (4 * H), pair + batch * 2
        if CHUNK < W:
            tl.debug_barrier()  # the next step reads what other threads wrote


@triton.jit(do_not_specialize=["steps", "batch"])
def backward(
    d_outputs: tl.tensor,  # (T, B, H)
    weight: tl.tensor,  # (G, H, H)
    gamma: tl.tensor,  # (H,)
    states: tl.tensor,  # (T + 1, B, S)
    gates: tl.tensor,  # (T, B, 4, H)
    moments: tl.tensor,  # (T, B, 2)
    d_state: tl.tensor,  # (B, S), given of the last state, left with that of the first
    d_gates: tl.tensor,  # (T + 1, B, 4, H), as `_gru_back` and `_lstm_back` say; the last given as zeros
    d_norm: tl.tensor,  # (B, 2, H), of gamma and beta
    steps: int,
    batch: int,
    G: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    R: tl.constexpr,
    CHUNK: tl.constexpr,
) -> None:
    """All steps of R rows from the last to the first."""
    S: tl.constexpr = H * (G - 2)
    row, n, real, inside = places(batch, H, W, R)
    end = row.to(tl.int64)[:, None] + steps * batch
    d_out, v, kept = d_outputs + end * H + n, states + end * S + n, gates + end * (4 * H) + n
    pair, d_kept, d_first = moments + end * 2, d_gates + end * (4 * H), d_state + row[:, None] * S + n
    tiles, gain = tiles_of(weight, G, H, W), vector(gamma, H, W)
    dh, dc = tl.load(d_first, mask=inside, other=0.0), tl.load(d_first + (S - H), mask=inside, other=0.0)
    c_next = tl.load(v + (S - H), mask=inside, other=0.0)
    d_gamma = tl.zeros([R, W], weight.dtype.element_ty)
    d_beta, d = d_gamma, (d_gamma, d_gamma, d_gamma, d_gamma)
    for _ in range(steps):
        d_out, v, kept, pair = d_out - batch * H, v - batch * S, kept - batch * (4 * H), pair - batch * 2
        dy, h = tl.load(d_out, mask=inside, other=0.0), tl.load(v, mask=inside, other=0.0)
        c, g = tl.load(v + (S - H), mask=inside, other=0.0), loaded(kept, inside, 4, H)
        mean, scale = tl.load(pair, mask=real, other=0.0), tl.load(pair + 1, mask=real, other=0.0)
        dy += dh + _pulled(d, tiles, d_kept, real, weight, G, H, W, CHUNK)
        normal = tl.where(inside, (mix(g, h, c_next, G) - mean) * scale, 0.0)
        d_gamma, d_beta = d_gamma + dy * normal, d_beta + dy
        dm = _normalised_back(dy * gain, normal, scale, inside, H)
        d, dh, dc = _cell_back(dm, dc, g, h, c, c_next, G)
        c_next = c
        d_kept -= batch * (4 * H)
        _keep(d_kept + n, inside, d, H)
        if CHUNK < W:
            tl.debug_barrier()  # the next step reads what other threads wrote
    dh += _pulled(d, tiles, d_kept, real, weight, G, H, W, CHUNK)
    tl.store(d_first, dh, mask=inside)
    if G == 4:
        tl.store(d_first + H, dc, mask=inside)
    tl.store(d_norm + row[:, None] * (2 * H) + n, d_gamma, mask=inside)
    tl.store(d_norm + row[:, None] * (2 * H) + H + n, d_beta, mask=inside)
