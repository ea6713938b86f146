"""Recurrent cells whose normalised state is what they give and what they are fed, and the scan over time.

This is the definition in torch; the kernels that `scan` prefers, where there is one for the device, give the same
numbers faster.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from latens.kernels.aligned import even_linear
from latens.kernels.products import learning_linear
from latens.kernels.scans import fastest

__all__ = ["CELLS", "STEPS", "Cell", "LayerNormGRUCell", "LayerNormLSTMCell", "scan", "scan_in_torch"]

Normalise: TypeAlias = Callable[[Tensor], Tensor]


def gru_step(projected: Tensor, recurred: Tensor, state: Tensor, normalise: Normalise) -> Tensor:
    """The state after an item, (B, H), from its part of the gates and the state's, (B, 3H); `LayerNormGRUCell`."""
    reset_x, update_x, new_x = projected.chunk(3, dim=-1)
    reset_h, update_h, new_h = recurred.chunk(3, dim=-1)
    new = torch.tanh(torch.addcmul(new_x, torch.sigmoid(reset_x + reset_h), new_h))
    return normalise(torch.lerp(new, state, torch.sigmoid(update_x + update_h)))


def lstm_step(projected: Tensor, recurred: Tensor, state: Tensor, normalise: Normalise) -> Tensor:
    """The state after an item, (B, 2H), from its part of the gates and the state's, (B, 4H); `LayerNormLSTMCell`."""
    keep_in, forget, new, out = (projected + recurred).chunk(4, dim=-1)
    memory = torch.sigmoid(forget) * state[..., new.shape[-1] :] + torch.sigmoid(keep_in) * torch.tanh(new)
    return torch.cat([normalise(torch.sigmoid(out) * torch.tanh(memory)), memory], dim=-1)


STEPS: dict[str, Callable[[Tensor, Tensor, Tensor, Normalise], Tensor]] = {"gru": gru_step, "lstm": lstm_step}


class Cell(nn.Module):
    """What the cells share: their weights, and the products with them.

    Args:
        input_size: Numbers in an item, E.
        hidden_size: Numbers in an output, H.
        kind: Of the cell, a key of `STEPS`.
        gates: Blocks of H rows in each weight.
        memories: Blocks of H numbers in a state; the first is the output.
    """

    def __init__(self, input_size: int, hidden_size: int, kind: str, gates: int, memories: int) -> None:
        super().__init__()
        self.kind = kind
        self.hidden_size, self.state_size = hidden_size, memories * hidden_size
        self.weight_input = nn.Parameter(torch.empty(gates * hidden_size, input_size))
        self.weight_state = nn.Parameter(torch.empty(gates * hidden_size, hidden_size))
        self.bias_input = nn.Parameter(torch.empty(gates * hidden_size))
        self.bias_state = nn.Parameter(torch.empty(gates * hidden_size))
        self.norm = nn.LayerNorm(hidden_size)

    def initialise(self, generator: torch.Generator) -> None:
        """Uniform within one over the root of H, as PyTorch's own cells."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in (self.weight_input, self.weight_state, self.bias_input, self.bias_state):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)

    def project(self, x: Tensor) -> Tensor:  # (*, E) -> (*, G·H)
        """The input's part of the gates, its bias included, for one item or for all at once."""
        return _linear(x, self.weight_input, self.bias_input)

    def forward(self, projected: Tensor, state: Tensor) -> Tensor:  # (B, G·H), (B, S) -> (B, S)
        """The state after an item."""
        recurred = _linear(state[..., : self.hidden_size], self.weight_state, self.bias_state)
        return STEPS[self.kind](projected, recurred, state, self.norm)

    @property
    def recurrence(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, float]:
        """What `scan_in_torch` takes of a cell, from the state's weight on."""
        return self.weight_state, self.bias_input, self.bias_state, self.norm.weight, self.norm.bias, self.norm.eps


