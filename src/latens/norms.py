"""Batch normalisation whose batch is all ranks' rows together; torch's own exists on GPUs only."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from latens.group import Group

__all__ = ["SharedBatchNorm1d", "SharedBatchNorm2d", "share_norms"]


class _Statistics(torch.autograd.Function):
    r"""Mean and biased variance of each channel over the rows of all ranks, and how many numbers that is.

    Each rank sums its own squared distances, which are then put together (Chan, Golub & LeVeque, 1983,
    https://doi.org/10.1080/00031305.1983.10483115):

    .. math:: M = \sum_r M_r + \sum_r n_r (\mu_r - \mu)^2
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> tuple[Tensor, Tensor, Tensor]:  # (N, C) -> (C,), (C,), ()
        rows = len(x)
        mean = x.mean(dim=0) if rows else x.new_zeros(x.shape[1])
        spread = (x - mean).square().sum(dim=0)
        each = group.gathered(torch.cat([mean, spread, x.new_full((1,), rows)]).double())
        counts, (means, spreads) = each[:, -1:], each[:, :-1].chunk(2, dim=1)
        count = counts.sum()
        together = (counts * means).sum(dim=0) / count
        variance = (spreads + counts * (means - together).square()).sum(dim=0) / count
        ctx.group = group
        together, variance = together.to(x.dtype), variance.to(x.dtype)
        ctx.save_for_backward(x, together, count)
        ctx.mark_non_differentiable(count)
        return together, variance, count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, to_mean: Tensor, to_variance: Tensor, to_count: Tensor) -> tuple[Tensor, None]:
        x, mean, count = ctx.saved_tensors
        to_mean, to_variance = (ctx.group.total(torch.stack([to_mean, to_variance]).double()) / count).to(x.dtype)
        return to_mean + 2.0 * to_variance * (x - mean), None


class _Shared(nn.Module):
    """What both kinds share; in evaluation it is the layer that it stands for."""

    group: Group

    def forward(self, input: Tensor) -> Tensor:  # (B, C, *) -> (B, C, *)
        norm = cast(nn.BatchNorm1d, self)
        if not self.training:
            return cast(Tensor, super().forward(input))
        wide = input.to(torch.promote_types(input.dtype, torch.float32))
        mean, variance, count = _Statistics.apply(wide.transpose(0, 1).flatten(1).T, self.group)  # type: ignore[no-untyped-call]
        _remember(norm, mean.detach(), variance.detach() * (count / (count - 1)).to(wide.dtype))
        along = (-1, *[1] * (input.ndim - 2))
        scale = (variance + norm.eps).rsqrt() * norm.weight
        centred = wide - mean.view(along)
        y: Tensor = centred * scale.view(along) + norm.bias.view(along)
        return y.to(input.dtype)


class SharedBatchNorm1d(_Shared, nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d` over the rows of all ranks."""


class SharedBatchNorm2d(_Shared, nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` over the rows of all ranks."""


_KINDS: dict[type[nn.Module], Any] = {nn.BatchNorm1d: SharedBatchNorm1d, nn.BatchNorm2d: SharedBatchNorm2d}


def _remember(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor) -> None:
    momentum = cast(float, norm.momentum)
    for buffer, value in ((norm.running_mean, mean), (norm.running_var, variance)):
        cast(Tensor, buffer).lerp_(value.to(cast(Tensor, buffer).dtype), momentum)
    cast(Tensor, norm.num_batches_tracked).add_(1)


def share_norms(network: nn.Module, group: Group) -> None:
    """Let every batch normalisation of a network see all ranks' rows; parameters, buffers and names stay.

    Args:
        network: Whose layers are replaced.
        group: Of the ranks.

    Example:
        >>> network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
        >>> share_norms(network, Group())
        >>> network[1], list(network.state_dict())[-1]
        (SharedBatchNorm1d(2, eps=1e-05, ...), '1.num_batches_tracked')
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            kind = _KINDS.get(type(child))
            if kind is not None:
                shared = kind(child.num_features, child.eps, child.momentum)
                shared._parameters, shared._buffers, shared.group = child._parameters, child._buffers, group
                setattr(parent, name, shared)
