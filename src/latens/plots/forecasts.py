"""A forecast as a picture: what was, the median or mean of what may come, and bands around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from latens.errors import ConfigError
from latens.plots.lettering import lettering

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from latens.analysis import Forecast

__all__ = ["plot_forecast"]

_PAST, _FUTURE = "#565c6c", "#3f90da"
# Columns drawn below each other, at most, and steps of the past beside one of the future.
_MOST_COLUMNS, _PAST_SHARE = 8, 3


def plot_forecast(forecast: Forecast, history: np.ndarray, times: Any = None, *, title: str | None = None) -> Figure:
    """The end of a series and its forecast, a panel for each column.

    Args:
        forecast: Of the series.
        history: (T, d), the series, in the user's units; of a long one the end is drawn.
        times: (T,) when its steps are; None counts steps, the last one that is known being 0.
        title: Above the panels.

    Raises:
        ConfigError: The series has other columns than the forecast.

    Example:
        >>> from latens.analysis import forecast_of
        >>> forecast = forecast_of(np.random.default_rng(0).normal(size=(9, 5, 1)), (0.1, 0.5, 0.9), columns=("load",))
        >>> plot_forecast(forecast, np.zeros((20, 1))).axes[0].get_ylabel()
        'load'
    """
    from matplotlib.figure import Figure

    columns = len(forecast.columns)
    if history.shape[1] != columns:
        raise ConfigError(f"history has {history.shape[1]} columns for a forecast of {columns}; give the same series")
    shown = min(columns, _MOST_COLUMNS)
    figure = Figure(figsize=(9, 1.5 + 2.6 * shown), layout="constrained")
    panels = figure.subplots(shown, 1, sharex=True, squeeze=False)[:, 0]
    past, future = _places(forecast, len(history), times)
    kept = slice(-min(len(history), max(_PAST_SHARE * len(forecast), 24)), None)
    for place, axes in enumerate(panels):
        axes.plot(past[kept], history[kept, place], color=_PAST, linewidth=1.2, label="history")
        _draw_future(axes, forecast, place, (past[-1], history[-1, place]), future)
        axes.set_ylabel(lettering(forecast.columns[place]))
        axes.grid(alpha=0.2)
    panels[-1].set_xlabel(
        "time" if forecast.times is not None and times is not None else "steps from the last known one"
    )
    panels[0].set_title(lettering(title or _title(forecast, columns - shown), longest=80))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", frameon=False, ncols=len(labels))
    return figure


def _places(forecast: Forecast, known: int, times: Any) -> tuple[np.ndarray, np.ndarray]:
    """Where the steps of the past and of the future are along the axis."""
    if forecast.times is not None and times is not None:
        return _wall(times), _wall(forecast.times)
    return np.arange(1 - known, 1), np.arange(1, len(forecast) + 1)


def _wall(times: Any) -> np.ndarray:
    """Times as the clocks of their zone show them: an axis has one zone, and counts in UTC."""
    return np.asarray(times if getattr(times, "tz", None) is None else times.tz_localize(None))


def _draw_future(axes: Axes, forecast: Forecast, column: int, last: tuple[Any, float], future: np.ndarray) -> None:
    """Bands between quantiles that face each other, and the median, or the mean where there is none."""
    order = np.argsort(forecast.levels)
    lines = {forecast.levels[i]: forecast.quantiles[i, :, column] for i in order}
    levels = list(lines)
    for number in range(len(levels) // 2):
        low, high = levels[number], levels[-1 - number]
        share = f"{100 * low:g} to {100 * high:g} %"
        axes.fill_between(
            future, lines[low], lines[high], color=_FUTURE, alpha=0.18 + 0.12 * number, linewidth=0, label=share
        )
    middle, name = (lines[0.5], "median") if 0.5 in lines else (forecast.mean[:, column], "mean")
    # From the last known value on, so that the line does not begin in the air.
    places, values = np.concatenate([[last[0]], future]), np.concatenate([[last[1]], middle])
    axes.plot(places, values, color=_FUTURE, linewidth=1.8, label=name)


def _title(forecast: Forecast, left_out: int) -> str:
    paths = f", {len(forecast.paths)} paths" if len(forecast.paths) else ""
    more = f" ({left_out} more columns are not drawn)" if left_out else ""
    name = "" if forecast.name is None else f" of {forecast.name}"
    return f"Forecast{name} over {len(forecast):,} steps{paths}{more}"
