"""What comes after a series, and how the same forecast did where the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from latens.analysis import Forecast
from latens.data import SeriesSource
from latens.report.blocks import Block, Chart, Section, Words, counted, percent, quantity
from latens.report.charts import Band, Line, draw_chart
from latens.report.scatter import clipped
from latens.report.subject import Subject

__all__ = ["across_of", "forecast", "times_of"]

_COLUMNS, _PATHS = 3, 100
_LEVELS = (0.1, 0.5, 0.9)
# Steps ahead: a season or two, and no more than a part of what is known; and steps of history beside them.
_USUAL, _MOST, _PART, _HISTORY = 48, 400, 6, 5


def forecast(subject: Subject) -> Section | None:
    """Of the longest series."""
    if subject.kind != "series" or subject.source.image is not None:
        return None
    row = int(np.argmax(np.diff(subject.source.offsets)))
    one: SeriesSource = subject.source.take(np.array([row]))
    horizon = _horizon(subject, len(one[0]))
    how: dict[str, Any] = {"n_paths": _PATHS, "quantiles": _LEVELS, "random_state": subject.seed}
    ahead = _alone(subject.model.forecast(one, horizon, **how))
    past = _alone(subject.model.forecast(_shortened(one, horizon), horizon, **how))
    truth = one[0][-horizon:]
    inside = float(((truth >= past.quantiles[0]) & (truth <= past.quantiles[2])).mean())
    of = f" of {clipped(subject.name(row), 60)}" if len(subject) > 1 else ""
    verdict = (
        f"{counted(horizon, 'step')} ahead{of}; over the last {horizon:,} steps that are known, {percent(inside)} of the "
        "truth lay in the band that was to hold 80 %."
    )
    columns = range(min(_COLUMNS, one.values.shape[1]))
    blocks: list[Block] = [Words("What comes next:")]
    blocks += [_ahead(subject, one, ahead, column) for column in columns]
    blocks += [Words("The last steps that are known, forecast from what came before them:")]
    blocks += [_behind(subject, one, past, column) for column in columns]
    left_out = one.values.shape[1] - _COLUMNS
    more = f" Shown are the first {_COLUMNS} columns; {left_out:,} more are left out." if left_out > 0 else ""
    note = f"Median and 80 % band of {_PATHS} futures, drawn with seed {subject.seed}.{more}"
    return Section("Forecast", verdict, [*blocks, Words(note, "faint")])


def _horizon(subject: Subject, length: int) -> int:
    season = subject.model.referee_.season
    return max(1, min(2 * season if season else _USUAL, _MOST, length // _PART))


def _alone(found: Any) -> Forecast:
    one: Forecast = found[0] if isinstance(found, list) else found
    return one


def _shortened(source: SeriesSource, steps: int) -> SeriesSource:
    """One series without its last steps."""
    return replace(source, values=source.values[:-steps], offsets=np.array([0, len(source.values) - steps]))


def _ahead(subject: Subject, one: SeriesSource, found: Forecast, column: int) -> Chart:
    length, horizon = len(one[0]), len(found)
    first = max(0, length - _HISTORY * horizon)
    history = np.arange(first, length)
    after = np.arange(length - 1, length + horizon)  # the forecast goes on from the last value
    last = one[0][-1:, column]
    median, low, high = (np.concatenate([last, found.quantiles[i, :, column]]) for i in (1, 0, 2))
    lines = [Line("what has been", history, one[0][history, column], 2), Line("forecast (median)", after, median, 0)]
    return _drawn(subject, one, lines, [Band("80 % of the futures", after, low, high, 0)], column)


def _behind(subject: Subject, one: SeriesSource, found: Forecast, column: int) -> Chart:
    length, horizon = len(one[0]), len(found)
    first = max(0, length - 3 * horizon)
    history, known = np.arange(first, length), np.arange(length - horizon, length)
    lines = [
        Line("what came", history, one[0][history, column], 2),
        Line("forecast (median)", known, found.quantiles[1, :, column], 0),
    ]
    band = Band("80 % of the futures", known, found.quantiles[0, :, column], found.quantiles[2, :, column], 0)
    return _drawn(subject, one, lines, [band], column)


def _drawn(subject: Subject, one: SeriesSource, lines: list[Line], bands: list[Band], column: int) -> Chart:
    last = int(lines[-1].x[-1])
    name = clipped(subject.model.schema_.names[column], 40)
    return draw_chart(lines, bands, across=across_of(one), up=name, names=times_of(one, 0, last + 1), whole=True)


def across_of(source: SeriesSource) -> str:
    """What lies along a series."""
    return "step" if source.clock.step is None else f"time (one step is {source.clock.step})"


def times_of(source: SeriesSource, row: int, count: int) -> Callable[[float], str]:
    """How the steps of a series are called: by their time, or else by their number."""
    times = source.times(row, 0, count)
    if times is None:
        return quantity
    return lambda place: quantity(times[int(place)]) if 0 <= place < len(times) else ""
