"""Noise on every value by itself: of a sensor, of light, of a line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latens.corruptions.role import Corruption
from latens.errors import finite
from latens.seeds import Keyed

__all__ = ["GaussianNoise", "Poisson", "SaltAndPepper", "Speckle"]

# Up to this rate photons are counted exactly; above it the normal approximation is off by less than rounding is.
_FEW = 10.0
# P(40 or more | rate 10) is 1e-12, far below the steps of 2**-24 in which uniform numbers come.
_MOST_OF_FEW = 40


@dataclass(frozen=True)
class GaussianNoise(Corruption):
    r"""Additive white noise on every feature.

    .. math:: \tilde{x} = x + s, \qquad s \sim \mathcal{N}(\mu, \sigma^2)

    Args:
        std: Standard deviation :math:`\sigma`. Zero leaves x as it is when the mean is zero.
        mean: Mean :math:`\mu`.

    Raises:
        ConfigError: std is negative or not finite.

    Example:
        >>> import torch
        >>> from latens.seeds import keyed
        >>> noise = GaussianNoise(std=0.5)
        >>> noise(torch.zeros(2, 3), keyed(seed=0, epoch=0, index=torch.arange(2))).shape
        torch.Size([2, 3])
    """

    std: float = 0.5
    mean: float = 0.0

    def __post_init__(self) -> None:
        finite("std", self.std, at_least=0.0)
        finite("mean", self.mean)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x + random.normal(x.shape).mul_(self.std).add_(self.mean).to(x.dtype)


@dataclass(frozen=True)
class Speckle(Corruption):
    r"""Noise that grows with the value, as of radar, ultrasound and laser light.

    .. math:: \tilde{x} = x (1 + s), \qquad s \sim \mathcal{N}(0, \sigma^2)

    Source: Goodman, 1976, https://doi.org/10.1364/JOSA.66.001145.

    Args:
        std: Standard deviation :math:`\sigma`, as a share of the value. Zero leaves x as it is.

    Raises:
        ConfigError: std is negative or not finite.

    Example:
        >>> Speckle(0.3)
        Speckle(std=0.3)
    """

    std: float = 0.3

    def __post_init__(self) -> None:
        finite("std", self.std, at_least=0.0)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        return x * random.normal(x.shape).mul_(self.std).add_(1.0).to(x.dtype)


@dataclass(frozen=True)
class Poisson(Corruption):
    r"""Photon noise: each value is counted in photons, the fewer the noisier. The mean stays.

    .. math:: \tilde{x} = \min(x, 0) + k / p, \qquad k \sim \mathrm{Poisson}(p \max(x, 0))

    The variance is :math:`x / p`. A value below zero has no photons and no noise. Source: Hasinoff, 2014,
    https://doi.org/10.1007/978-0-387-31439-6_482.

    Args:
        peak: Photons that a value of one stands for, :math:`p`, from 0.01 to 1e6: 5 is a dark room, 1000 daylight.

    Raises:
        ConfigError: peak is out of range.

    Example:
        >>> Poisson(30)
        Poisson(peak=30)
    """

    peak: float = 30.0

    def __post_init__(self) -> None:
        finite("peak", self.peak, at_least=0.01, at_most=1e6)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        rate = x.to(torch.float32).clamp(min=0.0) * self.peak
        light = _photons(rate, random.uniform(x.shape)) / self.peak
        return light.to(x.dtype) + x.clamp(max=0.0)


def _photons(rate: Tensor, uniform: Tensor) -> Tensor:  # (B, *), (B, *) in [0, 1) -> (B, *)
    """Poisson counts by the inverse of their distribution: one uniform number decides each."""
    return torch.where(rate <= _FEW, _few_photons(rate.clamp(max=_FEW), uniform), _many_photons(rate, uniform))


def _few_photons(rate: Tensor, uniform: Tensor) -> Tensor:
    """The number of k for which P(k or more) reaches 1 - u; summed from the far end, where the terms are small."""
    log_rate, beyond = rate.log(), 1.0 - uniform
    tail, photons = torch.zeros_like(rate), torch.zeros_like(rate)
    for k in range(_MOST_OF_FEW, 0, -1):
        tail += (k * log_rate - rate - math.lgamma(k + 1)).exp_()
        photons += tail >= beyond
    return photons


def _many_photons(rate: Tensor, uniform: Tensor) -> Tensor:
    """The normal distribution corrected for its skewness (Cornish & Fisher, 1938), rounded."""
    z = torch.erfinv(2.0 * uniform - 1.0).mul_(math.sqrt(2.0)).clamp_(-6.0, 6.0)
    return (rate + rate.sqrt() * z + (z.square() - 1.0) / 6.0).round_().clamp_(min=0.0)


@dataclass(frozen=True)
class SaltAndPepper(Corruption):
    r"""Each feature jumps to one of two extremes with a probability, a fair coin choosing which.

    .. math:: \tilde{x}_j = \text{low or high, each with probability } p/2, \text{ else } x_j

    Source: Vincent et al., 2010, https://jmlr.org/papers/v11/vincent10a.html.

    Args:
        probability: Of a jump, :math:`p`, from 0 to 1.
        low: The one extreme.
        high: The other.

    Example:
        >>> SaltAndPepper(0.1)
        SaltAndPepper(probability=0.1, low=0.0, high=1.0)
    """

    probability: float = 0.1
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        finite("probability", self.probability, at_least=0.0, at_most=1.0)
        finite("low", self.low)
        finite("high", self.high)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, *) -> (B, *)
        u = random.cells(x.shape)
        return x.masked_fill(u < self.probability, self.low).masked_fill(u < self.probability / 2, self.high)
