"""A network over items of a vocabulary that reads and writes item by item, in numba.

The loop over items, the layers, the head, the filters and the draw are one function: nothing is handed to Python
between two items. The products of the embedding with the first layer's weight are looked up. A row's numbers are the
same bits alone and among others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from latens.kernels import cpu_gru, cpu_lstm
from latens.kernels.compiling import borrowing, compiled, inlined
from latens.kernels.cpu_filters import SETTINGS, exponentials, filtered, log_prob, pick
from latens.kernels.cpu_norm import normalise
from latens.kernels.threads import in_parts
from latens.kernels.tiles import ROWS, product, row_product
from latens.kernels.vectors import greater, keep, load, splat, store, total

__all__ = ["POOLINGS", "ROWS", "draw", "feed", "in_parts", "read", "settings"]

# What `read` makes of a row's outputs: the last one, their sum, the greatest of each number.
POOLINGS = {"last": 0, "mean": 1, "max": 2}

# All numbers of a network stand in one array. A layer's: the input's weight (of the first layer the table of its
# products with all items) and bias, the state's weight and bias, the normalisation; then the head's: hidden weight and
# bias, normalisation, output weight and bias. Where each begins and the last ends is in `places`, (L + 1, 6).


def settings(given: Mapping[str, Any]) -> np.ndarray:
    """The filters' values as `draw` takes them.

    Args:
        given: By name; None is off.

    Example:
        >>> settings({"temperature": 0.5}).tolist()
        [1.0, 0.5, 0.0, 1.0, 0.0, 1.0]
    """
    return np.array([off if given.get(name) is None else float(given[name]) for name, off in SETTINGS.items()])


_gru, _lstm = cpu_gru.mix, cpu_lstm.mix
_SLOPE = 0.01  # of LeakyReLU below zero


@inlined
def _multiply(a: np.ndarray, rows: int, k: int, w: np.ndarray, bias: np.ndarray, c: np.ndarray) -> None:
    """Rows times a weight, packed for one row or for many."""
    if rows == 1:
        row_product(a, 0, k, w, bias, c)
    else:
        product(a, rows, k, w, bias, c)


@borrowing
def _layer(
    shape: tuple[int, int, int],
    weights: np.ndarray,
    at: np.ndarray,
    items: np.ndarray,
    below: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    scratch: tuple[np.ndarray, ...],
    first: bool,
    eps: float,
) -> None:
    """One layer goes on by one item: its state h (R, H), and of an LSTM c (R, H), become the next.

    Args:
        shape: Rows, H, gates.
        weights: All numbers of the network.
        at: (6,) where this layer's parts begin, and where the last ends.
        items: (R,) what each row reads; only the first layer looks at it.
        below: (R, H), the outputs of the layer below.
        h: (R, H), changed.
        c: (R, H), changed.
        scratch: See `_scratch`.
        first: Whether this is the first layer, whose input's part is a table with a row an item.
        eps: Of the normalisation.
    """
    rows, size, n_gates = shape
    gates, products, nothing = scratch[0], scratch[1], scratch[4]  # the input's bias is in its products
    state_bias, norm = weights[at[3] : at[4]], weights[at[4] : at[5]]
    if not first:
        _multiply(below, rows, size, weights[at[0] : at[1]], weights[at[1] : at[2]], gates)
    _multiply(h, rows, size, weights[at[2] : at[3]], state_bias, products)
    table, stride, columns = weights[at[0] : at[1]], n_gates * size, len(state_bias)
    for row in range(len(items)):
        here, there = row * size, row * columns
        source, place = (table, items[row] * stride) if first else (gates, there)
        if n_gates == 3:
            mean = _gru(size, source, place, nothing, products, there, h, here, h, here, False)
        else:
            mean = _lstm(size, source, place, products, there, c, here, c, here, h, here, False)
        normalise(size, mean, eps, norm, h, here, h, here)


@borrowing
def _head(
    rows: int,
    size: int,
    weights: np.ndarray,
    at: np.ndarray,
    top: np.ndarray,
    scratch: tuple[np.ndarray, ...],
    eps: float,
) -> None:
    """The head: logits (R, columns) of what follows, in `scratch`, from the top layer's outputs (R, H)."""
    hidden, logits, wide = scratch[2], scratch[3], scratch[5]
    bias, norm = weights[at[1] : at[2]], weights[at[2] : at[3]]
    _multiply(top, rows, size, weights[at[0] : at[1]], bias, wide)
    slope = splat(_SLOPE, weights)
    for row in range(rows):
        summed, here, there = splat(0.0, weights), row * size, row * len(bias)
        for j in range(0, size, 64 // weights.itemsize):
            n = size - j
            x = load(wide, there + j, n)
            x = greater(x, slope * x)
            summed = summed + keep(x, n)
            store(hidden, here + j, x, n)
        normalise(size, total(summed) / size, eps, norm, hidden, here, hidden, here)
    _multiply(hidden, rows, size, weights[at[3] : at[4]], weights[at[4] : at[5]], logits)


@borrowing
def _step(
    shape: tuple[int, int, int],
    weights: np.ndarray,
    places: np.ndarray,
    items: np.ndarray,
    hs: np.ndarray,
    cs: np.ndarray,
    scratch: tuple[np.ndarray, ...],
    eps: float,
) -> None:
    """All layers go on by one item; states (L, R, H) become the next."""
    rows, size, _ = shape
    n, below = rows * size, hs[:0]
    for layer in range(len(places) - 1):
        h, c = hs[layer * n : (layer + 1) * n], cs[layer * n : (layer + 1) * n]
        _layer(shape, weights, places[layer], items, below, h, c, scratch, layer == 0, eps)
        below = h


@inlined
def _scratch(rows: int, size: int, weights: np.ndarray, places: np.ndarray) -> Any:
    """Gates, products, hidden units, logits, zeros for a bias that is added already, and the head before it narrows."""
    columns, head = places[0, 4] - places[0, 3], places[-1]
    return (
        np.empty(rows * columns, dtype=weights.dtype),
        np.empty(rows * columns, dtype=weights.dtype),
        np.empty(rows * size, dtype=weights.dtype),
        np.empty(rows * (head[5] - head[4]), dtype=weights.dtype),
        np.zeros(size, dtype=weights.dtype),
        np.empty(rows * (head[2] - head[1]), dtype=weights.dtype),
    )


@compiled
def feed(
    shape: tuple[int, int, int],
    weights: np.ndarray,
    places: np.ndarray,
    items: np.ndarray,
    hs: np.ndarray,
    cs: np.ndarray,
    said: np.ndarray,
    eps: float,
) -> None:
    """One row reads some items.

    Args:
        shape: 1, H, gates.
        weights: All numbers of the network, packed for one row.
        places: (L + 1, 6), where each layer's parts and the head's begin and end.
        items: (T,), at least one.
        hs: (L · H,), the outputs that are fed back, changed.
        cs: (L · H,), of an LSTM the cell state, changed.
        said: (V,), written: the logits after the last item.
        eps: Of the normalisations.
    """
    scratch = _scratch(1, shape[1], weights, places)
    for item in range(len(items)):
        _step(shape, weights, places, items[item : item + 1], hs, cs, scratch, eps)
    _head(1, shape[1], weights, places[-1], hs[len(hs) - shape[1] :], scratch, eps)
    said[:] = scratch[3][: len(said)]


@compiled
def read(
    shape: tuple[int, int, int],
    weights: np.ndarray,
    places: np.ndarray,
    items: np.ndarray,
    lengths: np.ndarray,
    costs: np.ndarray,
    pooled: np.ndarray,
    pooling: int,
    eps: float,
) -> None:
    """Rows read their items from an empty state: what each item but the first costs, or their outputs pooled.

    Args:
        shape: Rows with padding (one, or a multiple of `ROWS`), H, gates.
        weights: All numbers of the network, packed for one row or for many.
        places: (L + 1, 6), where each layer's parts and the head's begin and end.
        items: (T, B), zeros where a row has ended.
        lengths: (B,), at least one.
        costs: (B, T) float64, written but for the first column; of no columns if they are not wanted.
        pooled: (B, H) float64, zeros, written; of no columns if they are not wanted.
        pooling: 0 for the last output, 1 for the sum, 2 for the greatest.
        eps: Of the normalisations.
    """
    rows, size, _ = shape
    n, scratch, head = rows * size, _scratch(rows, size, weights, places), places[-1]
    hs, cs = np.zeros((len(places) - 1) * n, dtype=weights.dtype), np.zeros((len(places) - 1) * n, dtype=weights.dtype)
    top, columns, n_items = hs[len(hs) - n :], head[5] - head[4], places[0, 1] // (shape[2] * size)
    wide = np.empty(n_items, dtype=np.float64)
    for step in range(len(items)):
        _step(shape, weights, places, items[step], hs, cs, scratch, eps)
        if pooled.shape[1]:
            _pool(size, top, lengths, step, pooled, pooling)
        if costs.shape[1] and step + 1 < len(items):
            _head(rows, size, weights, head, top, scratch, eps)
            for row in range(len(lengths)):
                if step + 1 < lengths[row]:
                    logits = scratch[3][row * columns : row * columns + n_items]
                    costs[row, step + 1] = -log_prob(logits, items[step + 1, row], exponentials(logits, wide))


@inlined
def _pool(size: int, top: np.ndarray, lengths: np.ndarray, step: int, pooled: np.ndarray, pooling: int) -> None:
    for row in range(len(lengths)):
        if step >= lengths[row] or (pooling == 0 and step + 1 < lengths[row]):
            continue
        for j in range(size):
            x = np.float64(top[row * size + j])
            if pooling == 1:
                pooled[row, j] += x
            elif pooling == 0 or step == 0 or not x <= pooled[row, j]:
                pooled[row, j] = x


@compiled
def draw(
    shape: tuple[int, int, int],
    weights: np.ndarray,
    places: np.ndarray,
    hs: np.ndarray,
    cs: np.ndarray,
    said: np.ndarray,
    seen: np.ndarray,
    uniform: np.ndarray,
    settings: np.ndarray,
    ids: np.ndarray,
    log_probs: np.ndarray,
    eps: float,
) -> tuple[int, int]:
    """Rows draw some items each, and read them.

    Args:
        shape: Rows with padding (one, or a multiple of `ROWS`), H, gates.
        weights: All numbers of the network, packed for one row or for many.
        places: (L + 1, 6), where each layer's parts and the head's begin and end.
        hs: (L · R · H,), the outputs that are fed back, changed.
        cs: (L · R · H,), of an LSTM the cell state, changed.
        said: (B, V), the logits of the next item, changed.
        seen: (B, V) bool, the items of each row, changed.
        uniform: (B, K) float64, what draws.
        settings: Of the filters.
        ids: (B, K) int64, written.
        log_probs: (B, K) float64, written: nats that the model itself gives them.
        eps: Of the normalisations.

    Returns:
        Row and step of the first logits that are broken; -1 and -1 if none are.
    """
    rows, size, _ = shape
    scratch, head = _scratch(rows, size, weights, places), places[-1]
    columns, top = head[5] - head[4], (len(places) - 2) * rows * size
    wide, changed = np.empty(said.shape[1], dtype=np.float64), np.empty(said.shape[1], dtype=said.dtype)
    items = np.zeros(len(said), dtype=np.int64)
    for step in range(uniform.shape[1]):
        for row in range(len(said)):
            summed = exponentials(said[row], wide)
            if not np.isfinite(summed):
                return row, step
            changed[:] = said[row]
            filtered(changed, seen[row], settings, wide)
            item = pick(changed, uniform[row, step], wide)
            ids[row, step], items[row] = item, item
            log_probs[row, step], seen[row, item] = log_prob(said[row], item, summed), True
        _step(shape, weights, places, items, hs, cs, scratch, eps)
        _head(rows, size, weights, head, hs[top : top + rows * size], scratch, eps)
        for row in range(len(said)):
            said[row] = scratch[3][row * columns : row * columns + said.shape[1]]
    return -1, -1
