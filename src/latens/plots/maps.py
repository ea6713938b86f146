"""The map: every row is a point where its code puts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.analysis.maps import Map, fit_map
from latens.errors import DataError
from latens.plots.colours import NEUTRAL, OTHER, SCALE, Classes, Quantity, read_labels
from latens.plots.lettering import count, lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_map"]

# From here on points are drawn as pixels also in PDF and SVG: a vector file of 60,000 circles opens in no viewer.
_MANY = 2000


def plot_map(
    codes: np.ndarray | Map,
    labels: np.ndarray | None = None,
    *,
    title: str | None = None,
    counts: bool = False,
    legend: str = "label",
    new: np.ndarray | None = None,
) -> Figure:
    """Scatter of two-dimensional codes, coloured by a label; more dimensions by their first two principal components.

    Codes of one number become a strip for each class, or a histogram. Up to 20 classes have a colour each; beyond that
    numbers get a scale, and of names the most frequent ones are told apart.

    Args:
        codes: (n, k), or the map that was made of them.
        labels: (n,), any dtype; None for none.
        title: Above the map; None says how many rows there are.
        counts: Say in the legend how many rows each class has.
        legend: What the labels are.
        new: (m, k) codes to put on the map; they are drawn, `labels` are theirs, and the map's own rows are grey.

    Raises:
        DataError: The codes are no finite (n, k) array, or there is not one label for each row.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(60, 2))
        >>> plot_map(codes, np.arange(60) % 3).axes[0].get_xlabel()
        'code 1'
    """
    place = codes if isinstance(codes, Map) else fit_map(codes)
    points = place.points if new is None else place.place(new)
    read = None if labels is None else read_labels(_one_per_row(labels, len(points)))
    figure, axes = _canvas(lettering(title or _title(place, new), longest=80))
    if not place.axes[1]:
        _strip(axes, points[:, 0], read)
    else:
        axes.set(xlabel=place.axes[0], ylabel=place.axes[1])
        has_units = place.method != "umap"
        axes.tick_params(labelbottom=has_units, labelleft=has_units)
        if new is not None:
            axes.scatter(
                place.points[:, 0],
                place.points[:, 1],
                s=_size(len(place)),
                c=OTHER,
                alpha=0.5,
                linewidths=0,
                rasterized=True,
            )
        _scatter(axes, points, read, legend)
    if isinstance(read, Classes):
        _legend(figure, read, counts, legend)
    return figure


def _title(place: Map, new: np.ndarray | None) -> str:
    of = f"map of {count(len(place), 'row')}"
    return of.capitalize() if new is None else f"{count(len(new), 'row')} on a {of} (grey)"


def _one_per_row(labels: np.ndarray, n: int) -> np.ndarray:
    array = np.asarray(labels)
    if array.shape != (n,):
        raise DataError(f"labels of shape {array.shape} for a map of {n} rows; give one label per row, of shape ({n},)")
    return array


def _canvas(title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.grid(alpha=0.2)
    axes.set_axisbelow(True)
    return figure, axes


def _scatter(axes: Axes, points: np.ndarray, read: Classes | Quantity | None, legend: str = "label") -> None:
    n = len(points)
    # A fixed shuffle: drawn class by class, the last one would hide the others
    order = np.random.default_rng(0).permutation(n)
    x, y = points[order].T
    style: dict[str, Any] = {
        "s": _size(n),
        "alpha": 0.9 if n < _MANY else 0.6,
        "linewidths": 0,
        "rasterized": n > _MANY,
    }
    if isinstance(read, Quantity):
        _coloured_by_quantity(axes, x, y, read.values[order], style, legend)
    else:
        colours = NEUTRAL if read is None else np.asarray(read.colours)[read.codes[order]]
        axes.scatter(x, y, c=colours, **style)


def _coloured_by_quantity(
    axes: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, style: Mapping[str, Any], legend: str
) -> None:
    missing = np.isnan(values)
    if missing.any():
        axes.scatter(x[missing], y[missing], c=OTHER, label=f"{lettering(legend)} missing", **style)
        axes.legend(loc="best")
    drawn = axes.scatter(x[~missing], y[~missing], c=values[~missing], cmap=SCALE, **style)
    axes.get_figure().colorbar(drawn, ax=axes, label=lettering(legend)).solids.set_alpha(1)  # type: ignore[union-attr]


def _size(n: int) -> float:
    """The area of a point, in square points of print: large enough to see, small enough to leave gaps."""
    return float(np.clip(4e4 / n, 2.0, 40.0))


def _strip(axes: Axes, code: np.ndarray, read: Classes | Quantity | None) -> None:
    """One number a row: along x, with a lane for each class and a jitter that means nothing."""
    axes.set_xlabel("code 1")
    if read is None:
        axes.hist(code, bins=min(60, max(10, round(len(code) ** 0.5))), color=NEUTRAL)
        axes.set_ylabel("rows")
        return
    lanes = read.codes.astype(np.float64) if isinstance(read, Classes) else np.zeros(len(code))
    jitter = np.random.default_rng(0).uniform(-0.35, 0.35, size=len(code))
    _scatter(axes, np.stack([code, lanes + jitter], axis=1), read)
    if isinstance(read, Classes):
        axes.set_yticks(range(len(read.names)), read.names)
        axes.set_ylabel("class (spread within it means nothing)")
        axes.invert_yaxis()
    else:
        axes.set_yticks([])
        axes.set_ylabel("(spread means nothing)")


def _legend(figure: Figure, read: Classes, counts: bool, name: str) -> None:
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], marker="o", linestyle="", color=colour, markersize=7) for colour in read.colours]
    sizes = np.bincount(read.codes, minlength=len(read.names))
    names = [f"{name} ({size:,})" if counts else name for name, size in zip(read.names, sizes, strict=True)]
    # Numbered first and named after: matplotlib leaves out what begins with an underscore
    numbers = list(map(str, range(len(marks))))
    legend = figure.legend(marks, numbers, loc="outside right upper", title=lettering(name))
    for text, own in zip(legend.get_texts(), names, strict=True):
        text.set_text(own)
