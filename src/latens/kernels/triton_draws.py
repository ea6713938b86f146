"""A network over items of a vocabulary that draws and reads item by item, as one Triton program for a few rows.

The loop over items is inside; the weights come from the cache at each of them. What the embedding gives to the first
layer's gates is looked up. Shapes: R rows, H and W as in `triton_programs`, V items, N = V rounded up to a power of 2.
"""

from __future__ import annotations

import triton
import triton.language as tl

from latens.kernels.triton_cells import gated, loaded, mix, normalised, places, tile_of, vector

__all__ = ["draw"]


@triton.jit
def _times(rows: tl.tensor, weight: tl.tensor, H: tl.constexpr, W: tl.constexpr) -> tl.tensor:  # (R, W) -> (R, W)
    return tl.sum(rows[:, :, None] * tile_of(weight, H, W)[None, :, :], axis=1)


@triton.jit
def _times_each(rows: tl.tensor, weight: tl.tensor, G: tl.constexpr, H: tl.constexpr, W: tl.constexpr) -> tl.tuple:
    """For each gate; of three the last is given twice."""
    first = _times(rows, weight, H, W)
    second = _times(rows, weight + H * H, H, W)
    third = _times(rows, weight + 2 * H * H, H, W)
    fourth = third
    if G == 4:
        fourth = _times(rows, weight + 3 * H * H, H, W)
    return first, second, third, fourth


@triton.jit
def _layer(
    x: tl.tuple,
    at: tl.tensor,  # pointers (R, W) to the states
    weight: tl.tensor,  # (G, H, H), the transpose of each gate's; then biases, gamma, beta
    inside: tl.tensor,
    G: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    EPS: tl.constexpr,
) -> tl.tensor:
    """The state in memory goes on by one item; the output."""
    S: tl.constexpr = H * (G - 2)
    n, vectors = tl.arange(0, W)[None, :], weight + G * H * H
    h, c = tl.load(at, mask=inside, other=0.0), tl.load(at + (S - H), mask=inside, other=0.0)
    g = gated(x, _times_each(h, weight, G, H, W), loaded(vectors + n, n < H, G, H), G)
    if G == 4:
        c = g[1] * c + g[0] * g[2]
        tl.store(at + H, c, mask=inside)
    normal, _, _ = normalised(mix(g, h, c, G), inside, H, EPS)
    h = normal * vector(vectors + G * H, H, W) + vector(vectors + (G + 1) * H, H, W)
    tl.store(at, h, mask=inside)
    return h


@triton.jit
def _head(
    h: tl.tensor,
    weight: tl.tensor,  # (H, H), the transpose; bias, gamma, beta; (H, V), the transpose; bias
    inside: tl.tensor,
    H: tl.constexpr,
    W: tl.constexpr,
    V: tl.constexpr,
    N: tl.constexpr,
    EPS: tl.constexpr,
) -> tl.tensor:  # -> (R, N)
    a = _times(h, weight, H, W) + vector(weight + H * H, H, W)
    normal, _, _ = normalised(tl.where(a > 0.0, a, 0.01 * a), inside, H, EPS)
    a = normal * vector(weight + H * H + H, H, W) + vector(weight + H * H + 2 * H, H, W)
    out, k, i = weight + H * H + 3 * H, tl.arange(0, W)[:, None], tl.arange(0, N)[None, :]
    tile = tl.load(out + k * V + i, mask=(k < H) & (i < V), other=0.0)
    said = tl.sum(a[:, :, None] * tile[None, :, :], axis=1) + vector(out + H * V, V, N)
    return tl.where(i < V, said, float("-inf"))


@triton.jit
def _filtered(
    said: tl.tensor,
    seen: tl.tensor,
    temperature: tl.tensor,
    penalty: tl.tensor,
    TEMPERED: tl.constexpr,
    PENALISED: tl.constexpr,
) -> tl.tensor:
    if PENALISED:
        said = tl.where(seen, tl.where(said > 0.0, said / penalty, said * penalty), said)
    if TEMPERED:
        said = (said - tl.max(said, axis=1)[:, None]) / temperature
    return said


