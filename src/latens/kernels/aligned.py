"""Matrix products on the CPU whose answer for a row does not depend on the row's place in the batch."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

__all__ = ["even_linear"]

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
