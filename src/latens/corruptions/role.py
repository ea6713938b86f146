"""The role of a corruption, a user's function in that role, and how a corruption sees a batch of images."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latens.errors import ConfigError
from latens.seeds import Keyed

__all__ = ["Corruption", "Custom", "on_cells", "pictures"]


class Corruption:
    """The role: a callable (x, random) → x̃ of the same shape, dtype and device, whose fields are its settings."""

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        raise NotImplementedError


def on_cells(corruption: Corruption, x: Tensor, random: Keyed, numbers: slice | list[int]) -> Tensor:
    """A corruption of a typed table's cells, each of which means what its column holds.

    What hides makes a cell of any kind missing, what exchanges may exchange any; all else is for numbers alone.

    Args:
        corruption: What is done.
        x: (B, d), one number a cell, NaN where it is missing.
        random: The rows' draws.
        numbers: The columns that hold numbers.
    """
    hidden = getattr(corruption, "hidden", None)
    if hidden is not None:
        return x.masked_fill(hidden(x, random), math.nan)
    corrupted = corruption(x, random)
    if getattr(corruption, "exchanges", False):
        return corrupted
    kept = x.clone()
    kept[:, numbers] = corrupted[:, numbers]
    return kept


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
        own = x.clone()  # it may work in place, and x is also what is to be predicted
        corrupted = self.function(own, random) if _takes_two(self.function) else self.function(own)
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
