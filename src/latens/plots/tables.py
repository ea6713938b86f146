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
_TRUTH = ("o", "#3f90da")
_GIVEN = (".", "#94a4a2")
_RESULTS = (("x", "#bd1f01"), ("+", "#332288"), ("^", "#117733"), ("v", "#aa4499"), ("s", "#999933"))
# What a model was given, between the truth and its answer.
_BETWEEN = ("corrupted", "noisy")


def draw_table(rows: Mapping[str, np.ndarray], columns: Sequence[str | Column] | None, title: str) -> Figure:
    """Named float64 arrays (n, d) over each other: panels by column, or lines by row if d is large and nameless."""
    features = next(iter(rows.values())).shape[1]
    if columns is None and features > _PANELS:
        return _lines(rows, title)
    names = columns if columns is not None else [f"feature {i + 1}" for i in range(features)]
    return _columns(rows, [name if isinstance(name, Column) else Column(name, "number") for name in names], title)


def _styles(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Marker and colour of each: the truth first, and the same ones whether or not there is something in between."""
    results = [name for name in names[1:] if name not in _BETWEEN]
    styles = {name: _RESULTS[i % len(_RESULTS)] for i, name in enumerate(results)}
    return {names[0]: _TRUTH} | {name: styles.get(name, _GIVEN) for name in names[1:]}


def _errors(rows: Mapping[str, np.ndarray]) -> np.ndarray:  # -> (results, n, d)
    """Squared differences of the results from the truth."""
    truth, results = _results(rows)
    return np.asarray(np.square(np.stack(results) - truth))


def _results(rows: Mapping[str, np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """The truth, and what is to be compared with it."""
    truth, *_ = rows.values()
    return truth, [values for name, values in list(rows.items())[1:] if name not in _BETWEEN]


def _in_words(errors: np.ndarray) -> str:  # (results,)
    return f"mean squared error {', '.join(f'{error:.3g}' for error in errors)}"


def _columns(rows: Mapping[str, np.ndarray], columns: Sequence[Column], title: str) -> Figure:
    """x: the row, y: the value; one panel a column, because columns have different units."""
    (truth, results), styles = _results(rows), _styles(list(rows))
    chosen = _worst(truth, np.stack(results))
    if len(chosen) < len(columns):
        title = f"{title}: the {len(chosen)} of {len(columns)} columns with the largest error relative to their spread"
    figure, panels = _grid(len(chosen), title)
    for panel, i in zip(panels, chosen, strict=True):
        for name, values in rows.items():
            marker, colour = styles[name]
            cells = _drawable(columns[i], values[:, i])
            panel.plot(np.arange(len(truth)), cells, marker, color=colour, label=name, markersize=6)
        words = _how_far(columns[i], truth[:, i], [result[:, i] for result in results])
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


def _how_far(column: Column, truth: np.ndarray, results: Sequence[np.ndarray]) -> str:
    """The errors of a column in words, each over the cells that are there."""
    there = [~np.isnan(truth) & ~np.isnan(result) for result in results]
    if not all(cells.any() for cells in there):
        return "nothing to compare with"
    pairs = [(truth[cells], result[cells]) for cells, result in zip(there, results, strict=True)]
    if column.levels:
        return f"{', '.join(f'{int((a != b).sum())} of {len(a)}' for a, b in pairs)} differ"
    if column.kind == "datetime":
        hours = [float(np.abs(a - b).mean()) / 3600 for a, b in pairs]
        unit, length = ("days", 24) if max(hours) >= 24 else ("hours", 1)
        return f"mean error {', '.join(f'{hour / length:.3g}' for hour in hours)} {unit}"
    return _in_words(np.array([np.square(a - b).mean() for a, b in pairs]))


def _name_levels(panel: Axes, column: Column) -> None:
    from matplotlib.dates import AutoDateLocator

    if 0 < len(column.levels) <= _PANELS:
        panel.set_yticks(range(len(column.levels)), [lettering(str(level)) for level in column.levels])
        panel.set_ylim(-0.5, len(column.levels) - 0.5)
    if column.kind == "datetime":
        panel.yaxis.set_major_locator(AutoDateLocator(maxticks=5))  # type: ignore[no-untyped-call]


def _worst(truth: np.ndarray, results: np.ndarray) -> np.ndarray:  # (n, d), (results, n, d) -> (panels,)
    """The columns to show, in their order."""
    spread = _present_mean(np.square(truth - _present_mean(truth)))
    error = _present_mean(np.square(results - truth).reshape(-1, truth.shape[1]))
    return np.sort(np.argsort(-error / np.where(spread > 0, spread, 1.0), kind="stable")[:_PANELS])


def _present_mean(values: np.ndarray) -> np.ndarray:  # (n, d) -> (d,)
    """The mean of each column over what is not NaN; 0 where nothing is."""
    there = ~np.isnan(values)
    return np.asarray(np.where(there, values, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))


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
