"""Which kernel runs the recurrent part of a layer."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TypeAlias

import torch
from torch import Tensor

from latens.kernels.optional import optional

__all__ = ["KERNELS", "Scan", "fastest"]

# (kind, projected, state, weight, bias, gamma, beta, eps) -> (outputs, state): `latens.recurrent.scan_in_torch`.
Scan: TypeAlias = Callable[[str, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]

# Of a type of device, the module with `scan` and `supports`, and the package that it needs.
KERNELS = {"cpu": ("latens.kernels.cpu_scan", "numba"), "cuda": ("latens.kernels.triton_scan", "triton")}


def fastest(kind: str, projected: Tensor) -> Scan | None:
    """The kernel for such gates on their device; None if there is none, which leaves the reference in torch.

    Args:
        kind: Of the cell.
        projected: (T, B, G·H), the input's part of the gates.

    Example:
        >>> fastest("gru", torch.zeros(2, 1, 12, device="meta")) is None
        True
    """
    kernel = _kernel(projected.device.type)
    # A graph that is exported is made of torch's own operations.
    if kernel is None or torch.compiler.is_compiling() or not kernel.supports(kind, projected):
        return None
    scan: Scan = kernel.scan
    return scan


def _kernel(device: str) -> ModuleType | None:
    return optional(*KERNELS[device]) if device in KERNELS else None
