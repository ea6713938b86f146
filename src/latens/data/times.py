"""Columns of times: dates, time stamps with or without a zone, and text that means them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.data.known import Known, LeftOut, Where, first_present
from latens.errors import DataError
from latens.schema import Column

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["object_times", "text_times", "times"]


def times(series: pd.Series[Any], name: str, where: Where, wanted: str | None) -> Known | LeftOut:
    """Cells of a dtype of times; Arrow's days as Python's dates."""
    if series.dtype.type is datetime.date:
        return object_times(series.astype(object), name, where)
    return Known(Column(name, "datetime", str(series.dtype)), _seconds(series))


def _seconds(series: pd.Series[Any]) -> np.ndarray:
    """Seconds since 1970, NaN where missing; a time zone's times in UTC."""
    naive = series if series.dt.tz is None else series.dt.tz_convert("UTC").dt.tz_localize(None)
    micro = naive.to_numpy().astype("datetime64[us]").astype(np.int64)
    return np.where(np.asarray(series.isna()), np.nan, micro / 1e6)


def object_times(series: pd.Series[Any], name: str, where: Where) -> Known:
    """Python's own dates and times, and pandas' where a column holds more than one sort of them."""
    times = _as_times(series, name, where)
    days = all(type(value) is datetime.date for value in series.dropna())
    return Known(Column(name, "datetime", "date" if days else str(times.dtype)), _seconds(times))


def text_times(series: pd.Series[Any], name: str, where: Where) -> Known:
    """Text that means times."""
    times = _as_times(series, name, where)
    zoned = times.dt.tz is not None
    return Known(Column(name, "datetime", str(times.dtype if zoned else series.dtype)), _seconds(times))


def _as_times(series: pd.Series[Any], name: str, where: Where) -> pd.Series[Any]:
    import pandas as pd

    try:
        times = pd.to_datetime(series, format="ISO8601")
    except (ValueError, TypeError, OverflowError) as error:
        if "timezone" in str(error).lower() or "tz-" in str(error).lower():
            raise DataError(
                f"{where(first_present(series))}: mixed timezones in one column; convert it to one: "
                f"pd.to_datetime(frame[{name!r}], utc=True)"
            ) from error
        row = _first_unlike_time(series)
        raise DataError(
            f"{where(row)}: {series.iloc[row]!r} is not a time that can be read; write it like 2026-01-31T08:30:00, or "
            f"--types {name}=category"
        ) from error
    return times


def _first_unlike_time(series: pd.Series[Any]) -> int:
    import pandas as pd

    read = pd.to_datetime(series, format="ISO8601", errors="coerce", utc=True)
    return int(np.asarray(read.isna() & series.notna()).argmax())
