"""Black and white images as sequences of blocks of pixels, and back: what a model of events can read and draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from latens.data.sources import open_samples
from latens.data.values import Source
from latens.errors import ConfigError, DataError, choice, finite, whole
from latens.schema.scaling import learn_scaling

__all__ = ["blocks_to_images", "images_to_blocks"]

# A block is an item of a vocabulary of 2 to this many; more are seldom seen twice.
_MOST_PIXELS = 16
_INCOMPLETE = ("error", "background")


def images_to_blocks(
    images: Any, block: tuple[int, int] = (4, 2), *, threshold: float | None = None
) -> list[list[int]]:
    r"""Images as sequences that `EventAutoregressor` learns from: each block of black and white pixels is one item.

    .. math:: b_t = \sum_{k=1}^{hw} 2^{hw-k} \, [x_{t,k} > \theta]

    The blocks, and the pixels :math:`x_{t,k}` of a block, are read line by line. An item says all pixels of its block
    at once, so that a model which draws items one after another draws the pixels of a block jointly. What the
    threshold makes of an image is in the sequence to the last pixel. An image that blocks do not cover evenly is
    continued with background, to the right and downwards.

    Args:
        images: (n, h, w) or (n, h, w, 1), or whatever else `open_source` makes such images of.
        block: Height and width of a block in pixels, at most 16 of them.
        threshold: :math:`\theta`, in the images' units; what lies above it is foreground. None takes the middle of
            these images' range, as ``scaling="auto"`` sees it: 0.5 for what lies in [0, 1], else halfway between the
            least and the greatest value. Give it where other images have to be cut at the same place.

    Returns:
        n sequences of :math:`\lceil h / \text{height} \rceil \lceil w / \text{width} \rceil` whole numbers.

    Raises:
        DataError: They are no images of one size with one channel.
        ConfigError: The block has no pixels or too many, or the threshold is no number.

    Example:
        >>> image = np.array([[[0.0, 0.9, 0.9], [0.0, 0.0, 0.9]]])
        >>> images_to_blocks(image, block=(2, 2))
        [[4, 10]]
        >>> blocks_to_images([[4, 10]], shape=(2, 3), block=(2, 2)).tolist()
        [[[0, 1, 1], [0, 0, 1]]]
    """
    height, width = _block(block)
    source = open_samples(images, kind="images").one_size("resize or crop them to one size")
    at = _middle(source) if threshold is None else finite("threshold", threshold)
    bright = _grey(source) > at
    down, across = (-side % step for side, step in zip(bright.shape[1:], (height, width), strict=True))
    padded = np.pad(bright, ((0, 0), (0, down), (0, across)))
    rows, columns = padded.shape[1] // height, padded.shape[2] // width
    cut = padded.reshape(-1, rows, height, columns, width).swapaxes(2, 3)  # (n, rows, columns, height, width)
    numbers = _numbers(cut.reshape(len(cut), rows * columns, height * width))
    return [row.tolist() for row in numbers]


def blocks_to_images(
    sequences: Iterable[Sequence[int | None]],
    shape: tuple[int, int],
    block: tuple[int, int] = (4, 2),
    *,
    incomplete: str = "error",
) -> np.ndarray:
    """The images of sequences of blocks: the inverse of `images_to_blocks`, after its threshold.

    Args:
        sequences: n of them, as `images_to_blocks` or ``EventAutoregressor.generate(n=...)`` gives them.
        shape: Height and width of an image in pixels.
        block: Height and width of a block in pixels, as they were for `images_to_blocks`.
        incomplete: What becomes of a sequence that a model ended early, or that has the unknown item (None) in it:
            ``"error"``, or ``"background"`` where a block is missing.

    Returns:
        (n, h, w) uint8, 1 for foreground and 0 for background.

    Raises:
        DataError: A sequence has more blocks than such an image, or fewer, or one that is no such number.
        ConfigError: The shape, the block or `incomplete` is none.

    Example:
        >>> blocks_to_images([[9, 0], [15, None]], shape=(2, 4), block=(2, 2), incomplete="background").tolist()
        [[[1, 0, 0, 0], [0, 1, 0, 0]], [[1, 1, 0, 0], [1, 1, 0, 0]]]
    """
    height, width = _block(block)
    down, across = _sides("shape", shape)
    rows, columns = -(-down // height), -(-across // width)
    fill = choice("incomplete", incomplete, _INCOMPLETE) == "background"
    found = [_complete(each, i, rows * columns, 1 << (height * width), fill) for i, each in enumerate(sequences)]
    numbers = np.array(found, dtype=np.int64).reshape(-1, rows, columns, 1)
    bits = (numbers >> np.arange(height * width)[::-1]) & 1
    cut = bits.astype(np.uint8).reshape(-1, rows, columns, height, width).swapaxes(2, 3)
    return np.ascontiguousarray(cut.reshape(-1, rows * height, columns * width)[:, :down, :across])


def _sides(argument: str, value: Any) -> tuple[int, int]:
    """Height and width."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ConfigError(f"{argument}={value!r} is no height and width; use two whole numbers, such as (4, 2)")
    height, width = (whole(argument, side, at_least=1) for side in value)
    return height, width


def _block(block: Any) -> tuple[int, int]:
    height, width = _sides("block", block)
    if height * width > _MOST_PIXELS:
        raise ConfigError(
            f"block={block!r} holds {height * width} pixels, so 2^{height * width} items; "
            f"use at most {_MOST_PIXELS} pixels"
        )
    return height, width


def _grey(source: Source) -> np.ndarray:  # -> (n, h, w)
    """The pixels of images with one channel."""
    values = source.values
    if values.ndim == 4 and values.shape[3] > 1:
        raise DataError(
            f"{source.name}: images of {values.shape[3]} channels have no black and white; "
            "give one of them, X[..., 0], or the mean, X.mean(axis=-1)"
        )
    return values.reshape(values.shape[:3])


def _middle(source: Source) -> float:
    """Half of what the schema calls the range."""
    scaling = learn_scaling(source, np.arange(len(source)), "auto")
    return float(scaling.offset + scaling.scale / 2)


def _numbers(bits: np.ndarray) -> np.ndarray:  # (n, T, pixels) bool -> (n, T) int32
    """Each block's bits as one number, the first pixel the highest."""
    numbers = np.zeros(bits.shape[:2], dtype=np.int32)
    for pixel in range(bits.shape[2]):
        numbers = 2 * numbers + bits[:, :, pixel]
    return numbers


def _complete(sequence: Any, place: int, length: int, n_items: int, fill: bool) -> list[int]:
    """A sequence as `length` blocks that are all there."""
    where = f"sequence {place} (counted from 0)"
    if not isinstance(sequence, (list, tuple, np.ndarray)):
        raise DataError(f"{where} is {sequence!r:.50}, no list of blocks; give a list of sequences")
    listed = list(sequence)
    if len(listed) > length:
        raise DataError(
            f"{where} has {len(listed)} blocks and the image {length}; give its shape and block as they were"
        )
    listed += [None] * (length - len(listed))
    for at, number in enumerate(listed):
        if number is None and not fill:
            raise DataError(f'{where}: block {at} of {length} is missing; use incomplete="background", or draw again')
        if number is not None and not _is_block(number, n_items):
            raise DataError(
                f"{where}: {number!r} at position {at} is no whole number from 0 to {n_items - 1}; replace it"
            )
    return [0 if number is None else int(number) for number in listed]


def _is_block(number: object, n_items: int) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool) and 0 <= int(number) < n_items
