"""Autoencoders of images that keep their convolutions at the image's own size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from latens.errors import ConfigError, choice
from latens.layers import Block, Conv, Linear, Resize, View, activation_layer
from latens.models.autoencoders import OUTPUTS, _Reconstructing

__all__ = ["AsymmetricNetwork", "ConvolutionalNetwork"]


class ConvolutionalNetwork(_Reconstructing):
    r"""Convolutions without pooling: the code is a map as large as the image, and the image may have any size.

    .. math:: \hat{x} = g_\theta(f_\phi(\tilde{x})), \qquad f_\phi: (H, W, c) \to (n, H, W)

    Blocks Conv → BatchNorm → activation → dropout lead from the image to the code, which is a 1 x 1 convolution, and
    mirrored back. Dilated convolutions (Yu & Koltun, 2016, https://arxiv.org/abs/1511.07122) let a pixel's answer
    depend on far pixels without a smaller image in between.

    Args:
        widths: Channels from the image to the code, both included: ``[1, 16, 16, 16]``.
        dilations: Of the blocks between the two; None is 1 for each. The decoder's mirror them.
        kernel_size: Of the blocks, odd.
        block: Arguments of `Block`: activation, batch_norm, dropout.
        code_activation: Of the code; None is linear.
        output: ``"linear"``, or ``"sigmoid"`` for data bounded in [0, 1].
        corruption: Of the input, in training: what `Task.of` takes.

    Raises:
        ConfigError: Too few widths, or not one dilation for each block.

    Example:
        >>> import torch
        >>> ConvolutionalNetwork([1, 4, 2])(torch.ones(3, 33, 47)).shape
        torch.Size([3, 33, 47])
    """

    def __init__(
        self,
        widths: Sequence[int],
        dilations: Sequence[int] | None = None,
        kernel_size: int = 3,
        block: Mapping[str, Any] | None = None,
        code_activation: str | None = None,
        output: str = "linear",
        corruption: object = None,
    ) -> None:
        super().__init__(corruption)
        down, style = list(widths), dict(block or {})
        steps = [1] * (len(down) - 2) if dilations is None else list(dilations)
        _check_dilations(down, steps)
        self.config: dict[str, Any] = {
            "widths": down,
            "dilations": steps,
            "kernel_size": kernel_size,
            "block": style,
            "code_activation": code_activation,
            "output": choice("output", output, OUTPUTS),
            "corruption": self.task.config,
        }
        code = [Conv(down[-2], down[-1], kernel_size=1), activation_layer(code_activation, "code_activation")]
        self.encoder = nn.Sequential(*_blocks(down[:-1], steps, kernel_size, style), *code)
        self.decoder = nn.Sequential(
            *_blocks(down[:0:-1], steps[::-1], kernel_size, style),
            Conv(down[1], down[0], kernel_size),
            _output_layer(output),
        )

    @property
    def reach(self) -> int:
        """How many pixels away from a pixel an input can change its answer."""
        return sum(layer.reach for layer in self.modules() if isinstance(layer, Conv))

    def encode(self, x: Tensor) -> Tensor:  # (B, H, W) or (B, H, W, c) -> (B, n, H, W)
        code: Tensor = self.encoder(_channels_first(x))
        return code

    def outputs(self, code: Tensor) -> Tensor:  # (B, n, H, W) -> (B, H, W, c)
        image: Tensor = self.decoder(code)
        return image.permute(0, 2, 3, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, H, W) or (B, H, W, c) -> the same
        return self.decode(self.encode(x)).reshape(x.shape)


class AsymmetricNetwork(_Reconstructing):
    r"""A fully connected encoder and a convolutional decoder, for images of one size.

    .. math:: \mathbb{R}^{D} \to \mathbb{R}^n \to \mathbb{R}^{C h w} \to (C, h, w) \to (c, H, W)

    The decoder's linear layer gives C small maps; they are enlarged step by step to the image's height and width,
    whatever these are, with a convolution after each step.

    Args:
        shape: Of an image: (H, W) or (H, W, c).
        encoder: Widths from the data to the code, both included: ``[784, 392, 261, 196, 32]``.
        decoder: Channels of the maps, the smallest map's first; each step about doubles height and width.
        kernel_size: Of the convolutions, odd.
        block: Arguments of `Block`: activation, batch_norm, dropout.
        code_activation: Of the code; None is linear.
        output: ``"linear"``, or ``"sigmoid"`` for data bounded in [0, 1].
        corruption: Of the input, in training: what `Task.of` takes.

    Raises:
        ConfigError: An encoder that does not begin with the image's numbers, or a decoder without channels.

    Example:
        >>> import torch
        >>> AsymmetricNetwork((33, 47, 3), [33 * 47 * 3, 2], [8, 4])(torch.ones(5, 33, 47, 3)).shape
        torch.Size([5, 4653])
    """

    def __init__(
        self,
        shape: Sequence[int],
        encoder: Sequence[int],
        decoder: Sequence[int],
        kernel_size: int = 3,
        block: Mapping[str, Any] | None = None,
        code_activation: str | None = None,
        output: str = "linear",
        corruption: object = None,
    ) -> None:
        super().__init__(corruption)
        down, up, style = list(encoder), list(decoder), dict(block or {})
        _check_ends(tuple(shape), down, up)
        self.config: dict[str, Any] = {
            "shape": list(shape),
            "encoder": down,
            "decoder": up,
            "kernel_size": kernel_size,
            "block": style,
            "code_activation": code_activation,
            "output": choice("output", output, OUTPUTS),
            "corruption": self.task.config,
        }
        linears = [Block(Linear(a, b), b, **style) for a, b in pairwise(down[:-1])]
        code = [Linear(down[-2], down[-1]), activation_layer(code_activation, "code_activation")]
        self.encoder = nn.Sequential(*linears, *code)
        maps = _enlarging(tuple(shape), [down[-1], *up], kernel_size, style)
        self.decoder = nn.Sequential(*maps, _output_layer(output))

    @property
    def numbers_per_row(self) -> int:
        """The most that a layer gives for one image: what bounds the rows that are computed at a time."""
        height, width, _ = _three(self.config["shape"])
        return height * width * int(max(self.config["decoder"]))

    def outputs(self, code: Tensor) -> Tensor:  # (B, n) -> (B, D)
        image: Tensor = self.decoder(code)  # (B, c, H, W)
        return image.permute(0, 2, 3, 1).flatten(1)


def _enlarging(
    shape: tuple[int, ...], widths: list[int], kernel_size: int, style: Mapping[str, Any]
) -> list[nn.Module]:
    """From a code of widths[0] numbers over maps of widths[1:] channels to the image."""
    height, width, channels = _three(shape)
    halvings = [2**k for k in reversed(range(len(widths) - 1))]
    sizes = [(math.ceil(height / k), math.ceil(width / k)) for k in halvings]
    first = widths[1] * math.prod(sizes[0])
    layers: list[nn.Module] = [Block(Linear(widths[0], first), first, **style), View(widths[1], *sizes[0])]
    for size, (before, after) in zip(sizes[1:], pairwise(widths[1:]), strict=True):
        layers += [Resize(*size), Block(Conv(before, after, kernel_size), after, **style)]
    return [*layers, Conv(widths[-1], channels, kernel_size)]


def _blocks(
    widths: Sequence[int], dilations: Sequence[int], kernel_size: int, style: Mapping[str, Any]
) -> list[nn.Module]:
    steps = zip(pairwise(widths), dilations, strict=True)
    return [Block(Conv(a, b, kernel_size, dilation), b, **style) for (a, b), dilation in steps]


def _output_layer(output: str) -> nn.Module:
    return nn.Sigmoid() if output == "sigmoid" else nn.Identity()


def _channels_first(x: Tensor) -> Tensor:  # (B, H, W) or (B, H, W, c) -> (B, c, H, W)
    return (x[..., None] if x.ndim == 3 else x).permute(0, 3, 1, 2)


def _three(shape: Sequence[int]) -> tuple[int, int, int]:
    """Height, width and channels."""
    height, width, channels = (*shape, 1)[:3]
    return height, width, channels


def _check_dilations(widths: list[int], dilations: list[int]) -> None:
    if len(widths) < 3 or min(widths) < 1:
        raise ConfigError(f"widths {widths} leave no block between image and code; use at least three, all >= 1")
    if len(dilations) != len(widths) - 2:
        raise ConfigError(
            f"dilation={dilations} has {len(dilations)} numbers for {len(widths) - 2} blocks; give one for each"
        )


def _check_ends(shape: tuple[int, ...], down: list[int], up: list[int]) -> None:
    if len(shape) not in (2, 3) or min(shape) < 1:
        raise ConfigError(f"shape={shape} is no image's; use (height, width) or (height, width, channels)")
    if len(down) < 2 or min(down) < 1 or down[0] != math.prod(shape):
        raise ConfigError(
            f"encoder widths {down} do not lead from the {math.prod(shape)} numbers of an image to a code"
        )
    if not up or min(up) < 1:
        raise ConfigError(f"decoder channels {up} make no image; use at least one, all >= 1")
