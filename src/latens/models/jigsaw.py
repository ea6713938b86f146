"""A network that puts the tiles of an image in order, and so learns what belongs where."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from latens.data.batches import Batch
from latens.errors import ConfigError, setting, whole
from latens.layers import Block, Conv, Linear
from latens.losses import sequence_cross_entropy
from latens.seeds import Keyed

__all__ = ["JigsawNetwork", "tile_size"]


def tile_size(shape: Sequence[int], grid: int, gap: int) -> tuple[int, int]:
    """Height and width of a tile: of its cell, but for the gap.

    Raises:
        ConfigError: Nothing is left of a tile.

    Example:
        >>> tile_size((28, 28), grid=2, gap=2)
        (12, 12)
    """
    height, width = (side // grid - gap for side in shape[:2])
    if min(height, width) < 1:
        raise ConfigError(
            f"grid={grid} with gap={gap} leaves nothing of the tiles of images of {shape[0]} x {shape[1]}; "
            f"use {setting('grid', 2)}, or {setting('gap', 0)}"
        )
    return height, width


class JigsawNetwork(nn.Module):
    r"""One encoder for all tiles of an image, and a head that says of each tile in a shuffled row where it belongs.

    .. math:: z_s = f_\phi(t_{\pi(s)}), \qquad
              \ell = -\frac{1}{K} \sum_s \log \mathrm{softmax}\bigl(g_\theta(z_1, \dots, z_K)_s\bigr)_{\pi(s)}

    The image is cut into K = grid² cells, and of each cell a tile is taken that is smaller by a gap, in training from a
    random place: where edges met, continuing a line would be enough (Noroozi & Favaro, 2016,
    https://arxiv.org/abs/1603.09246). There the head chooses among some of the K! orders; here it places each tile, so
    that no order is left out and K² numbers are enough (as Santa Cruz et al., 2017, https://arxiv.org/abs/1704.02729).

    Args:
        shape: Of an image, (H, W) or (H, W, c).
        n_components: Numbers in an image's code, which is its tiles' codes one after another: a multiple of K.
        grid: Tiles along each side.
        gap: Pixels by which a tile is smaller than its cell, along each side.
        hidden: Channels of the encoder's blocks, each of which halves height and width.
        kernel_size: Of the convolutions, odd.
        block: Arguments of `Block`: activation, batch_norm, dropout.
        head: Units of the head's hidden layer.

    Raises:
        ConfigError: Tiles of no pixel, or a code that the tiles cannot share.

    Example:
        >>> JigsawNetwork((28, 28), n_components=32).encode(torch.ones(3, 28, 28)).shape
        torch.Size([3, 32])
    """

    def __init__(
        self,
        shape: Sequence[int],
        n_components: int,
        grid: int = 2,
        gap: int = 0,
        hidden: Sequence[int] = (16, 32),
        kernel_size: int = 3,
        block: Mapping[str, Any] | None = None,
        head: int = 256,
    ) -> None:
        super().__init__()
        self.grid, self.gap = whole("grid", grid, at_least=2), whole("gap", gap, at_least=0)
        self.tiles = self.grid**2
        self.size = tile_size(shape, self.grid, self.gap)
        self.n_components = _shared(n_components, self.tiles)
        self.config: dict[str, Any] = {
            "shape": list(shape),
            "n_components": n_components,
            "grid": grid,
            "gap": gap,
            "hidden": list(hidden),
            "kernel_size": kernel_size,
            "block": dict(block or {}),
            "head": whole("head", head, at_least=1),
        }
        self._corners = _corners(shape, self.grid)
        self._channels = [shape[2] if len(shape) == 3 else 1, *hidden]
        self.encoder = _tile_encoder(self._channels, self.size, n_components // self.tiles, self.config)
        first = Block(Linear(n_components, head), head, **self.config["block"])
        self.head = nn.Sequential(first, Linear(head, self.tiles**2))

    @property
    def numbers_per_row(self) -> int:
        """The most that a layer gives for one image: what bounds the rows that are computed at a time."""
        return self.tiles * math.prod(self.size) * max(self._channels)

    def encode(self, x: Tensor) -> Tensor:  # (B, H, W) or (B, H, W, c) -> (B, n)
        """The codes of the tiles in their own order, each from the middle of its cell."""
        return self._codes(self._centred(x)).flatten(1)

    def forward(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, n)
        return self.encode(x)

    def loss(self, batch: Batch) -> Tensor:
        """Cross-entropy of the tiles' places in an order that is a function of (seed, epoch, row)."""
        random = batch.random.stream("jigsaw")
        order = random.uniform((len(batch), self.tiles)).argsort(dim=1, stable=True)
        tiles = self._jittered(batch.x, random.stream("jitter")) if self.training else self._centred(batch.x)
        codes = self._codes(tiles)
        shuffled = codes.gather(1, order[:, :, None].expand_as(codes))
        return sequence_cross_entropy(self._places(shuffled), order).mean()

    def turned(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, K, K, K)
        """The logarithm of each place's probability when the tiles are shown in K orders, each a turn further.

        In order r the slot s shows tile (s + r) mod K, so that each tile is seen in each slot once. The orders are the
        same for every image: an answer depends on nothing but the image.
        """
        codes = self._codes(self._centred(x))
        turns = [self._places(codes.roll(-turn, dims=1)).log_softmax(dim=2) for turn in range(self.tiles)]
        return torch.stack(turns, dim=1)

    def alike(self, x: Tensor) -> Tensor:  # (B, *shape) -> (B, K, K)
        """Which tiles are the same in every number, as 0 and 1: nobody can tell these from each other."""
        tiles = self._centred(x).flatten(2)
        pairs = [(tiles == tiles[:, i : i + 1]).all(dim=2) for i in range(self.tiles)]
        return torch.stack(pairs, dim=1).to(x.dtype)

    def _places(self, codes: Tensor) -> Tensor:  # (B, K, m) -> (B, K, K)
        """Logits: of the tile in each slot, for each place."""
        logits: Tensor = self.head(codes.flatten(1))
        return logits.reshape(-1, self.tiles, self.tiles)

    def _codes(self, tiles: Tensor) -> Tensor:  # (B, K, h, w, c) -> (B, K, m)
        codes: Tensor = self.encoder(tiles.flatten(0, 1).permute(0, 3, 1, 2))
        return codes.reshape(-1, self.tiles, codes.shape[1])

    def _centred(self, x: Tensor) -> Tensor:  # (B, H, W[, c]) -> (B, K, h, w, c)
        images, (height, width), middle = _with_channels(x), self.size, self.gap // 2
        corners = [(top + middle, left + middle) for top, left in self._corners]
        return torch.stack([images[:, t : t + height, s : s + width] for t, s in corners], dim=1)

    def _jittered(self, x: Tensor, random: Keyed) -> Tensor:  # (B, H, W[, c]) -> (B, K, h, w, c)
        """Each tile from a place of its own within its cell."""
        images, (height, width) = _with_channels(x), self.size
        offsets = (random.uniform((len(x), self.tiles, 2)) * (self.gap + 1)).long().clamp_(max=self.gap)
        corner = torch.tensor(self._corners, device=x.device) + offsets  # (B, K, 2)
        rows = corner[:, :, 0, None] + torch.arange(height, device=x.device)
        columns = corner[:, :, 1, None] + torch.arange(width, device=x.device)
        image = torch.arange(len(x), device=x.device)[:, None, None, None]
        return images[image, rows[:, :, :, None], columns[:, :, None, :]]


def _tile_encoder(channels: list[int], size: tuple[int, int], code: int, config: Mapping[str, Any]) -> nn.Sequential:
    """Convolutional blocks, each followed by a halving, and a linear layer to a tile's code."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers.append(Block(Conv(before, after, config["kernel_size"]), after, **config["block"]))
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    sides = [math.ceil(side / 2 ** (len(channels) - 1)) for side in size]
    return nn.Sequential(*layers, nn.Flatten(), Linear(channels[-1] * math.prod(sides), code))


def _corners(shape: Sequence[int], grid: int) -> list[tuple[int, int]]:
    """Top and left of each cell, line after line; what the cells leave over is shared by both edges."""
    (height, width), (over_down, over_right) = ([side // grid for side in shape[:2]], [s % grid for s in shape[:2]])
    return [
        (over_down // 2 + row * height, over_right // 2 + column * width)
        for row in range(grid)
        for column in range(grid)
    ]


def _with_channels(x: Tensor) -> Tensor:  # (B, H, W) or (B, H, W, c) -> (B, H, W, c)
    return x[..., None] if x.ndim == 3 else x


def _shared(n_components: int, tiles: int) -> int:
    size = whole("n_components", n_components, at_least=1)
    if size % tiles:
        above = (size // tiles + 1) * tiles
        others = f"{above - tiles} or {above}" if size > tiles else f"{above}"
        raise ConfigError(f"n_components={size} cannot be shared by {tiles} tiles; use a multiple, such as {others}")
    return size
