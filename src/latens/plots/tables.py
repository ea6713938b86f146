"""Rows of tables: a panel for each column in its own units, or a line for each row of a wide array."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from latens.plots.lettering import lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_table"]

_PANELS = 12
# Truth first; the same places whether or not there is a corrupted row.
_STYLES = {
    "input": ("o", "#3f90da"),
    "clean": ("o", "#3f90da"),
    "corrupted": (".", "#94a4a2"),
    "noisy": (".", "#94a4a2"),
    "reconstruction": ("x", "#bd1f01"),
    "cleaned": ("x", "#bd1f01"),
}


def draw_table(rows: Mapping[str, np.ndarray], columns: Sequence[str] | None, title: str) -> Figure:
    """Named float64 arrays (n, d) over each other: panels by column, or lines by row if d is large and nameless."""
    features = next(iter(rows.values())).shape[1]
    if columns is None and features > _PANELS:
        return _lines(rows, title)
    names = list(columns) if columns is not None else [f"feature {i + 1}" for i in range(features)]
    return _columns(rows, names, title)


def _columns(rows: Mapping[str, np.ndarray], names: Sequence[str], title: str) -> Figure:
    """x: the row, y: the value; one panel a column, because columns have different units."""
    truth, result = next(iter(rows.values())), list(rows.values())[-1]
    chosen = _worst(truth, result)
    if len(chosen) < len(names):
        title = f"{title}: the {len(chosen)} of {len(names)} columns with the largest error relative to their spread"
    figure, panels = _grid(len(chosen), title)
    for panel, column in zip(panels, chosen, strict=True):
        for name, values in rows.items():
            marker, colour = _STYLES[name]
            panel.plot(np.arange(len(truth)), values[:, column], marker, color=colour, label=name, markersize=6)
        error = float(np.square(truth[:, column] - result[:, column]).mean())
        panel.set_title(f"{lettering(names[column])}\nmean squared error {error:.3g}", fontsize=9)
        _label(panel, "sample")
    return _finish(figure, panels)


def _worst(truth: np.ndarray, result: np.ndarray) -> np.ndarray:
    """The columns to show, in their order."""
    spread = truth.var(axis=0)
    error = np.square(truth - result).mean(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.sort(np.argsort(-error, kind="stable")[:_PANELS])


def _lines(rows: Mapping[str, np.ndarray], title: str) -> Figure:
    """A panel for each row: x is the number of the feature."""
    truth, result = next(iter(rows.values())), list(rows.values())[-1]
    figure, panels = _grid(len(truth), title)
    errors = np.square(truth - result).mean(axis=1)
    for i, panel in enumerate(panels):
        for name, values in rows.items():
            panel.plot(np.arange(1, truth.shape[1] + 1), values[i], color=_STYLES[name][1], label=name, linewidth=1)
        panel.set_title(f"sample {i}: mean squared error {errors[i]:.3g}", fontsize=9)
        _label(panel, "feature")
    return _finish(figure, panels)


def _grid(n: int, title: str) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    across = min(3, n)
    down = math.ceil(n / across)
    figure = Figure(figsize=(3.4 * across + 1.2, 2.2 * down + 1.0), layout="constrained")
    figure.suptitle(lettering(title, longest=120), fontsize=11)
    panels = [figure.add_subplot(down, across, i + 1) for i in range(n)]
    return figure, panels


def _label(panel: Axes, across: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panel.set_xlabel(across, fontsize=8)
    panel.set_ylabel("value", fontsize=8)
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.2)


def _finish(figure: Figure, panels: Sequence[Axes]) -> Figure:
    marks, names = panels[0].get_legend_handles_labels()
    figure.legend(marks, names, loc="outside lower center", ncols=len(names))
    return figure
