"""Patches of images of any sizes: one tensor of pixels on the device, cut batch by batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from latens.data.batches import Batch, ResidentRows, resident
from latens.schema import Samples, Schema
from latens.seeds import Keyed, Pool, keyed

__all__ = ["Layout", "Patches", "covering_patches", "random_patches", "resident_pixels"]

# Pixels of an evaluation batch, about: a network holds many channels of each.
_EVALUATION_PIXELS = 1 << 16

# Where the patches of some keyed rows lie: image, top and left, each (B,) int64.
Place = Callable[[Keyed], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Layout:
    """Where images lie in one long tensor of pixels.

    Args:
        first: (n,) int64, each image's first pixel.
        sizes: (n, 2) int64, its height and width.
    """

    first: Tensor
    sizes: Tensor

    @classmethod
    def of(cls, sizes: Sequence[tuple[int, int]], device: torch.device) -> Layout:
        """Images of these sizes, one after another.

        Example:
            >>> Layout.of([(2, 3), (4, 5)], torch.device("cpu")).first
            tensor([0, 6])
        """
        both = torch.tensor(sizes, dtype=torch.int64).reshape(-1, 2)
        areas = both.prod(dim=1)
        return cls((areas.cumsum(0) - areas).to(device), both.to(device))

    def cut(self, x: Tensor, where: tuple[Tensor, Tensor, Tensor], patch: tuple[int, int]) -> Tensor:
        """The patches of pixels `x` (P, …) at (image, top, left), each (B,), as (B, h, w, …)."""
        image, top, left = (each[:, None, None] for each in where)
        down = torch.arange(patch[0], device=x.device)[None, :, None]
        across = torch.arange(patch[1], device=x.device)[None, None, :]
        return x[self.first[image] + (top + down) * self.sizes[image, 1] + left + across]

    def image(self, x: Tensor, number: int) -> Tensor:  # (P, …) -> (h, w, …)
        """One image, whole."""
        height, width = self.sizes[number].tolist()
        start = int(self.first[number])
        return x[start : start + height * width].reshape(height, width, *x.shape[1:])


# What images and their targets are on the device: x, target and their layout.
Pixels: TypeAlias = tuple[Tensor, Tensor, Layout]


@dataclass(frozen=True, eq=False, kw_only=True)
class Patches(ResidentRows):
    """Patches of one size, visited as rows are: in an order that is a function of (seed, epoch).

    `x` and `target` are (P, …): the pixels of all images, one image after another. `rows` are the patches' numbers.

    Args:
        layout: Of the pixels.
        patch: Height and width.
        place: Where the patches of some keyed rows lie; random or fixed.
        images: (m,) int64, the images that they are cut from.
    """

    layout: Layout
    patch: tuple[int, int]
    place: Place
    images: np.ndarray

    def identity(self) -> dict[str, Any]:
        """What two fits on the same data have in common."""
        return super().identity() | {"patch": list(self.patch)}

    @property
    def _evaluation_batch(self) -> int:
        return max(1, _EVALUATION_PIXELS // math.prod(self.patch))

    def _batch(self, index: Tensor, epoch: int, pool: Pool | None = None) -> Batch:
        """Other rows are no rows here: a patch has no partner pixel by pixel to take values from."""
        random = keyed(self.seed, epoch, index)
        where = self.place(random.stream("patch"))
        x = self.layout.cut(self.x, where, self.patch)
        target = x if self.target is self.x else self.layout.cut(self.target, where, self.patch)
        return Batch(x, target, random)


def random_patches(
    pixels: tuple[Tensor, Tensor, Layout],
    images: np.ndarray,
    side: int,
    per_image: int | None,
    batch_size: int,
    seed: int,
) -> Patches:
    """Some patches of each image, elsewhere in every epoch: where, is a function of (seed, epoch, number).

    Args:
        pixels: x, target and their layout.
        images: (m,) int64, those to cut from.
        side: Of a patch; where an image is smaller, all patches are.
        per_image: Patches of each; None for as many as cover the mean image.
        batch_size: Patches a step.
        seed: The run's seed.
    """
    x, target, layout = pixels
    patch = _common(layout, images, side)
    if per_image is None:
        area = float(layout.sizes[torch.from_numpy(images)].prod(dim=1).double().mean())
        per_image = max(1, round(area / math.prod(patch)))
    numbers = torch.from_numpy((images[:, None] * per_image + np.arange(per_image)).ravel()).to(x.device)
    place = _anywhere(layout, patch, per_image)
    return Patches(x, target, numbers, batch_size, seed, layout=layout, patch=patch, place=place, images=images)


def covering_patches(pixels: Pixels, images: np.ndarray, side: int, batch_size: int, seed: int) -> Patches:
    """Fixed patches that cover every pixel of the images, for evaluation; arguments as for `random_patches`."""
    x, target, layout = pixels
    patch = _common(layout, images, side)
    corners = _tiles(layout, patch, images)
    numbers = torch.arange(len(corners), device=x.device)
    place = _listed(corners)
    return Patches(x, target, numbers, batch_size, seed, layout=layout, patch=patch, place=place, images=images)


def _anywhere(layout: Layout, patch: tuple[int, int], per_image: int) -> Place:
    """Row r is a patch of image r // per_image."""

    def place(random: Keyed) -> tuple[Tensor, Tensor, Tensor]:
        image = random.index // per_image
        room = layout.sizes[image] - torch.tensor(patch, device=image.device)  # (B, 2)
        # A product that rounds up to room + 1 would lie outside.
        corner = (random.uniform(room.shape) * (room + 1)).long().minimum(room)
        return image, corner[:, 0], corner[:, 1]

    return place


