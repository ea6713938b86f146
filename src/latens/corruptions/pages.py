"""What happens to a page: stains and folds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latens.corruptions.role import Corruption, pictures
from latens.errors import finite, whole
from latens.seeds import Keyed

__all__ = ["Stains"]

# Lengths are shares of a page's shorter side.
_RADIUS = (0.08, 0.3)
_RIM = 0.05
_CREASE = 0.006
_SHADOW = 0.12


@dataclass(frozen=True)
class Stains(Corruption):
    r"""Coffee stains and folds: smooth dark blotches, some of them mere rings, and creases from edge to edge.

    .. math:: \tilde{x} = x \prod_k (1 - a\, d_k)

    with the darkness :math:`d_k \in [0, 1]` of each stain and fold over the page. A stain is round but for three waves
    around it, its body is of any strength down to none, and its rim is the darkest part, as of a drop that dried
    (Deegan et al., 1997, https://doi.org/10.1038/39827). Light paper, towards 1, darkens; black ink, at 0, stays.

    Args:
        strength: How much light the darkest part takes, :math:`a`, from 0 to 1.
        number: Stains on a page.
        folds: Folds across a page.

    Raises:
        ConfigError: A value is out of range; on use: the data are no images.

    Example:
        >>> Stains(0.4, number=3)
        Stains(strength=0.4, number=3, folds=1)
    """

    strength: float = 0.5
    number: int = 2
    folds: int = 1

    def __post_init__(self) -> None:
        finite("strength", self.strength, at_least=0.0, at_most=1.0)
        whole("number", self.number, at_least=0)
        whole("folds", self.folds, at_least=0)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, H, W) or (B, H, W, C) -> the same
        images = pictures(x, "stains")
        page = _Page(images.shape[1], images.shape[2], x.device)
        light = torch.ones(images.shape[:3], device=x.device)
        for k in range(self.number):
            light *= 1.0 - self.strength * _stain(page, random.stream(f"stain-{k}").uniform((len(x), 8)))
        for k in range(self.folds):
            light *= 1.0 - self.strength * _fold(page, random.stream(f"fold-{k}").uniform((len(x), 4)))
        return (images * light[..., None].to(images.dtype)).reshape(x.shape).to(x.dtype)


class _Page:
    """The places of a page's pixels, (H, 1) and (W,), in shares of its shorter side."""

    def __init__(self, height: int, width: int, device: torch.device) -> None:
        self.pixel = 1.0 / min(height, width)
        self.height, self.width = height * self.pixel, width * self.pixel
        self.down = (torch.arange(height, device=device) + 0.5)[:, None] * self.pixel
        self.right = (torch.arange(width, device=device) + 0.5) * self.pixel


def _stain(page: _Page, uniform: Tensor) -> Tensor:  # (B, 8) -> (B, H, W)
    """The darkness of one stain a row."""
    u = uniform.T[:, :, None, None]  # (8, B, 1, 1)
    down, right = page.down - u[0] * page.height, page.right - u[1] * page.width
    around = torch.atan2(down, right)
    turns = 2.0 * math.pi * u[2:5]
    waves = 0.06 * (2 * around + turns[0]).cos() + 0.04 * (3 * around + turns[1]).cos()
    waves = waves + 0.02 * (5 * around + turns[2]).cos()
    radius = _RADIUS[0] + (_RADIUS[1] - _RADIUS[0]) * u[5]
    within = radius * (1.0 + waves) - torch.hypot(down, right)  # how far inside the edge
    rim = max(_RIM * 0.4, page.pixel)
    body = 0.75 * u[6] * torch.sigmoid(within / (0.35 * rim))
    edge = torch.exp(-((within - 0.5 * rim) / rim).square()) * (0.65 + 0.35 * (around + turns[0]).cos())
    return (0.5 + 0.5 * u[7]) * torch.maximum(body, edge)


def _fold(page: _Page, uniform: Tensor) -> Tensor:  # (B, 4) -> (B, H, W)
    """The darkness of one fold a row: a crease, and the shadow on the side that bends away."""
    u = uniform.T[:, :, None, None]
    # Mostly along the page or across it, as people fold
    angle = 0.5 * math.pi * (u[0] < 0.5) + 0.5 * (u[1] - 0.5)
    down, right = page.down - (0.15 + 0.7 * u[2]) * page.height, page.right - (0.15 + 0.7 * u[2]) * page.width
    beyond = angle.cos() * down + angle.sin() * right
    crease = torch.exp(-(beyond / max(_CREASE, 0.6 * page.pixel)).square())
    shadow = 0.45 * torch.exp(-beyond.clamp(min=0.0) / _SHADOW) * (beyond >= 0)
    return (0.6 + 0.4 * u[3]) * torch.maximum(crease, shadow)
