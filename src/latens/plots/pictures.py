"""Rows of images on one common range of grey levels, so that nothing is made brighter or darker in silence."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from latens.plots.lettering import lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["as_colours", "draw_pictures", "image_range"]

_ACROSS = 12
# Inches a picture is wide: at least, at most, and for each pixel while there is room.
_LEAST, _MOST, _PER_PIXEL = 1.05, 4.5, 0.01
# Of the footnote's size.
_LETTERS_AN_INCH = 14


def draw_pictures(rows: Mapping[str, np.ndarray], title: str) -> Figure:
    """Named rows of float64 images (n, h, w) or (n, h, w, c); under all but the first row the error against it."""
    from matplotlib.figure import Figure

    truth = next(iter(rows.values()))
    across = min(len(truth), _ACROSS)
    bands = math.ceil(len(truth) / across)
    height = float(np.clip(truth.shape[1] / truth.shape[2], 0.4, 2.5))
    side = float(np.clip(min(_PER_PIXEL * truth.shape[2], _LEAST * _ACROSS / across), _LEAST, _MOST))
    size = (max(side * across + 1.2, 5.0), bands * len(rows) * (side * height + 0.25) + 0.9)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(lettering(title, longest=80), fontsize=11)
    low, high = image_range(truth)
    grid = figure.subplots(bands * len(rows), across, squeeze=False)
    for i, (name, images) in enumerate(rows.items()):
        errors = None if i == 0 else _visible(np.square(images - truth).reshape(len(truth), -1).mean(axis=1), low, high)
        shown = as_colours((images - low) / (high - low))
        for band in range(bands):
            part = slice(band * across, (band + 1) * across)
            _draw_row(grid[band * len(rows) + i], name, shown[part], None if errors is None else errors[part])
    _footnote(figure, rows, (low, high))
    return figure


def image_range(truth: np.ndarray) -> tuple[float, float]:
    """Black and white: 0 and 1 for what lies there, else the range of the true images with zero in it if positive."""
    low, high = float(truth.min()), float(truth.max())
    if low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    low = min(low, 0.0)
    return low, high if high > low else low + 1.0


def _visible(errors: np.ndarray, low: float, high: float) -> np.ndarray:
    """Errors with 0 for what is no more than rounding."""
    return np.where(errors < 1e-9 * (high - low) ** 2, 0.0, errors)


def as_colours(images: np.ndarray) -> np.ndarray:
    """(n, h, w) grey or (n, h, w, 3) colours in [0, 1]; other numbers of channels as the mean of them."""
    clipped = np.asarray(np.clip(images, 0.0, 1.0))
    if clipped.ndim == 3 or clipped.shape[3] == 3:
        return clipped
    return np.asarray(clipped[..., :3] if clipped.shape[3] == 4 else clipped.mean(axis=3))


def _draw_row(axes: np.ndarray, name: str, images: np.ndarray, errors: np.ndarray | None) -> None:
    for place, ax in enumerate(axes):
        _bare(ax)
        if place < len(images):
            ax.imshow(images[place], cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
            ax.set_xlabel("" if errors is None else _short(float(errors[place])), fontsize=8)
        else:
            ax.set_visible(False)
    axes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)


def _short(error: float) -> str:
    return f"{error:.3g}" if error < 1000 else f"{error:,.0f}"


def _bare(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _footnote(figure: Figure, rows: Mapping[str, np.ndarray], extent: tuple[float, float]) -> None:
    low, high = extent
    truth = next(iter(rows.values()))
    beyond = any(images.min() < low - 1e-9 or images.max() > high + 1e-9 for images in rows.values())
    words = [f"Numbers: mean squared error against the {next(iter(rows))} image."] if len(rows) > 1 else []
    words += [f"Range shown: {low:g} to {high:g}{'; what lies beyond is drawn at its ends' if beyond else ''}."]
    if truth.ndim == 4 and truth.shape[3] not in (1, 3, 4):
        words.append(f"Drawn: the mean of {truth.shape[3]} channels.")
    width = int(_LETTERS_AN_INCH * figure.get_figwidth())  # a picture of one column is narrower than the line
    figure.supxlabel(textwrap.fill(" ".join(words), width), fontsize=8)
