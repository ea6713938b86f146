"""What happens between a scene and its picture: out of focus, and not held straight."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latens.corruptions.role import Corruption, pictures
from latens.errors import finite
from latens.seeds import Keyed

__all__ = ["Blur", "Rotation", "between", "blurred", "rotated"]

# Beyond three deviations a Gaussian holds 0.3 % of its mass.
_REACH = 3.0


@dataclass(frozen=True)
class Blur(Corruption):
    r"""An image out of focus, each row's as far as it happens to be.

    .. math:: \tilde{x} = x * \mathcal{N}(0, \sigma^2), \qquad \sigma \sim \mathrm{Uniform}(0, \sigma_{max})

    Images are mirrored at their edges: a constant image stays as it is, and so does every image's mean.

    Args:
        std: The most deviation, :math:`\sigma_{max}`, in pixels, from 0 to 50.

    Raises:
        ConfigError: std is out of range; on use: the data are no images.

    Example:
        >>> Blur(1.5)
        Blur(std=1.5)
    """

    std: float = 1.5

    def __post_init__(self) -> None:
        finite("std", self.std, at_least=0.0, at_most=50.0)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, H, W) or (B, H, W, C) -> the same
        images = pictures(x, "blur")
        widths = random.uniform((len(x), 1))[:, 0] * self.std
        return blurred(images, widths, math.ceil(_REACH * self.std)).reshape(x.shape).to(x.dtype)


def blurred(images: Tensor, std: Tensor, radius: int) -> Tensor:  # (B, H, W, C), (B,) -> (B, H, W, C)
    """Each image under a Gaussian of its own width, as far as `radius` pixels.

    Example:
        >>> blurred(torch.ones(1, 3, 5, 1), torch.tensor([2.0]), radius=6).allclose(torch.ones(1, 3, 5, 1))
        True
    """
    offsets = torch.arange(-radius, radius + 1, device=images.device)
    weights = torch.exp(-0.5 * (offsets / std.clamp(min=1e-3)[:, None]).square()).to(images.dtype)
    weights = weights / weights.sum(dim=1, keepdim=True)
    return _along(_along(images, 1, offsets, weights), 2, offsets, weights)


def _along(images: Tensor, axis: int, offsets: Tensor, weights: Tensor) -> Tensor:
    """The weighted sum of shifted images. Not a convolution, which may add up in another order for another batch."""
    n = images.shape[axis]
    place = torch.arange(n, device=images.device)
    total = torch.zeros_like(images)
    for offset, weight in zip(offsets, weights.T, strict=True):
        beyond = (place + offset) % (2 * n)
        mirrored = torch.where(beyond < n, beyond, 2 * n - 1 - beyond)
        total += weight[:, None, None, None] * images.index_select(axis, mirrored)
    return total


@dataclass(frozen=True)
class Rotation(Corruption):
    r"""An image turned about its centre, each row's by an angle of its own.

    .. math:: \tilde{x}(p) = x(R_\alpha p), \qquad \alpha \sim \mathrm{Uniform}(-\alpha_{max}, \alpha_{max})

    Between pixels values are interpolated bilinearly; what comes into view from outside continues the edge.

    Args:
        degrees: The most that it turns either way, :math:`\alpha_{max}`, from 0 to 180.

    Raises:
        ConfigError: degrees is out of range; on use: the data are no images.

    Example:
        >>> Rotation(15)
        Rotation(degrees=15)
    """

    degrees: float = 15.0

    def __post_init__(self) -> None:
        finite("degrees", self.degrees, at_least=0.0, at_most=180.0)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, H, W) or (B, H, W, C) -> the same
        images = pictures(x, "rotation")
        degrees = (2.0 * random.uniform((len(x), 1))[:, 0] - 1.0) * self.degrees
        return rotated(images, degrees).reshape(x.shape).to(x.dtype)


def rotated(images: Tensor, degrees: Tensor) -> Tensor:  # (B, H, W, C), (B,) -> (B, H, W, C)
    """Each image turned about its centre, counter-clockwise.

    Example:
        >>> rotated(torch.eye(2).reshape(1, 2, 2, 1), torch.tensor([90.0])).reshape(2, 2).round()
        tensor([[0., 1.],
                [1., 0.]])
    """
    height, width = images.shape[1:3]
    angle = torch.deg2rad(degrees)[:, None, None]
    down = (torch.arange(height, device=images.device) - (height - 1) / 2)[:, None]
    right = torch.arange(width, device=images.device) - (width - 1) / 2
    rows = angle.cos() * down + angle.sin() * right + (height - 1) / 2
    columns = angle.cos() * right - angle.sin() * down + (width - 1) / 2
    return between(images, rows.clamp(0, height - 1), columns.clamp(0, width - 1))


def between(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:  # (B, H, W, C), (B, H, W) x 2 -> (B, H, W, C)
    """The values at fractional places of the images."""
    _, height, width, channels = images.shape
    top, left = rows.floor(), columns.floor()
    lower, further = ((rows - top).to(images.dtype)[..., None], (columns - left).to(images.dtype)[..., None])
    pixels = images.flatten(1, 2)

    def at(row: Tensor, column: Tensor) -> Tensor:
        index = (row.clamp(max=height - 1) * width + column.clamp(max=width - 1)).long().flatten(1)
        return pixels.gather(1, index[..., None].expand(-1, -1, channels)).reshape(images.shape)

    above = torch.lerp(at(top, left), at(top, left + 1), further)
    below = torch.lerp(at(top + 1, left), at(top + 1, left + 1), further)
    return torch.lerp(above, below, lower)