@triton.jit
def _pick(filtered: tl.tensor, uniform: tl.tensor, N: tl.constexpr) -> tl.tensor:  # (R, N), (R,) -> (R,)
    """As `latens.sampling.pick`: sums in float64 and in order of id, and never an item of probability zero."""
    i = tl.arange(0, N)[None, :]
    p = tl.exp((filtered - tl.max(filtered, axis=1)[:, None]).to(tl.float64))
    total = tl.cumsum(p, axis=1)
    reached = (total > (uniform * tl.max(total, axis=1))[:, None]) & (p > 0.0)
    first = tl.min(tl.where(reached, i, N), axis=1)
    return tl.where(first < N, first, tl.argmax(p, axis=1))


@triton.jit
def _log_prob(said: tl.tensor, item: tl.tensor, N: tl.constexpr) -> tl.tensor:  # (R, N), (R,) -> (R,) float64
    below = (said - tl.max(said, axis=1)[:, None]).to(tl.float64)
    own = tl.sum(tl.where(tl.arange(0, N)[None, :] == item[:, None], below, 0.0), axis=1)
    return own - tl.log(tl.sum(tl.exp(below), axis=1))


@triton.jit(do_not_specialize=["steps", "batch", "temperature", "penalty"])
def draw(
    table: tl.tensor,  # (V, G, H), what each item gives to the first layer's gates
    layers: tl.tensor,  # (L, G·H·H + G·H + G·H·H + (G + 2)·H): of a layer input's weights and bias, then as `_layer`
    head: tl.tensor,  # as `_head`
    states: tl.tensor,  # (L, B, S), left behind the last item
    logits: tl.tensor,  # (B, V), likewise
    marks: tl.tensor,  # (B, V) int8, what was seen; only read
    uniform: tl.tensor,  # (K, B) float64
    ids: tl.tensor,  # (K, B) int64
    log_probs: tl.tensor,  # (K, B) float64
    steps: int,
    batch: int,
    temperature: float,
    penalty: float,
    L: tl.constexpr,
    G: tl.constexpr,
    H: tl.constexpr,
    W: tl.constexpr,
    V: tl.constexpr,
    N: tl.constexpr,
    R: tl.constexpr,
    EPS: tl.constexpr,
    GREEDY: tl.constexpr,
    TEMPERED: tl.constexpr,
    PENALISED: tl.constexpr,
) -> None:
    """Draw and read K items for each of R rows; where logits are broken, log_probs are not finite."""
    SIZE: tl.constexpr = 2 * G * H * H + (2 * G + 2) * H
    row, n, real, inside = places(batch, H, W, R)
    i, there = tl.arange(0, N)[None, :], row < batch
    words = real & (i < V)
    said = tl.load(logits + row[:, None] * V + i, mask=words, other=float("-inf"))
    seen = tl.load(marks + row[:, None] * V + i, mask=words, other=0) != 0
    for step in range(steps):
        u = tl.load(uniform + step * batch + row, mask=there, other=0.0)
        filtered = _filtered(said, seen, temperature, penalty, TEMPERED, PENALISED)
        item = tl.argmax(filtered, axis=1) if GREEDY else _pick(filtered, u, N)
        tl.store(ids + step * batch + row, item.to(tl.int64), mask=there)
        tl.store(log_probs + step * batch + row, _log_prob(said, item, N), mask=there)
        seen = seen | (i == item[:, None])
        x = loaded(table + tl.minimum(item, V - 1)[:, None] * (G * H) + n, inside, G, H)
        h = _layer(x, states + row[:, None] * (H * (G - 2)) + n, layers + G * H * H + G * H, inside, G, H, W, EPS)
        for layer in tl.static_range(1, L):
            weight = layers + layer * SIZE
            x, b = _times_each(h, weight, G, H, W), loaded(weight + G * H * H + n, n < H, G, H)
            x = (x[0] + b[0], x[1] + b[1], x[2] + b[2], x[3] + b[3])
            at = states + (layer * batch + row[:, None]) * (H * (G - 2)) + n
            h = _layer(x, at, weight + G * H * H + G * H, inside, G, H, W, EPS)
        said = _head(h, head, inside, H, W, V, N, EPS)
        tl.debug_barrier()  # the next step reads the states that other threads wrote
    tl.store(logits + row[:, None] * V + i, said, mask=words)
