"""What a model is asked to make small; always computed and summed in float32 or wider."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["LOSSES", "orthogonality_penalty", "squared_error"]


def squared_error(prediction: Tensor, target: Tensor) -> Tensor:  # (B, *), (B, *) -> (B,)
    r"""Mean squared error of each sample.

    .. math:: \ell_i = \frac{1}{D} \sum_{j=1}^{D} (\hat{x}_{ij} - x_{ij})^2

    Example:
        >>> squared_error(torch.zeros(2, 3), torch.ones(2, 3))
        tensor([1., 1.])
    """
    wide = torch.promote_types(prediction.dtype, torch.float32)
    difference = prediction.to(wide).flatten(1) - target.to(wide).flatten(1)
    return difference.square().mean(dim=1)


def orthogonality_penalty(weight: Tensor) -> Tensor:  # (n, D) -> ()
    r"""How far the rows of a weight are from an orthonormal set.

    .. math:: \frac{1}{n^2} \lVert W W^\top - I \rVert_F^2

    Example:
        >>> orthogonality_penalty(torch.eye(3)).item()
        0.0
    """
    identity = torch.eye(len(weight), dtype=weight.dtype, device=weight.device)
    return (weight @ weight.T - identity).square().mean()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": squared_error,
}
