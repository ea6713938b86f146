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
_TRUTH = ("o", "#3f90da")
_GIVEN = (".", "#94a4a2")
_RESULTS = (("x", "#bd1f01"), ("+", "#332288"), ("^", "#117733"), ("v", "#aa4499"), ("s", "#999933"))
# What a model was given, between the truth and its answer.
_BETWEEN = ("corrupted", "noisy")


def draw_table(rows: Mapping[str, np.ndarray], columns: Sequence[str] | None, title: str) -> Figure:
    """Named float64 arrays (n, d) over each other: panels by column, or lines by row if d is large and nameless."""
    features = next(iter(rows.values())).shape[1]
    if columns is None and features > _PANELS:
        return _lines(rows, title)
    names = list(columns) if columns is not None else [f"feature {i + 1}" for i in range(features)]
    return _columns(rows, names, title)


def _styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Marker and colour of each: the truth first, and the same ones whether or not there is something in between."""
    results = [name for name in names[1:] if name not in _BETWEEN]
    styles = {name: _RESULTS[i % len(_RESULTS)] for i, name in enumerate(results)}
    return {names[0]: _TRUTH} | {name: styles.get(name, _GIVEN) for name in names[1:]}


def _errors(rows: Mapping[str, np.ndarray]) -> np.ndarray:  # -> (results, n, d)
    """Squared differences of the results from the truth."""
    truth = next(iter(rows.values()))
    results = [values for name, values in list(rows.items())[1:] if name not in _BETWEEN]
    return np.asarray(np.square(np.stack(results) - truth))


def _in_words(errors: np.ndarray) -> str:  # (results,)
    return f"mean squared error {', '.join(f'{error:.3g}' for error in errors)}"


def _columns(rows: Mapping[str, np.ndarray], names: Sequence[str], title: str) -> Figure:
    """x: the row, y: the value; one panel a column, because columns have different units."""
    truth, errors, styles = next(iter(rows.values())), _errors(rows), _styles(list(rows))
    chosen = _worst(truth, errors.mean(axis=0))
    if len(chosen) < len(names):
        title = f"{title}: the {len(chosen)} of {len(names)} columns with the largest error relative to their spread"
    figure, panels = _grid(len(chosen), title)
    for panel, column in zip(panels, chosen, strict=True):
        for name, values in rows.items():
            marker, colour = styles[name]
            panel.plot(np.arange(len(truth)), values[:, column], marker, color=colour, label=name, markersize=6)
        panel.set_title(f"{lettering(names[column])}\n{_in_words(errors[:, :, column].mean(axis=1))}", fontsize=9)
        _label(panel, "sample")
    return _finish(figure, panels)


def _worst(truth: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """The columns to show, in their order."""
    spread = truth.var(axis=0)
    error = errors.mean(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.sort(np.argsort(-error, kind="stable")[:_PANELS])


def _lines(rows: Mapping[str, np.ndarray], title: str) -> Figure:
    """A panel for each row: x is the number of the feature."""
    truth, styles = next(iter(rows.values())), _styles(list(rows))
    figure, panels = _grid(len(truth), title)
    errors = _errors(rows).mean(axis=2)
    for i, panel in enumerate(panels):
        for name, values in rows.items():
            panel.plot(np.arange(1, truth.shape[1] + 1), values[i], color=styles[name][1], label=name, linewidth=1)
        panel.set_title(f"sample {i}: {_in_words(errors[:, i])}", fontsize=9)
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
