"""Images of different sizes and one colour mode: an array of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from latens.data.finite import check_finite
from latens.data.values import Source, check_shape, numeric
from latens.errors import DataError

__all__ = ["check_images", "is_ragged", "ragged_source"]


def is_ragged(data: object) -> TypeGuard[Sequence[np.ndarray[Any, Any]]]:
    """Whether `data` is a list (or an array of objects) of images, (h, w) or (h, w, c), that differ in shape.

    Example:
        >>> is_ragged([np.zeros((3, 4)), np.zeros((5, 6))]), is_ragged([np.zeros((3, 4))] * 2)
        (True, False)
    """
    if isinstance(data, np.ndarray):
        data = list(data) if data.dtype == object and data.ndim == 1 else None
    if not isinstance(data, (list, tuple)) or not data:
        return False
    images = all(isinstance(image, np.ndarray) and image.ndim in (2, 3) for image in data)
    return images and any(image.shape != data[0].shape for image in data)


def ragged_source(images: Sequence[np.ndarray], name: str = "array") -> Source:
    """A checked Source of images of different sizes, in one dtype that holds them all.

    Raises:
        DataError: They differ in their channels, one is empty, or holds something else than finite numbers.

    Example:
        >>> ragged_source([np.zeros((3, 4, 3)), np.zeros((5, 6, 3))]).shape
        (None, None, 3)
    """
    first = images[0]
    values = np.empty(len(images), dtype=object)
    for row, image in enumerate(images):
        if image.shape[2:] != first.shape[2:] or (image.ndim == 3 and image.shape[2] > 4):
            raise DataError(
                f"{name}: image {row} has shape {image.shape} where image 0 has {first.shape}; "
                "give all of them (h, w), or (h, w, c) with the same 1 to 4 channels last"
            )
        check_shape((1, *image.shape), f"{name}: image {row}")
        values[row] = numeric(image, f"{name}: image {row}")
    common = np.result_type(*{image.dtype for image in values})
    for row, image in enumerate(values):
        values[row] = image.astype(common, copy=False)
    check_images(values, name)
    return Source(values, kind="images", name=name)


def check_images(values: np.ndarray, name: str) -> None:
    """Refuse NaN and infinity in images of one size, (n, h, w) or (n, h, w, c), or of different ones."""
    if values.dtype != object:
        return check_finite(values, name)
    for row, image in enumerate(values):
        check_finite(image[None], f"{name}: image {row}")
