"""Matrix products on the CPU whose answer for a row does not depend on the row's place in the batch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from latens.kernels.products import linear
from latens.kernels.stack import DenseLayer

__all__ = ["EvenStack", "even_linear"]

# Numbers between the starts of two rows: 64 bytes in float32, the widest vector register's size.
_ALIGNMENT = 16


def even_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # (B, K), (N, K), (N,) -> (B, N)
    """`torch.nn.functional.linear` with widths padded by zeros, so that every row starts at a multiple of 64 bytes.

    CPU matrix products add a row up in another order when its memory starts elsewhere; a row's answer would depend on
    its place in the batch.

    Example:
        >>> import torch
        >>> even_linear(torch.ones(2, 3), torch.ones(5, 3), None).shape
        torch.Size([2, 5])
    """
    more_in, more_out = -weight.shape[1] % _ALIGNMENT, -weight.shape[0] % _ALIGNMENT
    if x.device.type != "cpu" or not (more_in or more_out):
        return functional.linear(x, weight, bias)
    wide_bias = None if bias is None else functional.pad(bias, (0, more_out))
    wide_weight = functional.pad(weight, (0, more_in, 0, more_out))
    return functional.linear(functional.pad(x, (0, more_in)), wide_weight, wide_bias)[..., : len(weight)]


class EvenStack:
    """Trained dense layers for the last time: normalisation is a part of the weights, widths are padded once.

    Args:
        layers: In evaluation mode; what they are later does not matter here.
    """

    def __init__(self, layers: Sequence[DenseLayer]) -> None:
        self._width = len(layers[-1].weight)
        self._more = -layers[0].weight.shape[1] % _ALIGNMENT
        self._layers = [(*_folded(layer), layer.rectified) for layer in layers]

    def __call__(self, x: Tensor) -> Tensor:  # (B, K) -> (B, N)
        answer = functional.pad(x, (0, self._more)) if self._more else x
        for weight, bias, rectified in self._layers:
            answer = linear(answer, weight, bias, rectified)
        return answer[:, : self._width]


def _folded(layer: DenseLayer) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer with its normalisation, padded by zeros."""
    weight, bias, norm = layer.weight.detach(), layer.bias.detach(), layer.norm
    if norm is not None and norm.running_mean is not None and norm.running_var is not None:
        scale = norm.weight.detach() * (norm.running_var + norm.eps).rsqrt()
        weight, bias = weight * scale[:, None], (bias - norm.running_mean) * scale + norm.bias.detach()
    more_in, more_out = -weight.shape[1] % _ALIGNMENT, -weight.shape[0] % _ALIGNMENT
    return functional.pad(weight, (0, more_in, 0, more_out)), functional.pad(bias, (0, more_out))
