"""Regular time: the step between timestamps, and where each stands on the grid of that step."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from latens.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Clock", "Grid", "as_times", "fill", "regular", "unread_times", "zone_of"]

# A row (counted along one series) in words: where it is in the table.
Where: TypeAlias = Callable[[int], str]

_DAY = np.timedelta64(1, "D")
_MICROSECONDS = 86_400_000_000  # of a day
# What a written time ends with if it has a zone; a date alone ends with a number after a dash, too.
_OFFSET = re.compile(r"[T ].*?([Zz]|[+-]\d\d(?::?\d\d)?)\s*$")


@dataclass(frozen=True, eq=False)
class Clock:
    """What a table says of time.

    Args:
        step: The regular step as a pandas frequency, ``"h"``, ``"15min"``, ``"MS"``; None if there are no times.
        starts: (n,) datetime64, when each series begins, in UTC if there is a zone; None if there are no times.
        time: The name of the time column.
        sequence: The name of the column that says which series a row belongs to.
        zone: That of the times; None if they have none.
        local: Whether the steps are those of the zone's wall clock (each midnight), not of absolute time.
    """

    step: str | None = None
    starts: np.ndarray | None = None
    time: str | None = None
    sequence: str | None = None
    zone: datetime.tzinfo | None = None
    local: bool = False

    def times(self, series: int, first: int, count: int) -> pd.DatetimeIndex | None:
        """When the steps `first`, …, `first` + `count` - 1 of a series are; None if nothing is known of time.

        Example:
            >>> clock = Clock("MS", np.array(["2020-11-01"], dtype="datetime64[us]"))
            >>> clock.times(0, first=1, count=2).strftime("%Y-%m-%d").tolist()
            ['2020-12-01', '2021-01-01']
        """
        if self.step is None or self.starts is None:
            return None
        try:
            return self._grid(self.step, self.starts[series], first + count)[first:]
        except (ValueError, OverflowError) as error:  # beyond the calendar
            raise DataError(f"step={self.step!r}: {first + count} steps lead beyond all times ({error})") from error

    def _grid(self, step: str, start: np.datetime64, count: int) -> pd.DatetimeIndex:
        """The first steps from a start on."""
        import pandas as pd

        if self.local and self.zone is not None:
            wall = pd.date_range(_walls(start, self.zone)[0], periods=count, freq=step, name=self.time)
            return _instants(wall, self.zone)
        times = pd.date_range(start, periods=count, freq=step, name=self.time)
        return times if self.zone is None else times.tz_localize("UTC").tz_convert(self.zone)


@dataclass(frozen=True, eq=False)
class Grid:
    """A step, and the places of some times on its grid.

    Args:
        step: A pandas frequency.
        places: (T,) int64, growing from 0.
        local: Whether it is the grid of a zone's wall clock.
    """

    step: str
    places: np.ndarray
    local: bool = False


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


def zone_of(column: pd.Series, where: Where) -> datetime.tzinfo | None:
    """The zone of a column of times: that of all its cells, or UTC where they have several.

    Raises:
        DataError: Some cells have a zone and some have none, so that nobody knows in what order they are.

    Example:
        >>> import pandas as pd
        >>> str(zone_of(pd.Series(["2020-01-01 12:00+02:00", "2020-01-01 13:00+02:00"]), str))
        'UTC+02:00'
        >>> str(zone_of(pd.Series(["2020-03-29 01:00+01:00", "2020-03-29 03:00+02:00"]), str))
        'UTC'
    """
    from pandas.api import types

    if types.is_datetime64_any_dtype(column):
        zone: datetime.tzinfo | None = column.dt.tz
        return zone
    zones: dict[datetime.tzinfo | None, int] = {}
    for row, cell in enumerate(column):
        if cell == cell and cell is not None:
            zones.setdefault(_cell_zone(cell), row)
    if len(zones) > 1 and None in zones:
        raise DataError(
            f"{where(zones[None])}: has no time zone where other times have one; write all of them with one, or none"
        )
    return next(iter(zones), None) if len(zones) < 2 else datetime.UTC


def _cell_zone(cell: object) -> datetime.tzinfo | None:
    if not isinstance(cell, str):
        zone: datetime.tzinfo | None = getattr(cell, "tzinfo", None)
        return zone
    found = _OFFSET.search(cell)
    return None if found is None else datetime.datetime.fromisoformat(f"2020-01-01T00:00{found[1].upper()}").tzinfo


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


def regular(times: np.ndarray, where: Where, zone: datetime.tzinfo | None = None) -> Grid:
    """The step of a series' times, and the place of each.

    Months, quarters and years that begin (or end) on one day, and business days, are regular steps, too; so are days
    by the wall clock of a zone, of which two a year have 23 and 25 hours. Steps may be missing; times between the steps
    are refused.

    Args:
        times: (T,) datetime64[us] with T >= 2, in UTC if there is a zone.
        where: What messages call a row.
        zone: Of the wall clock that they may be regular by; None for absolute time only.

    Raises:
        DataError: A time is missing, is there twice, is earlier than the one before, or lies between the steps.

    Example:
        >>> grid = regular(np.array(["2020-01-01", "2020-02-01", "2020-04-01"], dtype="datetime64[us]"), str)
        >>> grid.step, grid.places.tolist()
        ('MS', [0, 1, 3])
    """
    _refuse_disorder(times, where, zone)
    days = None if zone is None else _wall_days(times, zone)
    if days is None:
        return _months(times) or _business_days(times) or _even(times, where, zone)
    return replace(_months(days) or _business_days(days) or _even(days, where), local=True)


def _wall_days(times: np.ndarray, zone: datetime.tzinfo) -> np.ndarray | None:  # -> (T,) datetime64[us]
    """Times at one time of different days, by the wall clock of a zone; None if they are not.

    A wall clock leaves out some hours: where there is no midnight, the day begins at one.
    """
    wall = _walls(times, zone)
    days = wall.astype("datetime64[D]")
    meant = (days + (wall[0] - days[0])).astype("datetime64[us]")
    held = wall == meant
    if not held.all():
        held |= np.asarray(_instants(meant, zone).tz_convert("UTC").tz_localize(None), dtype=times.dtype) == times
    return meant if held.all() and (np.diff(days) > np.timedelta64(0)).all() else None


def _walls(times: np.ndarray | np.datetime64, zone: datetime.tzinfo) -> np.ndarray:  # UTC -> (T,) datetime64[us]
    import pandas as pd

    local = pd.DatetimeIndex(np.atleast_1d(times)).tz_localize("UTC").tz_convert(zone)
    return np.asarray(local.tz_localize(None), dtype="datetime64[us]")


def _instants(walls: Any, zone: datetime.tzinfo) -> pd.DatetimeIndex:
    """Times of a wall clock; of two that it shows alike the earlier, and for one that it leaves out the next."""
    import pandas as pd

    index = pd.DatetimeIndex(walls)
    return index.tz_localize(zone, ambiguous=np.ones(len(index), dtype=bool), nonexistent="shift_forward")


def _refuse_disorder(times: np.ndarray, where: Where, zone: datetime.tzinfo | None) -> None:
    if np.isnat(times).any():
        raise DataError(f"{where(int(np.isnat(times).argmax()))}: the time is missing; fill it in, or drop such rows")
    behind = np.diff(times) <= np.timedelta64(0)
    if not behind.any():
        return
    row = int(behind.argmax()) + 1
    twice = times[row] == times[row - 1]
    what, way = (
        ("there twice", "keep one of them") if twice else ("earlier than the row before", "sort the rows by time")
    )
    raise DataError(
        f"{where(row)}: {_shown(times[row], zone)} is {what}; {way}, or name the column that tells series apart with "
        "sequence=NAME (--sequence NAME)"
    )


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


def _even(times: np.ndarray, where: Where, zone: datetime.tzinfo | None = None) -> Grid:
    import pandas as pd

    between = np.diff(times).astype(np.int64)  # microseconds
    step = _commonest(between)
    places = _placed(between, step)
    if places is None and zone is not None and step % _MICROSECONDS == 0:
        return _even(_walls(times, zone), where)  # a day of 23 hours is not where the fault lies
    if places is None:
        row = int((between % step != 0).argmax()) + 1
        late, usual = (pd.Timedelta(int(span), "us") for span in (between[row - 1], step))
        raise DataError(
            f"{where(row)}: {_shown(times[row], zone)} comes {late} after the row before where the step is {usual}; "
            "bring it to a regular step, for instance with frame.resample"
        )
    days, rest = divmod(step, _MICROSECONDS)
    if not rest:
        return Grid(f"{days}D" if days > 1 else "D", places)
    return Grid(pd.tseries.frequencies.to_offset(pd.Timedelta(step, "us")).freqstr, places)


def _commonest(spans: np.ndarray) -> int:
    values, counts = np.unique(spans, return_counts=True)
    return int(values[counts.argmax()])


def _placed(spans: np.ndarray, step: int) -> np.ndarray | None:
    return None if (spans % step).any() else np.concatenate([[0], (spans // step).cumsum()])


def _shown(time: np.datetime64, zone: datetime.tzinfo | None) -> str:
    time = time if zone is None else _walls(time, zone)[0]
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
