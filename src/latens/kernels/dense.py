"""A batch through a stack of dense layers and back, without a graph: nothing but products and passes over answers.

PyTorch's autograd over the layers themselves is the definition. Here buffers are kept from step to step, answers are
(units, rows), which products and sums over the batch like better, and a gradient is used where it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latens.kernels import passes
from latens.kernels.adamw import FlatAdamW
from latens.kernels.products import multiply
from latens.kernels.stack import DenseLayer, Losing

__all__ = ["DensePass"]


class DensePass:
    """The loss of an autoencoder that is a stack of dense layers, and its gradients.

    Args:
        layers: From the input to the prediction, at least two; nothing follows the last one.
        squashed: Whether the prediction is the logistic function of the last layer's answers.
        optimizer: Where the gradients go.
    """

    def __init__(self, layers: Sequence[DenseLayer], squashed: bool, optimizer: FlatAdamW) -> None:
        self.squashed = squashed
        self._layers = [_Products(layer, optimizer) for layer in layers]
        self._after = [_after(layer, optimizer) for layer in layers[:-1]]
        self._bias = layers[-1].bias.detach()
        self._bias_gradient = optimizer.gradient(layers[-1].bias).numpy()

    def loss(self, x: Tensor, target: Tensor) -> float:  # (B, D), (B, D) -> the mean squared error
        """Forward, up to the gradient of the last layer's answers; what `backward` needs is kept."""
        answer = x.T
        for products, after in zip(self._layers, self._after, strict=False):
            answer = after.forward(products.forward(answer))
        prediction, gradient = self._layers[-1].rows_first(answer)
        prediction.add_(self._bias)
        if self.squashed:
            prediction.sigmoid_()
        found = passes.squared_error(
            prediction.numpy(), target.numpy(), self.squashed, gradient.numpy(), self._bias_gradient
        )
        self._gradient = gradient.T
        return float(found)

    def backward(self) -> None:
        """The gradients of the last loss, each given to the optimiser when it is there."""
        gradient = self._gradient
        for products, after in zip(reversed(self._layers[1:]), reversed(self._after), strict=True):
            gradient = after.backward(products.backward(gradient))
        self._layers[0].weight_gradient(gradient)


class _Products:
    """A layer's three products, into buffers that are kept for each number of rows."""

    def __init__(self, layer: DenseLayer, optimizer: FlatAdamW) -> None:
        self._weight, self._optimizer = layer.weight.detach(), optimizer
        self._blocks = optimizer.blocks(layer.weight)
        self._rooms: dict[tuple[int, ...], Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:  # (in, B) -> (out, B)
        self._input = x
        return multiply(self._weight, x, self._room(0, len(self._weight), x.shape[1]))

    def rows_first(self, x: Tensor) -> tuple[Tensor, Tensor]:  # (in, B) -> (B, out), (B, out)
        """The answers in the order of the data, and room for their gradient."""
        self._input = x
        shape = (x.shape[1], len(self._weight))
        return multiply(x.T, self._weight.T, self._room(0, *shape)), self._room(1, *shape)

    def backward(self, d: Tensor) -> Tensor:  # (out, B) -> (in, B)
        """The gradient of the input; then the weight's own, after which the weight may change."""
        into = multiply(self._weight.T, d, self._room(2, *self._input.shape))
        self.weight_gradient(d)
        return into

    def weight_gradient(self, d: Tensor) -> None:  # (out, B)
        for block in self._blocks:
            part = d if len(self._blocks) == 1 else d[block.rows]
            found = multiply(part, self._input.T, block.gradient)
            if found is not block.gradient:
                block.gradient.copy_(found)
            self._optimizer.take(block)

    def _room(self, *use: int) -> Tensor:
        room = self._rooms.get(use)
        if room is None:
            room = self._rooms[use] = self._weight.new_empty(use[1:])
        return room


class _Plain:
    """Only the bias."""

    def __init__(self, layer: DenseLayer, optimizer: FlatAdamW) -> None:
        self._bias, self._gradient = layer.bias.detach()[:, None], optimizer.gradient(layer.bias)

    def forward(self, z: Tensor) -> Tensor:  # (N, B)
        return z.add_(self._bias)

    def backward(self, d: Tensor) -> Tensor:  # (N, B)
        torch.sum(d, dim=1, out=self._gradient)
        return d


class _Rectified:
    """The bias, and the rectifier."""

    def __init__(self, layer: DenseLayer, optimizer: FlatAdamW) -> None:
        self._bias, self._gradient = layer.bias.detach().numpy(), optimizer.gradient(layer.bias).numpy()

    def forward(self, z: Tensor) -> Tensor:  # (N, B)
        self._h = z.numpy()
        passes.rectify(self._h, self._bias)
        return z

    def backward(self, d: Tensor) -> Tensor:  # (N, B)
        passes.rectify_backward(self._h, d.numpy(), self._gradient)
        return d


class _Normalised:
    """Batch normalisation, and the rectifier if there is one.

    The linear layer's bias has no effect on its answer and so a gradient of zero; what rounding makes of that in
    PyTorch, AdamW turns into steps as large as all others.
    """

    def __init__(self, layer: DenseLayer, norm: nn.BatchNorm1d, optimizer: FlatAdamW) -> None:
        self._rectified, self._epsilon, self._momentum = layer.rectified, norm.eps, float(norm.momentum or 0.0)
        self._layer = tuple(part.detach().numpy() for part in (norm.weight, norm.bias, layer.bias))
        self._running = tuple(_buffer(norm, name) for name in ("running_mean", "running_var", "num_batches_tracked"))
        self._gradients = tuple(optimizer.gradient(part).numpy() for part in (norm.weight, norm.bias))
        self._statistics = np.empty((2, len(layer.bias)), self._layer[0].dtype)
        self._rooms: dict[int, Tensor] = {}

    def forward(self, z: Tensor) -> Tensor:  # (N, B)
        h = self._rooms.setdefault(z.shape[1], torch.empty(0, dtype=z.dtype))
        if not h.numel():
            h = self._rooms[z.shape[1]] = torch.empty_like(z)
        self._z, self._h = z.numpy(), h.numpy()
        numbers = (self._momentum, self._epsilon, self._rectified)
        passes.normalise(self._z, self._layer, self._running, *numbers, self._statistics, self._h)
        return h

    def backward(self, d: Tensor) -> Tensor:  # (N, B)
        known = (self._z, self._h, self._layer[0], self._statistics, self._rectified)
        passes.normalise_backward(*known, d.numpy(), self._gradients)
        return d


class _Losing:
    """Another layer's end, and the loss of units behind it."""

    def __init__(self, inner: _Plain | _Rectified | _Normalised, dropout: Losing) -> None:
        self._inner, self._dropout = inner, dropout

    def forward(self, z: Tensor) -> Tensor:  # (N, B)
        h = self._inner.forward(z)
        self._factors = self._dropout.factors(h.T.shape, h.dtype).T
        return h.mul_(self._factors)

    def backward(self, d: Tensor) -> Tensor:  # (N, B)
        return self._inner.backward(d.mul_(self._factors))


def _after(layer: DenseLayer, optimizer: FlatAdamW) -> _Plain | _Rectified | _Normalised | _Losing:
    end: Any = None
    if layer.norm is not None:
        end = _Normalised(layer, layer.norm, optimizer)
    else:
        end = (_Rectified if layer.rectified else _Plain)(layer, optimizer)
    return end if layer.dropout is None else _Losing(end, layer.dropout)


def _buffer(norm: nn.BatchNorm1d, name: str) -> np.ndarray:
    return np.atleast_1d(getattr(norm, name).numpy())