def _listed(corners: Tensor) -> Place:
    """Row r is the patch at corners[r]: image, top, left."""

    def place(random: Keyed) -> tuple[Tensor, Tensor, Tensor]:
        image, top, left = corners[random.index].unbind(dim=1)
        return image, top, left

    return place


def _tiles(layout: Layout, patch: tuple[int, int], images: np.ndarray) -> Tensor:  # -> (m, 3) int64
    """Image, top and left of patches that cover every pixel of some images."""
    found = [
        (number, top, left)
        for number in images.tolist()
        for top in _starts(int(layout.sizes[number, 0]), patch[0])
        for left in _starts(int(layout.sizes[number, 1]), patch[1])
    ]
    return torch.tensor(found, dtype=torch.int64, device=layout.sizes.device).reshape(-1, 3)


def _starts(length: int, side: int) -> list[int]:
    """Where sides begin that cover a length; the last one is moved inwards."""
    return [min(start, length - side) for start in range(0, length, side)]


def _common(layout: Layout, images: np.ndarray, side: int) -> tuple[int, int]:
    """A square of `side`, or as much of it as the smallest of the images is high and wide."""
    if not len(images):
        return side, side
    height, width = layout.sizes[torch.from_numpy(images)].amin(dim=0).tolist()
    return min(side, height), min(side, width)


def resident_pixels(source: Samples, schema: Schema, device: torch.device) -> tuple[Tensor, Layout]:
    """The source's pixels, scaled, as one float32 tensor (P, …) on the device, and where each image lies in it."""
    if source.values.dtype != object:
        height, width = source.values.shape[1:3]
        layout = Layout.of([(height, width)] * len(source.values), device)
        return resident(source, schema, device).flatten(0, 2), layout
    layout = Layout.of([image.shape[:2] for image in source.values], device)
    pixels = torch.empty((int(layout.sizes.prod(dim=1).sum()), *source.values[0].shape[2:]), dtype=torch.float32)
    start = 0
    for image in source.values:
        scaled = np.array(schema.scale_values(image[None])[0], dtype=np.float32)
        block = torch.from_numpy(scaled).flatten(0, 1)
        pixels[start : start + len(block)] = block
        start += len(block)
    return pixels.to(device), layout
