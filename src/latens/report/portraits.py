"""Rows as pictures: images one by one, each as data that the page carries with it."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latens.data import AnySource
from latens.plots.pictures import as_colours, image_range
from latens.report.blocks import Picture
from latens.report.fields import pictures_of
from latens.report.scatter import clipped

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["as_png", "drawn_image", "extent_of", "portrait", "shaped"]

# Pixels of a picture's longer side in the file, and on the page of small ones at least.
_SIDE, _LEAST = 160, 84


def extent_of(images: Sequence[np.ndarray] | np.ndarray) -> tuple[float, float]:
    """What black and white stand for, the same for all of some pictures."""
    return image_range(np.array([min(float(each.min()) for each in images), max(float(each.max()) for each in images)]))


def portrait(image: np.ndarray, extent: tuple[float, float], says: str = "") -> Picture:
    """An image (h, w) or (h, w, c) in the data's own units, made smaller if it is large.

    Example:
        >>> made = portrait(np.eye(4), (0.0, 1.0), says="a line")
        >>> made.width, made.height, made.source[:22]
        (84, 84, 'data:image/png;base64,')
    """
    drawn = drawn_image(image, extent)
    times = max(1, -(-_LEAST // max(drawn.size)))
    source = f"data:image/png;base64,{b64encode(as_png(drawn)).decode('ascii')}"
    return Picture(source, times * drawn.width, times * drawn.height, clipped(says, 80))


def drawn_image(image: np.ndarray, extent: tuple[float, float], side: int = _SIDE) -> Image:
    """An image (h, w) or (h, w, c) in the data's own units, its longer side at most so many pixels."""
    from PIL import Image

    low, high = extent
    colours = as_colours(((np.asarray(image, dtype=np.float64) - low) / (high - low))[None])[0]
    drawn = Image.fromarray(np.rint(255 * colours).astype(np.uint8))
    drawn.thumbnail((side, side), Image.Resampling.BOX)
    return drawn


def as_png(drawn: Image) -> bytes:
    """The file of an image."""
    stream = io.BytesIO()
    drawn.save(stream, format="PNG")
    return stream.getvalue()


def shaped(source: AnySource, row: int) -> np.ndarray | None:
    """A row as an image, if that is what it is."""
    pictures = pictures_of(source)
    return None if pictures is None else np.asarray(pictures[row])
