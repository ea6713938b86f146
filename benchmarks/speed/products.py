"""The matrix products alone: what no implementation of a network in this precision can do without.

The forward product of each linear layer, and backward that of its weight's gradient and, but for the first layer, that
of its input's; into memory that is there already, and nothing else: no bias, no activation, no loss, no optimiser, no
data. For recurrent layers the products with the input are one for all steps, as the weights' gradients are; only the
products with the state are one a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

Work = Callable[[], None]


def dense_step(widths: Sequence[int], rows: int, device: str, *, learn: bool = True) -> Work:
    """One step of a fully connected network.

    Args:
        widths: From the input to the output: ``[784, 392, 2, 392, 784]``.
        rows: Of the batch.
        device: Where.
        learn: Forward and backward, or forward alone.
    """
    layers = list(pairwise(widths))
    weights = [torch.randn(b, a, device=device) for a, b in layers]
    values = [torch.randn(rows, width, device=device) for width in widths]
    slopes, steps = [torch.randn_like(value) for value in values], [torch.empty_like(weight) for weight in weights]

    def run() -> None:
        for number, weight in enumerate(weights):
            torch.mm(values[number], weight.T, out=values[number + 1])
        for number in reversed(range(len(weights) if learn else 0)):
            torch.mm(slopes[number + 1].T, values[number], out=steps[number])
            if number:
                torch.mm(slopes[number + 1], weights[number], out=slopes[number])

    return _tamed(run, weights)


def recurrent_step(sizes: tuple[int, int, int, int], gates: int, rows: int, steps: int, device: str) -> Work:
    """One step of learning of a recurrent network with its head.

    Args:
        sizes: Items, embedding, hidden, layers.
        gates: 3 for a GRU, 4 for an LSTM.
        rows: Of the batch.
        steps: Of a window, T.
        device: Where.
    """
    n_items, embedding, hidden, layers = sizes
    inputs = [embedding, *[hidden] * (layers - 1)]
    parts = [_layer(size, hidden, gates, rows, steps, device) for size in inputs]
    head = dense_step([hidden, hidden, n_items], rows * steps, device)
    # The head's own input has a gradient too.
    slope, weight = torch.randn(rows * steps, hidden, device=device), torch.randn(hidden, hidden, device=device)
    into = torch.empty_like(slope)

    def run() -> None:
        for forward, _ in parts:
            forward()
        head()
        torch.mm(slope, weight, out=into)
        for _, backward in reversed(parts):
            backward()

    return run


def _layer(size: int, hidden: int, gates: int, rows: int, steps: int, device: str) -> tuple[Work, Work]:
    """Forward and backward of one recurrent layer."""
    wide = gates * hidden
    weight_input, weight_state = torch.randn(wide, size, device=device), torch.randn(wide, hidden, device=device)
    x, projected = torch.randn(steps * rows, size, device=device), torch.empty(steps * rows, wide, device=device)
    states, slopes = torch.randn(steps, rows, hidden, device=device), torch.randn(steps, rows, wide, device=device)
    recurrent, back = torch.empty(rows, wide, device=device), torch.empty(rows, hidden, device=device)
    step_input, step_state, step_x = torch.empty_like(weight_input), torch.empty_like(weight_state), torch.empty_like(x)

    def forward() -> None:
        torch.mm(x, weight_input.T, out=projected)
        for state in states:
            torch.mm(state, weight_state.T, out=recurrent)

    def backward() -> None:
        for slope in slopes:
            torch.mm(slope, weight_state, out=back)
        flat = slopes.flatten(0, 1)
        torch.mm(flat.T, states.flatten(0, 1), out=step_state)
        torch.mm(flat.T, x, out=step_input)
        torch.mm(flat, weight_input, out=step_x)

    return forward, backward


def _tamed(run: Work, weights: Sequence[Tensor]) -> Work:
    """With weights small enough that values neither vanish nor overflow, which would change what a product costs."""
    for weight in weights:
        weight.div_(weight.shape[1] ** 0.5)
    return run
