"""Regular time: the step between timestamps, and where each stands on the grid of that step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Clock", "Grid", "as_times", "fill", "regular", "unread_times"]

# A row (counted along one series) in words: where it is in the table.
Where: TypeAlias = Callable[[int], str]

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Clock:
    """What a table says of time.

    Args:
        step: The regular step as a pandas frequency, ``"h"``, ``"15min"``, ``"MS"``; None if there are no times.
        starts: (n,) datetime64, when each series begins; None if there are no times.
        time: The name of the time column; None for a frame's index.
        sequence: The name of the column that says which series a row belongs to.
    """

    step: str | None = None
    starts: np.ndarray | None = None
    time: str | None = None
    sequence: str | None = None

    def times(self, series: int, first: int, count: int) -> pd.DatetimeIndex | None:
        """When the steps `first`, …, `first` + `count` - 1 of a series are; None if nothing is known of time.

        Example:
            >>> clock = Clock("MS", np.array(["2020-11-01"], dtype="datetime64[us]"))
            >>> clock.times(0, first=1, count=2).strftime("%Y-%m-%d").tolist()
            ['2020-12-01', '2021-01-01']
        """
        if self.step is None or self.starts is None:
            return None
        import pandas as pd

        try:
            return pd.date_range(self.starts[series], periods=first + count, freq=self.step)[first:]
        except (ValueError, OverflowError) as error:  # beyond the calendar
            raise DataError(f"step={self.step!r}: {first + count} steps lead beyond all times ({error})") from error


@dataclass(frozen=True, eq=False)
class Grid:
    """A step, and the places of some times on its grid.

    Args:
        step: A pandas frequency.
        places: (T,) int64, growing from 0.
    """

    step: str
    places: np.ndarray


def as_times(column: pd.Series) -> np.ndarray | None:  # -> (T,) datetime64[us], with NaT where nothing is
    """The cells as times in UTC, if they are times or text in ISO 8601 (``1749-01``, ``2016-07-01 00:00``); else None.

    A time without a zone is taken as it stands.
    """
    import pandas as pd
    from pandas.api import types

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if types.is_numeric_dtype(column) or types.is_bool_dtype(column) or types.is_timedelta64_dtype(column):
        return None
    how: dict[str, Any] = {} if types.is_datetime64_any_dtype(column) else {"format": "ISO8601"}
    try:
        times = pd.to_datetime(column, utc=True, **how)
    except (ValueError, TypeError, OverflowError):
        return None
    return None if times.isna().all() else np.asarray(times.dt.tz_localize(None), dtype="datetime64[us]")


def unread_times(column: pd.Series) -> np.ndarray:  # -> (T,) bool
    """Which cells are there and no times that `as_times` could read.

    Example:
        >>> import pandas as pd
        >>> unread_times(pd.Series(["2020-01-01", "soon", None])).tolist()
        [False, True, False]
    """
    import pandas as pd

    if not pd.api.types.is_string_dtype(column):
        return np.asarray(column.notna())
    read = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    return np.asarray(read.isna() & column.notna())


def regular(times: np.ndarray, where: Where) -> Grid:
    """The step of a series' times, and the place of each.

    Months, quarters and years that begin (or end) on one day, and business days, are regular steps, too. Steps may be
    missing; times between the steps are refused.

    Args:
        times: (T,) datetime64[us] with T >= 2.
        where: What messages call a row.

    Raises:
        DataError: A time is missing, is there twice, is earlier than the one before, or lies between the steps.

    Example:
        >>> grid = regular(np.array(["2020-01-01", "2020-02-01", "2020-04-01"], dtype="datetime64[us]"), str)
        >>> grid.step, grid.places.tolist()
        ('MS', [0, 1, 3])
    """
    _refuse_disorder(times, where)
    return _months(times) or _business_days(times) or _even(times, where)


def _refuse_disorder(times: np.ndarray, where: Where) -> None:
    if np.isnat(times).any():
        raise DataError(f"{where(int(np.isnat(times).argmax()))}: the time is missing; fill it in, or drop such rows")
    behind = np.diff(times) <= np.timedelta64(0)
    if not behind.any():
        return
    row = int(behind.argmax()) + 1
    if times[row] == times[row - 1]:
        raise DataError(
            f"{where(row)}: {_shown(times[row])} is there twice; keep one of them, or name the column that tells "
            "series apart with sequence=NAME"
        )
    raise DataError(f"{where(row)}: {_shown(times[row])} is earlier than the row before; sort the rows by time")


def _months(times: np.ndarray) -> Grid | None:
    """Steps of whole months, where all times are the first, or the last, days of months at one time of day."""
    days = times.astype("datetime64[D]")
    if (times - days != times[0] - days[0]).any() or np.diff(days).min() < 28 * _DAY:
        return None
    for name, shifted in (("MS", days), ("ME", days + _DAY)):
        months = shifted.astype("datetime64[M]")
        if (shifted == months).all():
            step = _commonest(np.diff(months).astype(np.int64))
            found = _placed(np.diff(months).astype(np.int64), step)
            return None if found is None else Grid(f"{step}{name}" if step > 1 else name, found)
    return None


def _business_days(times: np.ndarray) -> Grid | None:
    """Daily steps that leave out all weekends, where there was one to leave out."""
    days = times.astype("datetime64[D]")
    between = np.busday_count(days[:-1], days[1:])
    weekends = (np.diff(days) > 2 * _DAY) & (between == 1)
    if not weekends.any() or not np.is_busday(days).all() or (times - days != times[0] - days[0]).any():
        return None
    return Grid("B", np.concatenate([[0], between.cumsum()]))


def _even(times: np.ndarray, where: Where) -> Grid:
    import pandas as pd

    between = np.diff(times).astype(np.int64)  # microseconds
    step = _commonest(between)
    places = _placed(between, step)
    if places is None:
        row = int((between % step != 0).argmax()) + 1
        late, usual = (pd.Timedelta(int(span), "us") for span in (between[row - 1], step))
        raise DataError(
            f"{where(row)}: {_shown(times[row])} comes {late} after the row before where the step is {usual}; "
            "bring it to a regular step, for instance with frame.resample"
        )
    days, rest = divmod(step, 86_400_000_000)
    if not rest:
        return Grid(f"{days}D" if days > 1 else "D", places)
    return Grid(pd.tseries.frequencies.to_offset(pd.Timedelta(step, "us")).freqstr, places)


def _commonest(spans: np.ndarray) -> int:
    values, counts = np.unique(spans, return_counts=True)
    return int(values[counts.argmax()])


def _placed(spans: np.ndarray, step: int) -> np.ndarray | None:
    return None if (spans % step).any() else np.concatenate([[0], (spans // step).cumsum()])


def _shown(time: np.datetime64) -> str:
    text = str(time.astype("datetime64[s]")).replace("T", " ")
    return text.removesuffix(" 00:00:00")


def fill(values: np.ndarray, places: np.ndarray) -> np.ndarray:  # (T, d), (T,) -> (T', d)
    """All steps of the grid: what is missing lies on the line between its neighbours, at an end it is its neighbour.

    Example:
        >>> fill(np.array([[1.0], [np.nan], [4.0]]), np.array([0, 1, 3])).ravel().tolist()
        [1.0, 2.0, 3.0, 4.0]
    """
    grid = np.arange(places[-1] + 1)
    present = np.isfinite(values)
    columns = [np.interp(grid, places[there], column[there]) for column, there in zip(values.T, present.T, strict=True)]
    return np.stack(columns, axis=1)
