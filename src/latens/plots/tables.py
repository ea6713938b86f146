"""Rows of tables: a panel for each column in its own units, or a line for each row of a wide array."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from latens.plots.lettering import lettering
from latens.schema import Column

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


def draw_table(rows: Mapping[str, np.ndarray], columns: Sequence[str | Column] | None, title: str) -> Figure:
    """Named float64 arrays (n, d) over each other: panels by column, or lines by row if d is large and nameless."""
    features = next(iter(rows.values())).shape[1]
    if columns is None and features > _PANELS:
        return _lines(rows, title)
    names = columns if columns is not None else [f"feature {i + 1}" for i in range(features)]
    return _columns(rows, [name if isinstance(name, Column) else Column(name, "number") for name in names], title)


def _columns(rows: Mapping[str, np.ndarray], columns: Sequence[Column], title: str) -> Figure:
    """x: the row, y: the value; one panel a column, because columns have different units."""
    truth, result = next(iter(rows.values())), list(rows.values())[-1]
    chosen = _worst(truth, result)
    if len(chosen) < len(columns):
        title = f"{title}: the {len(chosen)} of {len(columns)} columns with the largest error relative to their spread"
    figure, panels = _grid(len(chosen), title)
    for panel, i in zip(panels, chosen, strict=True):
        for name, values in rows.items():
            marker, colour = _STYLES[name]
            cells = _drawable(columns[i], values[:, i])
            panel.plot(np.arange(len(truth)), cells, marker, color=colour, label=name, markersize=6)
        words = _how_far(columns[i], truth[:, i], result[:, i])
        panel.set_title(f"{lettering(columns[i].name)}\n{words}", fontsize=9)
        _label(panel, "sample")
        _name_levels(panel, columns[i])
    return _finish(figure, panels)


def _drawable(column: Column, cells: np.ndarray) -> np.ndarray:
    """Cells as they are drawn: times as dates, all else as numbers; what is missing is not drawn."""
    if column.kind != "datetime":
        return cells
    seconds = np.where(np.isnan(cells), 0.0, cells).astype("datetime64[s]")
    return np.where(np.isnan(cells), np.datetime64("NaT"), seconds)


def _how_far(column: Column, truth: np.ndarray, result: np.ndarray) -> str:
    """The error of a column in words, over the cells that are there."""
    there = ~np.isnan(truth)
    if not there.any():
        return "nothing to compare with"
    if column.levels:
        return f"{int((truth != result)[there].sum())} of {int(there.sum())} differ"
    if column.kind == "datetime":
        days = float(np.abs(truth - result)[there].mean()) / 86_400
        return f"mean error {days:.3g} days" if days >= 1 else f"mean error {24 * days:.3g} hours"
    return f"mean squared error {float(np.square(truth - result)[there].mean()):.3g}"


def _name_levels(panel: Axes, column: Column) -> None:
    from matplotlib.dates import AutoDateLocator

    if 0 < len(column.levels) <= _PANELS:
        panel.set_yticks(range(len(column.levels)), [lettering(str(level)) for level in column.levels])
        panel.set_ylim(-0.5, len(column.levels) - 0.5)
    if column.kind == "datetime":
        panel.yaxis.set_major_locator(AutoDateLocator(maxticks=5))  # type: ignore[no-untyped-call]


def _worst(truth: np.ndarray, result: np.ndarray) -> np.ndarray:
    """The columns to show, in their order."""
    there = ~np.isnan(truth)
    known = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, truth, 0.0).sum(axis=0) / known
    spread = np.where(there, np.square(truth - mean), 0.0).sum(axis=0) / known
    error = np.where(there, np.square(truth - result), 0.0).sum(axis=0) / known
    return np.sort(np.argsort(-error / np.where(spread > 0, spread, 1.0), kind="stable")[:_PANELS])


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
