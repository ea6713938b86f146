"""Products of float32 matrices on the CPU: by oneDNN where that is the faster one, else by what `torch.mm` calls.

Which of the two is a function of the CPU and of the shapes, never of a timing: a fit that is resumed has the same bits.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from latens.devices import amd_with

__all__ = ["learning_linear", "linear", "multiply"]

# Multiplications from which on oneDNN is worth its call, and (bᵀ aᵀ)ᵀ is worth turning its answer around.
_WORTH, _WORTH_CROSSED = 1 << 21, 1 << 26
# Multiplications from which on it is worth a function of our own in autograd's graph.
_WORTH_A_NODE = 1 << 23
# Columns that a product must have to be worth turning its first matrix around.
_WIDE = 256
# Numbers of a weight from which on a layer is applied by it, whatever the rows: a row has one answer in any batch.
_LARGE = 1 << 14


@cache
def _onednn() -> Any:
    """oneDNN's x wᵀ + b, or None: on AMD's CPUs with AVX-512 it is twice as fast as MKL, on Intel's it is not."""
    known = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return torch.ops.mkldnn._linear_pointwise.default if known and amd_with("avx512f") else None


def multiply(a: Tensor, b: Tensor, room: Tensor) -> Tensor:  # (M, K), (K, N), (M, N) -> (M, N)
    """The product of two matrices on the CPU: the room, filled, or memory of its own.

    Args:
        a, b: Of one dtype; a may be a view of a matrix that is turned around.
        room: Of the product's shape.

    Example:
        >>> multiply(torch.ones(2, 3), torch.ones(3, 1), torch.empty(2, 1)).tolist()
        [[3.0], [3.0]]
    """
    work = a.shape[0] * a.shape[1] * b.shape[1]
    if work < _WORTH or a.dtype != torch.float32 or _onednn() is None:
        return torch.mm(a, b, out=room)
    if a.stride(1) != 1:  # it is turned around first; or, if it is a large one, the answer is
        if a.numel() > b.numel() and work >= _WORTH_CROSSED:
            return room.copy_(_product(b.T, a.T).T)
        if a.numel() > b.numel() or b.shape[1] < _WIDE:
            return torch.mm(a, b, out=room)
    return _product(a, b)


def _product(a: Tensor, b: Tensor) -> Tensor:  # (M, K), (K, N) -> (M, N)
    found: Tensor = _onednn()(a, b.T, None, "none", [], "")
    return found


def linear(x: Tensor, weight: Tensor, bias: Tensor, rectified: bool) -> Tensor:  # (B, K), (N, K), (N,) -> (B, N)
    """A linear layer, applied, and the rectifier behind it.

    Example:
        >>> linear(torch.ones(1, 3), -torch.ones(2, 3), torch.ones(2), rectified=True).tolist()
        [[0.0, 0.0]]
    """
    if weight.numel() >= _LARGE and x.dtype == torch.float32 and _onednn() is not None:
        answer: Tensor = _onednn()(x, weight, bias, "relu" if rectified else "none", [], "")
        return answer
    answer = torch.addmm(bias, x, weight.T)
    return answer.relu_() if rectified else answer


def learning_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:  # (*, K), (N, K), (N,) -> (*, N)
    """`torch.nn.functional.linear`, which is its definition, with the faster products for it and its gradients.

    Example:
        >>> learning_linear(torch.ones(1, 3), torch.ones(2, 3), None).tolist()
        [[3.0, 3.0]]
    """
    if not _ours(x, weight):
        return functional.linear(x, weight, bias)
    rows: Any = _Linear.apply(x.flatten(0, -2), weight, bias)
    answer: Tensor = rows.unflatten(0, x.shape[:-1])
    return answer


def _ours(x: Tensor, weight: Tensor) -> bool:
    """Whether a layer is learned through `_Linear`."""
    if x.device.type != "cpu" or x.numel() * len(weight) < _WORTH_A_NODE or torch.is_autocast_enabled("cpu"):
        return False
    known = x.dtype == weight.dtype == torch.float32 and not torch.compiler.is_compiling()
    return known and _onednn() is not None


class _Linear(torch.autograd.Function):
    """A linear layer whose products are chosen by `multiply`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        answer: Tensor = _onednn()(x, weight, bias, "none", [], "")
        return answer

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, towards: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        into = multiply(towards, weight, torch.empty_like(x)) if wanted[0] else None
        change = multiply(towards.T, x, torch.empty_like(weight)) if wanted[1] else None
        return into, change, towards.sum(dim=0) if wanted[2] else None