class LayerNormGRUCell(Cell):
    r"""A gated recurrent unit, then layer normalisation; the normalised state is the output and is fed back.

    .. math::

        r &= \sigma(W_{ir} x + b_{ir} + W_{hr} h + b_{hr}), \quad z = \sigma(W_{iz} x + b_{iz} + W_{hz} h + b_{hz}) \\
        n &= \tanh(W_{in} x + b_{in} + r \odot (W_{hn} h + b_{hn})) \\
        h' &= \mathrm{LayerNorm}((1 - z) \odot n + z \odot h)

    Cho et al., 2014, https://arxiv.org/abs/1406.1078; Ba et al., 2016, https://arxiv.org/abs/1607.06450.

    Args:
        input_size: Numbers in an item, E.
        hidden_size: Numbers in the state, H.

    Example:
        >>> cell = LayerNormGRUCell(3, 4)
        >>> cell(cell.project(torch.ones(2, 3)), torch.zeros(2, 4)).shape
        torch.Size([2, 4])
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, "gru", gates=3, memories=1)


class LayerNormLSTMCell(Cell):
    r"""A long short-term memory, its output normalised and fed back; the cell state :math:`c` stays as it is.

    .. math::

        i, f, o &= \sigma(W_{i\cdot} x + b_{i\cdot} + W_{h\cdot} h + b_{h\cdot}), \quad
        g = \tanh(W_{ig} x + b_{ig} + W_{hg} h + b_{hg}) \\
        c' &= f \odot c + i \odot g, \qquad h' = \mathrm{LayerNorm}(o \odot \tanh c')

    Hochreiter & Schmidhuber, 1997, https://doi.org/10.1162/neco.1997.9.8.1735.

    Args:
        input_size: Numbers in an item, E.
        hidden_size: Numbers in an output, H; a state holds h and c, 2H.

    Example:
        >>> cell = LayerNormLSTMCell(3, 4)
        >>> cell(cell.project(torch.ones(2, 3)), torch.zeros(2, 8)).shape
        torch.Size([2, 8])
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, "lstm", gates=4, memories=2)


CELLS: dict[str, Callable[[int, int], Cell]] = {
    "gru": LayerNormGRUCell,
    "lstm": LayerNormLSTMCell,
}


def scan(cell: Cell, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:  # (T, B, E), (B, S) -> (T, B, H), (B, S)
    """A layer over time: the products with the input are one for all items, the rest goes from item to item.

    Args:
        cell: Of the layer.
        x: (T, B, E), the items, time first.
        state: (B, S), before the first one.

    Returns:
        The outputs, (T, B, H), and the state after the last item.

    Example:
        >>> outputs, state = scan(LayerNormGRUCell(3, 4), torch.ones(5, 2, 3), torch.zeros(2, 4))
        >>> outputs.shape, bool((outputs[-1] == state).all())
        (torch.Size([5, 2, 4]), True)
    """
    projected = _linear(x, cell.weight_input, None)
    run = fastest(cell.kind, projected) or scan_in_torch
    return run(cell.kind, projected, state, *cell.recurrence)


def scan_in_torch(
    kind: str,
    projected: Tensor,
    state: Tensor,
    weight: Tensor,
    bias_input: Tensor,
    bias: Tensor,
    gamma: Tensor,
    beta: Tensor,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """The recurrent part of a layer, item by item: the reference of the kernels, each of which has this signature.

    Args:
        kind: A key of `STEPS`.
        projected: (T, B, G·H), the input's part of the gates without its bias, which a kernel adds where it reads them.
        state: (B, S), before the first item; its first H numbers are the output.
        weight: (G·H, H), of the state's part.
        bias_input: (G·H,), of the input's part.
        bias: (G·H,), of the state's part.
        gamma: (H,), the weight of the normalisation.
        beta: (H,), its bias.
        eps: Added to the variance.

    Returns:
        The outputs, (T, B, H), and the state after the last item, (B, S).
    """
    size, outputs = len(gamma), []

    def normalise(x: Tensor) -> Tensor:
        return functional.layer_norm(x, (size,), gamma, beta, eps)

    for each in projected + bias_input:
        state = STEPS[kind](each, _linear(state[..., :size], weight, bias), state, normalise)
        outputs.append(state[..., :size])
    return torch.stack(outputs), state


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Where nobody wants a gradient, a row's answer does not depend on its place in the batch."""
    return (learning_linear if torch.is_grad_enabled() else even_linear)(x, weight, bias)
