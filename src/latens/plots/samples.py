"""Samples side by side: what went in, what came out, and how far apart they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from latens.errors import DataError
from latens.plots.pictures import draw_pictures
from latens.plots.tables import draw_table
from latens.schema import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_corruptions", "plot_denoised", "plot_images", "plot_pairs"]

_MOST = 60


def plot_pairs(
    inputs: np.ndarray,
    outputs: np.ndarray,
    *,
    corrupted: np.ndarray | None = None,
    columns: Sequence[str | Column] | None = None,
    title: str | None = None,
) -> Figure:
    """Each input beside its reconstruction, with the mean squared error between them.

    Images stand in two rows, grey levels as in the input's own range. Tables have a panel for each of up to 12 columns,
    in the column's own units (of more the 12 reconstructed worst, measured by their spread); wide arrays without
    column names are lines.

    Args:
        inputs: (n, h, w), (n, h, w, c) or (n, d), n up to 60; about 10 are good to look at.
        outputs: The same shape and units.
        corrupted: What the model saw instead of the inputs; the same shape.
        columns: The d columns, or their names.
        title: Above the picture.

    Raises:
        DataError: The shapes differ, or there is nothing or too much to draw.

    Example:
        >>> images = np.zeros((3, 8, 6))
        >>> len(plot_pairs(images, images).axes)
        6
    """
    rows = {"input": inputs, "corrupted": corrupted, "reconstruction": outputs}
    given = {name: np.asarray(array) for name, array in rows.items() if array is not None}
    return _draw(given, columns, title or "Inputs and their reconstructions")


def plot_denoised(
    clean: np.ndarray,
    noisy: np.ndarray,
    cleaned: np.ndarray,
    *,
    columns: Sequence[str | Column] | None = None,
    title: str | None = None,
) -> Figure:
    """Clean, noisy and cleaned samples under each other; the errors of the last two are against the clean ones.

    Args:
        clean: (n, h, w), (n, h, w, c) or (n, d).
        noisy: The same shape: what the model was given.
        cleaned: The same shape: what it made of it.
        columns: The d columns, or their names.
        title: Above the picture.

    Raises:
        DataError: The shapes differ, or there is nothing or too much to draw.

    Example:
        >>> images = np.zeros((2, 8, 6))
        >>> len(plot_denoised(images, images, images).axes)
        6
    """
    rows = {"clean": np.asarray(clean), "noisy": np.asarray(noisy), "cleaned": np.asarray(cleaned)}
    return _draw(rows, columns, title or "Noisy samples and what the model made of them")


def plot_corruptions(
    clean: np.ndarray,
    corrupted: Mapping[str, np.ndarray],
    *,
    columns: Sequence[str | Column] | None = None,
    title: str | None = None,
) -> Figure:
    """Clean samples, and under them what each corruption makes of the same ones.

    Args:
        clean: (n, h, w), (n, h, w, c) or (n, d).
        corrupted: The same shape, by the corruption's name.
        columns: Names of the d columns.
        title: Above the picture.

    Raises:
        DataError: The shapes differ, or there is nothing or too much to draw.

    Example:
        >>> images = np.zeros((2, 8, 6))
        >>> len(plot_corruptions(images, {"gaussian:0.5": images + 0.1, "blur:1": images}).axes)
        6
    """
    rows = {"clean": np.asarray(clean)} | {name: np.asarray(array) for name, array in corrupted.items()}
    return _draw(rows, columns, title or "Samples and what is made of them")


def plot_images(images: np.ndarray, *, name: str = "generated", title: str | None = None) -> Figure:
    """Images that stand for themselves: generated from nothing, or the data as it is.

    Args:
        images: (n, h, w) or (n, h, w, c), n up to 60.
        name: What they are, beside them.
        title: Above them.

    Raises:
        DataError: They are no images, or there is nothing or too much to draw.

    Example:
        >>> len(plot_images(np.zeros((5, 8, 6))).axes)
        5
    """
    images = np.asarray(images)
    if images.ndim not in (3, 4):
        raise DataError(f"images of shape {images.shape}; give (n, h, w) or (n, h, w, c)")
    return _draw({name: images}, None, title or f"Images, {name}")


def _draw(rows: dict[str, np.ndarray], columns: Sequence[str | Column] | None, title: str) -> Figure:
    first = next(iter(rows.values()))
    for name, array in rows.items():
        if array.shape != first.shape:
            raise DataError(f"{name} samples of shape {array.shape} beside {first.shape}; give them one shape")
    if first.ndim not in (2, 3, 4) or 0 in first.shape:
        raise DataError(f"samples of shape {first.shape} cannot be drawn; give (n, d), (n, h, w) or (n, h, w, c)")
    if len(first) > _MOST:
        raise DataError(f"{len(first)} samples are too many for one picture; choose up to {_MOST}")
    values = {name: array.astype(np.float64) for name, array in rows.items()}
    if first.ndim == 2:
        return draw_table(values, columns, title)
    return draw_pictures(values, title)
