"""What a model is asked to make small; always computed and summed in float32 or wider."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["LOSSES", "orthogonality_penalty", "sequence_cross_entropy", "squared_error"]


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


def sequence_cross_entropy(logits: Tensor, items: Tensor, scored: Tensor) -> Tensor:  # (*, V), (*), (*) -> ()
    r"""Cross-entropy in nats, summed over the items that are scored; what stands at the others does not matter.

    .. math:: \ell = -\sum_{t \in \text{scored}} \log \mathrm{softmax}(z_t)_{x_t}

    Example:
        >>> items, scored = torch.tensor([0, 1]), torch.tensor([True, False])
        >>> round(sequence_cross_entropy(torch.zeros(2, 4), items, scored).item(), 4)
        1.3863
    """
    wide = torch.promote_types(logits.dtype, torch.float32)
    each = functional.cross_entropy(logits.flatten(0, -2).to(wide), items.flatten(), reduction="none")
    return torch.where(scored.flatten(), each, 0.0).sum()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "mse": squared_error,
}
