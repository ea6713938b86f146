"""Images and what is like them, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latens.errors import DataError
from latens.plots.lettering import lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_neighbours"]

# A picture shows no more than this many queries, and neighbours of each.
_MOST = 20
# Inches of a picture's side.
_SIDE = 1.05


def plot_neighbours(
    queries: Sequence[np.ndarray],
    neighbours: Sequence[Sequence[np.ndarray]],
    captions: Sequence[Sequence[object]],
    *,
    title: str | None = None,
) -> Figure:
    """A strip for each query: the image that was asked about, then those that were found, the nearest first.

    Args:
        queries: m images, (h, w) or (h, w, c) uint8, of any sizes; m up to 20.
        neighbours: Of each query its images, up to 20 of which are drawn.
        captions: Of each of these what stands under it.
        title: Above the picture.

    Raises:
        DataError: There is nothing or too much to draw.

    Example:
        >>> image = np.zeros((8, 6), dtype=np.uint8)
        >>> len(plot_neighbours([image], [[image, image]], [["0.1", "0.2"]]).axes)
        3
    """
    from matplotlib.figure import Figure

    if not 1 <= len(queries) <= _MOST:
        raise DataError(f"{len(queries)} queries where a picture shows from 1 to {_MOST}; ask about fewer")
    across = 1 + min(_MOST, max(map(len, neighbours)))
    size = (max(_SIDE * across, 4.0), (_SIDE + 0.35) * len(queries) + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(lettering(title or "Asked about, and the nearest", longest=80), fontsize=11)
    grid = figure.subplots(len(queries), across, squeeze=False)
    for axes, query, found, words in zip(grid, queries, neighbours, captions, strict=True):
        shown = [(query, "query"), *zip(found, words, strict=True)][:across]
        for ax, (image, caption) in zip(axes, shown, strict=False):
            _draw(ax, image, caption)
        for ax in axes[len(shown) :]:
            ax.set_visible(False)
    return figure


def _draw(ax: Axes, image: np.ndarray, caption: object) -> None:
    ax.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_xlabel(lettering(caption, longest=24), fontsize=8)
