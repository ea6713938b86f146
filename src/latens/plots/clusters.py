"""Clusters as pictures: what each looks like, or how large it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from latens.errors import DataError
from latens.plots.colours import NEUTRAL, OTHER
from latens.plots.lettering import count, lettering
from latens.plots.pictures import as_colours, image_range

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from latens.analysis import Clustering

__all__ = ["plot_clusters"]

_MOST = 24
_EXAMPLES = 12
_WORDS = {"distance": "from the nearest to its centre to the farthest", "probability": "from the surest to the least"}


def plot_clusters(clustering: Clustering, images: np.ndarray | None = None, *, title: str | None = None) -> Figure:
    """A line of examples for each of the largest clusters, if the rows are images; else how large they are.

    Args:
        clustering: Of n rows.
        images: (n, h, w) or (n, h, w, c).
        title: Above it.

    Raises:
        DataError: No cluster was found, or there are not as many images as rows.

    Example:
        >>> from latens.analysis import find_clusters
        >>> found = find_clusters(np.array([[0.0], [0.1], [5.0]]), k=2)
        >>> len(plot_clusters(found).axes[0].patches)
        2
    """
    if not clustering.n_clusters:
        raise DataError("no cluster was found: there is nothing to draw; use a smaller least size, or another method")
    title = lettering(title or _title(clustering), longest=110)
    if images is None:
        return _sizes(clustering, title)
    if len(images) != len(clustering.labels) or images.ndim not in (3, 4):
        raise DataError(f"images of shape {images.shape} for {len(clustering.labels)} rows; give (n, h, w[, c])")
    return _examples(clustering, images, title)


def _title(clustering: Clustering) -> str:
    noise = f", {100 * clustering.noise:.0f} % in none" if clustering.noise else ""
    return f"{count(clustering.n_clusters, 'cluster')} of {count(len(clustering.labels), 'row')}{noise}"


def _examples(clustering: Clustering, images: np.ndarray, title: str) -> Figure:
    from matplotlib.figure import Figure

    shown = min(clustering.n_clusters, _MOST)
    figure = Figure(figsize=(0.62 * _EXAMPLES + 1.6, 0.62 * shown + 1.1), layout="constrained")
    figure.suptitle(title, fontsize=11)
    grid = figure.subplots(shown, _EXAMPLES, squeeze=False)
    low, high = image_range(images[clustering.representatives].astype(np.float64))
    for cluster, axes in enumerate(grid):
        rows = clustering.examples(cluster, _EXAMPLES)
        pictures = as_colours((images[rows].astype(np.float64) - low) / (high - low))
        for ax in axes:
            ax.set(xticks=[], yticks=[], frame_on=False)
        for ax, picture in zip(axes, pictures, strict=False):
            ax.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        name = f"{cluster} ({clustering.sizes[cluster]:,})"
        axes[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    more = f" The {shown} largest." if shown < clustering.n_clusters else ""
    words = f"Cluster (rows): its representative, then others {_WORDS[clustering.measure]}.{more}"
    figure.supxlabel(words, fontsize=8)
    return figure


def _sizes(clustering: Clustering, title: str) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="cluster", ylabel="rows")
    axes.set_title(title)
    axes.bar(np.arange(clustering.n_clusters), clustering.sizes, color=NEUTRAL, label="cluster")
    if clustering.noise:
        axes.bar([-1], [np.count_nonzero(clustering.labels < 0)], color=OTHER, label="in none")
        axes.legend()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.2, axis="y")
    axes.set_axisbelow(True)
    return figure
