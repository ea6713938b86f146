"""Recurrent cells whose normalised state is what they give and what they are fed, and the scan over time.

This is the definition in torch; faster kernels give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from latens.kernels.aligned import even_linear

__all__ = ["CELLS", "Cell", "LayerNormGRUCell", "LayerNormLSTMCell", "scan"]


class Cell(nn.Module):
    """What the cells share: their weights, and the products with them.

    Args:
        input_size: Numbers in an item, E.
        hidden_size: Numbers in an output, H.
        gates: Blocks of H rows in each weight.
        memories: Blocks of H numbers in a state; the first is the output.
    """

    def __init__(self, input_size: int, hidden_size: int, gates: int, memories: int) -> None:
        super().__init__()
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
        """The input's part of the gates, for one item or for all at once."""
        return self._linear(x, self.weight_input, self.bias_input)

    def recur(self, state: Tensor) -> Tensor:  # (B, S) -> (B, G·H)
        """The state's part of the gates."""
        return self._linear(self.output(state), self.weight_state, self.bias_state)

    def output(self, state: Tensor) -> Tensor:  # (B, S) -> (B, H)
        """The part of a state that the next layer sees."""
        return state[..., : self.hidden_size]

    def _linear(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return (functional.linear if self.training else even_linear)(x, weight, bias)


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
        super().__init__(input_size, hidden_size, gates=3, memories=1)

    def forward(self, projected: Tensor, state: Tensor) -> Tensor:  # (B, 3H), (B, H) -> (B, H)
        reset_x, update_x, new_x = projected.chunk(3, dim=-1)
        reset_h, update_h, new_h = self.recur(state).chunk(3, dim=-1)
        new = torch.tanh(torch.addcmul(new_x, torch.sigmoid(reset_x + reset_h), new_h))
        h: Tensor = self.norm(torch.lerp(new, state, torch.sigmoid(update_x + update_h)))
        return h


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
        super().__init__(input_size, hidden_size, gates=4, memories=2)

    def forward(self, projected: Tensor, state: Tensor) -> Tensor:  # (B, 4H), (B, 2H) -> (B, 2H)
        keep_in, forget, new, out = (projected + self.recur(state)).chunk(4, dim=-1)
        memory = torch.sigmoid(forget) * state[..., self.hidden_size :] + torch.sigmoid(keep_in) * torch.tanh(new)
        h = self.norm(torch.sigmoid(out) * torch.tanh(memory))
        return torch.cat([h, memory], dim=-1)


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
    outputs = []
    for projected in cell.project(x):
        state = cell(projected, state)
        outputs.append(cell.output(state))
    return torch.stack(outputs), state
