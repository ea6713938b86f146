"""What a native pass is told of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

__all__ = ["DenseLayer", "Losing"]


class Losing(Protocol):
    """What a layer's units are multiplied by in training: zero, or one over the share that is kept."""

    def factors(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor: ...


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A linear layer and what follows it.

    Args:
        weight: (out, in).
        bias: (out,).
        norm: Batch normalisation of its answers, if there is one.
        rectified: Whether a rectifier follows.
        dropout: What loses units after that, if anything does.
    """

    weight: nn.Parameter
    bias: nn.Parameter
    norm: nn.BatchNorm1d | None = None
    rectified: bool = False
    dropout: Losing | None = None
