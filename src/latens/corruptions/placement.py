"""How a thing happens to lie in its picture: turned, moved, larger or smaller, slanted."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latens.corruptions.camera import between
from latens.corruptions.role import Corruption, pictures
from latens.errors import finite
from latens.seeds import Keyed

__all__ = ["Affine"]


@dataclass(frozen=True)
class Affine(Corruption):
    r"""An image turned, slanted, stretched and moved, each row's in a way of its own.

    .. math:: \tilde{x}(p) = x\bigl(S\,D\,R_\alpha (p - t)\bigr)

    with an angle :math:`\alpha`, a shift t, a stretch :math:`D = \mathrm{diag}(2^a, 2^b)` and a slant
    :math:`S` by :math:`s` columns a row, all uniform up to their bounds and about the centre. A code that has to give
    back the image as it was learns what does not change when things lie otherwise (transformations as noise: Vincent et
    al., 2010, https://www.jmlr.org/papers/v11/vincent10a.html). Between pixels values are interpolated bilinearly; what
    comes into view from outside continues the edge.

    Args:
        degrees: The most that it turns either way, from 0 to 180.
        shift: The most that it moves along each side, as a share of the side, from 0 to 1.
        stretch: The most that each side grows or shrinks, in doublings, from 0 to 4.
        slant: The most that it leans either way: columns a row, from 0 to 4.

    Raises:
        ConfigError: One of them is out of range; on use: the data are no images.

    Example:
        >>> Affine(30, shift=0.1)
        Affine(degrees=30, shift=0.1, stretch=0.2, slant=0.3)
    """

    degrees: float = 20.0
    shift: float = 0.1
    stretch: float = 0.2
    slant: float = 0.3

    def __post_init__(self) -> None:
        finite("degrees", self.degrees, at_least=0.0, at_most=180.0)
        finite("shift", self.shift, at_least=0.0, at_most=1.0)
        finite("stretch", self.stretch, at_least=0.0, at_most=4.0)
        finite("slant", self.slant, at_least=0.0, at_most=4.0)

    def __call__(self, x: Tensor, random: Keyed) -> Tensor:  # (B, H, W) or (B, H, W, C) -> the same
        images = pictures(x, "affine")
        height, width = images.shape[1:3]
        draws = (2.0 * random.uniform((len(x), 6)) - 1.0)[:, :, None, None]  # six numbers an image
        angle = torch.deg2rad(draws[:, 0] * self.degrees)
        down = torch.arange(height, device=x.device)[:, None] - (height - 1) / 2 - draws[:, 1] * self.shift * height
        right = torch.arange(width, device=x.device) - (width - 1) / 2 - draws[:, 2] * self.shift * width
        rows = (angle.cos() * down + angle.sin() * right) * torch.exp2(draws[:, 3] * self.stretch)
        columns = (angle.cos() * right - angle.sin() * down) * torch.exp2(draws[:, 4] * self.stretch)
        columns = columns + draws[:, 5] * self.slant * rows
        rows, columns = rows + (height - 1) / 2, columns + (width - 1) / 2
        return between(images, rows.clamp(0, height - 1), columns.clamp(0, width - 1)).reshape(x.shape).to(x.dtype)
