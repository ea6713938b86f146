"""How a fit went, epoch by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latens.errors import DataError
from latens.history import History
from latens.plots.lettering import lettering

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_history"]

_CURVES = {
    "train_loss": ("training (mean over the epoch)", "#3f90da", "-"),
    "validation_loss": ("held out (after the epoch)", "#bd1f01", "--"),
}


def plot_history(history: History, *, title: str | None = None) -> Figure:
    """The loss by epoch, on training and on held-out rows; logarithmic where it spans more than a factor of ten.

    Args:
        history: Of a fit.
        title: Above the curves.

    Raises:
        DataError: There is no epoch to draw.

    Example:
        >>> plot_history(History().append({"epoch": 1, "train_loss": 0.5})).axes[0].get_ylabel()
        'loss'
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not len(history):
        raise DataError("the history has no epoch to draw; fit for at least one")
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot(xlabel="epoch", ylabel="loss", title=lettering(title or "Loss by epoch", longest=80))
    drawn = [name for name in _CURVES if name in history.columns]
    for name in drawn:
        label, colour, line = _CURVES[name]
        axes.plot(history["epoch"], history[name], line, color=colour, label=label, marker="o", markersize=4)
    values = [value for name in drawn for value in history[name]]
    if min(values) > 0 and max(values) > 10 * min(values):
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.2, which="both")
    axes.legend()
    return figure
