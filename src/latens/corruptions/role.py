"""The role of a corruption, a user's function in that role, and how a corruption sees a batch of images."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latens.errors import ConfigError
from latens.seeds import Keyed

__all__ = ["Corruption", "Custom", "pictures"]


class Corruption:
    """The role: a callable (x, random) → x̃ of the same shape, dtype and device, whose fields are its settings."""

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        raise NotImplementedError


def pictures(x: Tensor, name: str) -> Tensor:  # (B, H, W) or (B, H, W, C) -> (B, H, W, C)
    """The batch as images in at least single precision, to calculate with.

    Raises:
        ConfigError: It holds no images.
    """
    if x.ndim not in (3, 4):
        raise ConfigError(
            f"corruption={name!r} needs images of shape (n, h, w) or (n, h, w, c), not {tuple(x.shape)}; "
            f"use X.reshape(n, h, w), or a corruption of any data such as masking or block"
        )
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return wide if x.ndim == 4 else wide[..., None]


@dataclass(frozen=True)
class Custom(Corruption):
    """A function of the user's: ``f(x)`` or ``f(x, random)``, tensors in and out. It is not saved with the model.

    Raises:
        ConfigError: What it returns is not a tensor of the shape it was given.

    Example:
        >>> Custom(lambda x: x.flip(1)) is not None
        True
    """

    function: Callable[..., Tensor]

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        corrupted = self.function(x, random) if _takes_two(self.function) else self.function(x)
        if not isinstance(corrupted, Tensor) or corrupted.shape != x.shape:
            got = tuple(corrupted.shape) if isinstance(corrupted, Tensor) else type(corrupted).__name__
            raise ConfigError(f"corruption={self.function!r} returned {got}; return a tensor of shape {tuple(x.shape)}")
        return corrupted.to(x.dtype)


def _takes_two(function: Callable[..., Tensor]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in positional and p.default is p.empty for p in parameters) >= 2
