"""The cells as Triton functions, and numbers on their way from memory; shapes as in `triton_programs`."""

from __future__ import annotations

import triton
import triton.language as tl

__all__ = ["gated", "loaded", "mix", "normalised", "places", "sigmoid", "tanh", "tile_of", "tiles_of", "vector"]


@triton.jit
def places(batch: int, H: tl.constexpr, W: tl.constexpr, R: tl.constexpr) -> tl.tuple:
    """The program's rows (R,), the places in one (1, W), which rows are there (R, 1), and which numbers (R, W)."""
    row = tl.program_id(0) * R + tl.arange(0, R)
    n = tl.arange(0, W)[None, :]
    real = row[:, None] < batch
    return row, n, real, real & (n < H)


@triton.jit
def tile_of(weight: tl.tensor, H: tl.constexpr, W: tl.constexpr) -> tl.tensor:  # -> (W, W)
    """A weight (H, H)."""
    k = tl.arange(0, W)[:, None]
    n = tl.arange(0, W)[None, :]
    return tl.load(weight + k * H + n, mask=(k < H) & (n < H), other=0.0)


@triton.jit
def tiles_of(weight: tl.tensor, G: tl.constexpr, H: tl.constexpr, W: tl.constexpr) -> tl.tuple:
    """Each gate's weights; a compiler that sees no use for them loads none."""
    last = tile_of(weight + (G - 1) * H * H, H, W)
    return tile_of(weight, H, W), tile_of(weight + H * H, H, W), tile_of(weight + 2 * H * H, H, W), last


@triton.jit
def vector(values: tl.tensor, H: tl.constexpr, W: tl.constexpr) -> tl.tensor:  # -> (1, W)
    """H numbers."""
    n = tl.arange(0, W)[None, :]
    return tl.load(values + n, mask=n < H, other=0.0)


@triton.jit
def loaded(at: tl.tensor, inside: tl.tensor, G: tl.constexpr, H: tl.constexpr) -> tl.tuple:
    """What lies H apart from pointers (R, W); of three parts the last is given twice."""
    first = tl.load(at, mask=inside, other=0.0)
    second = tl.load(at + H, mask=inside, other=0.0)
    third = tl.load(at + 2 * H, mask=inside, other=0.0)
    fourth = third
    if G == 4:
        fourth = tl.load(at + 3 * H, mask=inside, other=0.0)
    return first, second, third, fourth


@triton.jit
def sigmoid(x: tl.tensor) -> tl.tensor:
    """As fast as the device has it; far below zero it is zero."""
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def tanh(x: tl.tensor) -> tl.tensor:
    """From the exponential, which the device has."""
    shrunk = tl.exp(-2.0 * tl.abs(x))  # cannot overflow
    size = (1.0 - shrunk) / (1.0 + shrunk)
    return tl.where(x < 0.0, -size, size)


@triton.jit
def gated(x: tl.tuple, u: tl.tuple, b: tl.tuple, G: tl.constexpr) -> tl.tuple:
    """Of a GRU reset, update, new and what the state gave to new; of an LSTM in, forget, new and out."""
    first = sigmoid(x[0] + u[0] + b[0])
    second = sigmoid(x[1] + u[1] + b[1])
    if G == 3:
        fourth = u[2] + b[2]
        third = tanh(x[2] + first * fourth)
    else:
        third = tanh(x[2] + u[2] + b[2])
        fourth = sigmoid(x[3] + u[3] + b[3])
    return first, second, third, fourth


@triton.jit
def mix(g: tl.tuple, h: tl.tensor, c_next: tl.tensor, G: tl.constexpr) -> tl.tensor:
    """What is normalised: of a GRU from the state before, of an LSTM from the cell state after."""
    found = g[2] + g[1] * (h - g[2]) if G == 3 else g[3] * tanh(c_next)
    return found


@triton.jit
def normalised(
    m: tl.tensor, inside: tl.tensor, H: tl.constexpr, EPS: tl.constexpr
) -> tl.tuple:  # -> (R, W), (R,), (R,)
    """Numbers of mean zero and variance one; the mean that they had, and what they were multiplied with."""
    mean = tl.sum(m, axis=1) / H
    centred = tl.where(inside, m - mean[:, None], 0.0)
    scale = 1.0 / tl.sqrt(tl.sum(centred * centred, axis=1) / H + EPS)
    return centred * scale[:, None], mean, scale
