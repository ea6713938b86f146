"""The map: every row is a point where its code puts it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

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
    codes: np.ndarray, labels: np.ndarray | None = None, *, title: str | None = None, counts: bool = False
) -> Figure:
    """Scatter of two-dimensional codes, coloured by a label; more dimensions by their first two principal components.

    Codes of one number become a strip for each class, or a histogram. Up to 20 classes have a colour each; beyond that
    numbers get a scale, and of names the most frequent ones are told apart.

    Args:
        codes: (n, k).
        labels: (n,), any dtype; None for none.
        title: Above the map; None says how many rows there are.
        counts: Say in the legend how many rows each class has.

    Raises:
        DataError: The codes are no finite (n, k) array, or there is not one label for each row.

    Example:
        >>> codes = np.random.default_rng(0).normal(size=(60, 2))
        >>> plot_map(codes, np.arange(60) % 3).axes[0].get_xlabel()
        'code 1'
    """
    codes = _checked(codes)
    read = None if labels is None else read_labels(_one_per_row(labels, len(codes)))
    figure, axes = _canvas(lettering(title or f"Map of {count(len(codes), 'row')}", longest=80))
    if codes.shape[1] == 1:
        _strip(axes, codes[:, 0], read)
    else:
        points, names = _plane(codes)
        axes.set(xlabel=names[0], ylabel=names[1])
        _scatter(axes, points, read)
    if isinstance(read, Classes):
        _legend(figure, read, counts)
    return figure


def _checked(codes: np.ndarray) -> np.ndarray:
    array = np.asarray(codes)
    if array.ndim != 2 or 0 in array.shape or array.dtype.kind not in "fiub":
        raise DataError(f"codes of shape {array.shape} and dtype {array.dtype} cannot be mapped; give numbers (n, k)")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise DataError(f"codes hold NaN or infinity in row {row}; leave such rows out of the map")
    return array


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


def _plane(codes: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Two coordinates and what they are called: the codes, or the directions in which they vary most."""
    if codes.shape[1] == 2:
        return codes, ("code 1", "code 2")
    centred = codes - codes.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    shares = variances[::-1][:2] / max(float(variances.sum()), np.finfo(float).tiny)
    names = [
        f"principal component {i + 1} of {codes.shape[1]} codes ({100 * max(share, 0.0):.0f} % of variance)"
        for i, share in enumerate(shares)
    ]
    return centred @ directions[:, ::-1][:, :2], (names[0], names[1])


def _scatter(axes: Axes, points: np.ndarray, read: Classes | Quantity | None) -> None:
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
        _coloured_by_quantity(axes, x, y, read.values[order], style)
    else:
        colours = NEUTRAL if read is None else np.asarray(read.colours)[read.codes[order]]
        axes.scatter(x, y, c=colours, **style)


def _coloured_by_quantity(
    axes: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray, style: Mapping[str, Any]
) -> None:
    missing = np.isnan(values)
    if missing.any():
        axes.scatter(x[missing], y[missing], c=OTHER, label="label missing", **style)
        axes.legend(loc="best")
    drawn = axes.scatter(x[~missing], y[~missing], c=values[~missing], cmap=SCALE, **style)
    axes.get_figure().colorbar(drawn, ax=axes, label="label").solids.set_alpha(1)  # type: ignore[union-attr]


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


def _legend(figure: Figure, read: Classes, counts: bool) -> None:
    from matplotlib.lines import Line2D

    marks = [Line2D([], [], marker="o", linestyle="", color=colour, markersize=7) for colour in read.colours]
    sizes = np.bincount(read.codes, minlength=len(read.names))
    names = [f"{name} ({size:,})" if counts else name for name, size in zip(read.names, sizes, strict=True)]
    # Numbered first and named after: matplotlib leaves out what begins with an underscore
    legend = figure.legend(marks, list(map(str, range(len(marks)))), loc="outside right upper", title="label")
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)
