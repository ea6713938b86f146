"""Strange rows as pictures: what was expected instead, and where the difference lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from latens.analysis.outliers import Cause, Reason, shown
from latens.errors import DataError
from latens.plots.colours import NEUTRAL
from latens.plots.lettering import lettering
from latens.plots.pictures import as_colours, image_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_outliers"]

_MOST = 24
# Pictures side by side.
_ACROSS = 8
_SIDE = 1.15
_FLAGGED = "#bd1f01"


def plot_outliers(
    reasons: Sequence[Reason],
    images: Sequence[np.ndarray] | None = None,
    reconstructions: Sequence[np.ndarray] | None = None,
    *,
    captions: Sequence[object] | None = None,
    title: str | None = None,
) -> Figure:
    """A card for each row, in the order given: of an image what was expected and the difference, else its causes.

    Images stand above their reconstructions and their residuals; of a table each row has a panel in which a bar is the
    share of its error that a column carries, with the value and what was expected.

    Args:
        reasons: m, up to 24; what `OutlierDetector.explain` says of the rows.
        images: m of shape (h, w) or (h, w, c), of any sizes, if the rows are images.
        reconstructions: Of the same shapes and units.
        captions: m names to stand beside the rows' numbers, such as labels.
        title: Above the picture.

    Raises:
        DataError: There is nothing or too much to draw, or not one image for each row.

    Example:
        >>> from latens.analysis import Cause
        >>> cause = Cause("pay", 500.0, 30.0, share=0.9)
        >>> reason = Reason(7, 3.2, 0.001, True, "residual", (cause,), ())
        >>> [label.get_text() for label in plot_outliers([reason]).axes[0].get_yticklabels()]
        ['pay: 500 (expected 30)']
    """
    if not 1 <= len(reasons) <= _MOST:
        raise DataError(f"{len(reasons)} rows where a picture shows from 1 to {_MOST}; choose some")
    given = [""] * len(reasons) if captions is None else captions
    names = [_name(reason, caption) for reason, caption in zip(reasons, given, strict=True)]
    if images is None or reconstructions is None:
        return _tables(reasons, names, title or "The strangest rows, and the columns that carry their error")
    if [image.shape for image in images] != [made.shape for made in reconstructions] or len(images) != len(reasons):
        raise DataError("images and reconstructions differ in number or shape; give one of each for every row")
    return _pictures(reasons, names, (images, reconstructions), title or "The strangest images")


def _name(reason: Reason, caption: object) -> str:
    caption = "" if caption is None or caption == "" else f", {lettering(caption, longest=24)}"
    return f"row {reason.row}{caption}\n{reason.chance}"


# ---- images ----------------------------------------------------------------------------------------------------------


def _pictures(
    reasons: Sequence[Reason],
    names: Sequence[str],
    pairs: tuple[Sequence[np.ndarray], Sequence[np.ndarray]],
    title: str,
) -> Figure:
    from matplotlib.figure import Figure

    across = min(len(reasons), _ACROSS)
    bands = math.ceil(len(reasons) / across)
    figure = Figure(figsize=(_SIDE * across + 2.2, bands * (3 * _SIDE + 0.75) + 0.9), layout="constrained")
    figure.suptitle(lettering(title, longest=80), fontsize=11)
    grid = figure.subplots(3 * bands, across, squeeze=False)
    inputs, outputs = ([image.astype(np.float64) for image in side] for side in pairs)
    low, high = _range(inputs)
    residuals = [_grey(image - made) for image, made in zip(inputs, outputs, strict=True)]
    most = max(float(np.abs(residual).max()) for residual in residuals) or 1.0
    for ax in grid.flat:
        ax.set(xticks=[], yticks=[], frame_on=False)
    for place, reason in enumerate(reasons):
        column = grid[3 * (place // across) : 3 * (place // across) + 3, place % across]
        for ax, image in zip(column, (inputs[place], outputs[place]), strict=False):
            ax.imshow(_shown(image, low, high), cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
        drawn = column[2].imshow(residuals[place], cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
        column[0].set_title(names[place], fontsize=8, color=_FLAGGED if reason.flagged else "black")
    for band in range(bands):
        for ax, name in zip(grid[3 * band :, 0], ("input", "reconstruction", "residual"), strict=False):
            ax.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    bar = figure.colorbar(drawn, ax=grid[2::3].ravel().tolist(), shrink=0.9, aspect=12)
    bar.set_label("input minus\nreconstruction", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    figure.supxlabel(f"Names of flagged rows are red. Range shown: {low:g} to {high:g}.", fontsize=8)
    return figure


def _range(images: Sequence[np.ndarray]) -> tuple[float, float]:
    """One range for all, of whatever sizes they are."""
    return image_range(np.concatenate([image.ravel() for image in images]))


def _shown(image: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.asarray(as_colours((image[None] - low) / (high - low))[0])


def _grey(residual: np.ndarray) -> np.ndarray:  # (h, w) or (h, w, c) -> (h, w)
    return residual if residual.ndim == 2 else np.asarray(residual.mean(axis=2))


# ---- tables ----------------------------------------------------------------------------------------------------------


def _tables(reasons: Sequence[Reason], names: Sequence[str], title: str) -> Figure:
    from matplotlib.figure import Figure

    across = min(len(reasons), 2)
    down = math.ceil(len(reasons) / across)
    bars = max(len(reason.causes) for reason in reasons) or 1
    figure = Figure(figsize=(5.2 * across, down * (0.3 * bars + 1.1) + 0.7), layout="constrained")
    figure.suptitle(lettering(title, longest=100), fontsize=11)
    for place, reason in enumerate(reasons):
        ax = figure.add_subplot(down, across, place + 1)
        _bars(ax, reason, bars)
        ax.set_title(names[place].replace("\n", ", "), fontsize=9, color=_FLAGGED if reason.flagged else "black")
    figure.supxlabel("Share of the row's error, per cent. Names of flagged rows are red.", fontsize=8)
    return figure


def _bars(ax: Axes, reason: Reason, slots: int) -> None:
    places = np.arange(len(reason.causes))
    ax.barh(places, [100 * cause.share for cause in reason.causes], color=NEUTRAL, height=0.7)
    ax.set_yticks(places, [_said(cause) for cause in reason.causes], fontsize=8)
    ax.set(xlim=(0, 100), ylim=(slots - 0.4, -0.6))  # the first on top, bars of one height in all panels
    ax.tick_params(axis="x", labelsize=8)
    ax.grid(alpha=0.2, axis="x")
    ax.set_axisbelow(True)
    if not reason.causes:
        ax.text(50, 0, "no causes are known", ha="center", va="center", fontsize=8)


def _said(cause: Cause) -> str:
    value, expected = shown(cause.value), shown(cause.expected)
    said = f"{lettering(cause.name, longest=24)}: {lettering(value, longest=18)}"
    if cause.expected is None:
        return said
    known = "expected, less surely" if cause.unsure else f"expected {lettering(expected, longest=18)}"
    return f"{said} ({known})"
