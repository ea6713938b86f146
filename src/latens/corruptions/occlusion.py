"""Parts that are hidden: single features, runs of them, a rectangle of an image.

In a typed table what is `hidden` is missing, whatever the column holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latens.corruptions.role import Corruption
from latens.errors import finite, whole
from latens.seeds import Keyed

__all__ = ["Block", "Dropout", "Masking", "Span"]


@dataclass(frozen=True)
class Dropout(Corruption):
    r"""Each feature is set to zero with a probability; the others grow so that the mean stays.

    .. math:: \tilde{x}_j = m_j x_j / (1 - p), \qquad m_j \sim \mathrm{Bernoulli}(1 - p)

    Source: Srivastava et al., 2014, https://jmlr.org/papers/v15/srivastava14a.html.

    Args:
        probability: Of losing a feature, :math:`p`, from 0 to 0.999.

    Example:
        >>> Dropout(0.2)
        Dropout(probability=0.2)
    """

    probability: float = 0.2

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=0.999)

    def hidden(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *) bool
        """Which features are lost."""
        return random.cells(x.shape) < self.probability

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x * (~self.hidden(x, random)).to(x.dtype) / (1.0 - self.probability)


@dataclass(frozen=True)
class Masking(Corruption):
    r"""Each feature is replaced by a value with a probability; the others stay as they are.

    .. math:: \tilde{x}_j = v \text{ with probability } p, \text{ else } x_j

    Source: Vincent et al., 2010, https://jmlr.org/papers/v11/vincent10a.html.

    Args:
        probability: Of hiding a feature, :math:`p`, from 0 to 1.
        value: What stands in its place, :math:`v`.

    Example:
        >>> Masking(0.3)
        Masking(probability=0.3, value=0.0)
    """

    probability: float = 0.25
    value: float = 0.0

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=1.0)
        finite("value", self.value)

    def hidden(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *) bool
        """Which features are hidden."""
        return random.cells(x.shape) < self.probability

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x.masked_fill(self.hidden(x, random), self.value)


@dataclass(frozen=True)
class Block(Corruption):
    r"""A rectangle of an image, or a run of a table's features, is hidden; where it lies is drawn for each row.

    .. math:: \tilde{x}_j = v \text{ for } j \text{ in the rectangle, else } x_j

    The rectangle has the proportions of the image and stands in it whole, across all channels. Source: DeVries &
    Taylor, 2017, https://arxiv.org/abs/1708.04552.

    Args:
        size: Share of the area (of the features) that is hidden, from 0 to 1; at least one pixel unless it is 0.
        value: What stands in its place, :math:`v`.

    Raises:
        ConfigError: size is not from 0 to 1.

    Example:
        >>> Block(0.25)
        Block(size=0.25, value=0.0)
    """

    size: float = 0.25
    value: float = 0.0

    def __post_init__(self) -> None:
        finite("size", self.size, at_least=0.0, at_most=1.0)
        finite("value", self.value)

    def hidden(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *) or with one channel, bool
        """Which features are hidden."""
        sides = _places(x)
        places = random.uniform((len(x), len(sides)))
        extents = _extents(sides, self.size)
        axes = [
            _within(side, extent, places[:, i]) for i, (side, extent) in enumerate(zip(sides, extents, strict=True))
        ]
        hidden = axes[0] if len(axes) == 1 else axes[0][:, :, None] & axes[1][:, None, :]
        return _over_channels(hidden, x)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x.masked_fill(self.hidden(x, random), self.value)


@dataclass(frozen=True)
class Span(Corruption):
    r"""Runs of consecutive features are hidden, any number of them; they may touch and overlap.

    A run starts at a place with probability :math:`q`, and covers the places from there on:

    .. math:: P(\text{hidden}) = 1 - (1 - q)^{L} = p

    Places are a table's columns from left to right, and an image's pixels in reading order, line after line, with all
    channels of a pixel together. Source: Joshi et al., 2020, https://arxiv.org/abs/1907.10529.

    Args:
        probability: Of each place to be hidden, :math:`p`, from 0 to 1.
        length: Places in a run, :math:`L`.
        value: What stands there instead.

    Raises:
        ConfigError: probability is not from 0 to 1, or length no whole number from 1.

    Example:
        >>> Span(0.2, length=8)
        Span(probability=0.2, length=8, value=0.0)
    """

    probability: float = 0.25
    length: int = 5
    value: float = 0.0

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=1.0)
        whole("length", self.length, at_least=1)
        finite("value", self.value)

    def hidden(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *) or with one channel, bool
        """Which features are hidden."""
        sides = _places(x)
        n = math.prod(sides)
        length = min(self.length, n)
        # Runs may start before the first place: it is then as likely to be hidden as any other.
        starts = random.uniform((len(x), n + length - 1)) < 1.0 - (1.0 - self.probability) ** (1.0 / length)
        begun = torch.nn.functional.pad(starts.cumsum(1), (1, 0))
        hidden = begun[:, length:] > begun[:, :-length]
        return _over_channels(hidden.reshape(len(x), *sides), x)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x.masked_fill(self.hidden(x, random), self.value)


def _places(x: Tensor) -> tuple[int, ...]:
    """The sides of a sample without its channels: (D,) or (H, W)."""
    return tuple(x.shape[1:3])


def _over_channels(hidden: Tensor, x: Tensor) -> Tensor:
    """A mask of places as one of x."""
    return hidden.reshape(*hidden.shape, *[1] * (x.ndim - hidden.ndim))


def _extents(sides: tuple[int, ...], size: float) -> tuple[int, ...]:
    """Sides of the part to hide, so that its share of the places is as close to `size` as pixels allow."""
    if size == 0.0:
        return (0,) * len(sides)
    first = max(1, round(sides[0] * size ** (1.0 / len(sides))))
    if len(sides) == 1:
        return (first,)
    return first, min(sides[1], max(1, round(size * math.prod(sides) / first)))


def _within(side: int, extent: int, uniform: Tensor) -> Tensor:  # (B,) -> (B, side)
    """Which places lie in a stretch of `extent`, at any of the places where it fits with the same probability."""
    start = (uniform * (side - extent + 1)).long().clamp_(max=side - extent)[:, None]
    place = torch.arange(side, device=uniform.device)
    return (place >= start) & (place < start + extent)
