"""Series in tables: which column says when, which says of what series, and which hold the values."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.data.clocks import Clock, Grid, Where, as_times, fill, regular, unread_times, zone_of
from latens.data.named_columns import Columns, read_columns
from latens.data.tables import as_pandas, check_there, is_frame
from latens.data.values import Labels
from latens.errors import DataError, setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SeriesRows", "SeriesTable", "read_series"]

# Steps that are filled in at most: so many, or so many times those that are there. More are a wrong time.
_MOST_FILLED, _TIMES_FILLED = 1_000_000, 100
# Columns that are named of those that are not read.
_NAMED = 5


@dataclass(frozen=True, eq=False)
class SeriesRows:
    """Series with what their first rows say.

    Args:
        values: Each (T, d), complete.
        clock: Of all of them.
        labels: Carried columns by name, each (n,).
        ids: (n,) names of the series, or None.
    """

    values: list[np.ndarray]
    clock: Clock
    labels: dict[str, np.ndarray]
    ids: np.ndarray | None


@dataclass(frozen=True, eq=False)
class SeriesTable:
    """A table's rows, checked, still in their order.

    Args:
        found: The table.
        columns: Which of its columns hold the values.
        values: (m, d) float64; NaN is a missing cell.
        times: (m,) datetime64[us], in UTC if there is a zone, or None.
        clock: The names of its time and sequence columns, and the zone.
    """

    found: Columns
    columns: tuple[str, ...]
    values: np.ndarray
    times: np.ndarray | None
    clock: Clock

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.found.name

    def series(self, impute: bool, labels: Labels = None) -> SeriesRows:
        """The rows of each series, in the order of their first rows, with every step there.

        Raises:
            DataError: Times are not regular, series differ in their step, or something is missing and not imputed.
        """
        groups, ids = self._groups()
        grids = self._grids(groups)
        first = np.array([rows[0] for rows in groups])
        clock = self.clock if self.times is None else self._clock(grids, self.times[first])
        values = [self._one(rows, grid.places, impute) for rows, grid in zip(groups, grids, strict=True)]
        return SeriesRows(values, clock, self.found.labels(labels, len(groups), first), ids)

    def _clock(self, grids: Sequence[Grid], starts: np.ndarray) -> Clock:
        """That of all series.

        Raises:
            DataError: They differ in their step.
        """
        steps = sorted({grid.step for grid in grids})
        if len(steps) > 1:
            raise DataError(f"{self.name}: series have different steps ({', '.join(steps)}); give one")
        return replace(self.clock, step=steps[0], starts=starts, local=all(grid.local for grid in grids))

    def _grids(self, groups: Sequence[np.ndarray]) -> list[Grid]:
        """Of each series the places of its rows, by the wall clock of the zone for all of them or for none."""
        grids = [self._grid(rows, self.clock.zone) for rows in groups]
        if len({grid.local for grid in grids}) == 1:
            return grids
        return [self._grid(rows, None) for rows in groups]

    def _grid(self, rows: np.ndarray, zone: datetime.tzinfo | None) -> Grid:
        where = self._where(rows)
        if len(rows) < 2:
            raise DataError(f"{where(0)}: is a series of 1 step; give it at least 2")
        return Grid("", np.arange(len(rows))) if self.times is None else regular(self.times[rows], where, zone)

    def _where(self, rows: np.ndarray) -> Where:
        """Where the rows of a series are in the table, in words."""
        return lambda row: f"{self.name}: {self.found.row_name(int(rows[row]))}"

    def _groups(self) -> tuple[list[np.ndarray], np.ndarray | None]:
        if self.clock.sequence is None:
            return [np.arange(len(self.values))], None
        import pandas as pd

        column = self.found.frame[self.clock.sequence]
        if column.isna().any():
            row = int(column.isna().to_numpy().argmax())
            raise DataError(f"{self.found.cell(self.clock.sequence, row)}: is missing; fill it in, or drop such rows")
        of, ids = pd.factorize(column)
        return [np.flatnonzero(of == number) for number in range(len(ids))], np.asarray(ids)

    def _one(self, rows: np.ndarray, places: np.ndarray, impute: bool) -> np.ndarray:
        """The complete values of one series."""
        values: np.ndarray = self.values[rows]
        if not impute:
            self._refuse_gaps(places, self._where(rows))
            self._refuse_missing(rows)
            return values
        if np.isnan(values).all(axis=0).any():
            column = self.columns[int(np.isnan(values).all(axis=0).argmax())]
            raise DataError(f"{self.name}: column {column!r} has a series without a number; leave it out")
        if places[-1] > max(_MOST_FILLED, _TIMES_FILLED * len(rows)):
            raise DataError(
                f"{self._where(rows)(len(rows) - 1)}: {places[-1]:,} steps lie between the first of {len(rows):,} rows "
                "and this one; correct the times, or take series apart at their gaps"
            )
        return fill(values, places)

    def _refuse_gaps(self, places: np.ndarray, where: Where) -> None:
        missing = np.diff(places) - 1
        if missing.any():
            row = int((missing > 0).argmax()) + 1
            n = int(missing[row - 1])
            raise DataError(
                f"{where(row)}: {n} step{'s are' if n > 1 else ' is'} missing before it ({missing.sum()} in all); "
                f"fill them in, or fit with {setting('impute', 'linear')}"
            )

    def _refuse_missing(self, rows: np.ndarray) -> None:
        bad = np.isnan(self.values[rows])
        if bad.any():
            row, column = np.unravel_index(int(bad.argmax()), bad.shape)
            where = self.found.cell(self.columns[int(column)], int(rows[row]))
            raise DataError(f"{where}: is missing; fill it in, or fit with {setting('impute', 'linear')}")


def read_series(data: Any, clock: Clock, columns: Sequence[str] | None, labels: Labels) -> SeriesTable:
    """A frame, or a CSV, TSV or Parquet file, with a row for each step.

    Args:
        data: See `open_series`.
        clock: The names of the time and sequence columns, as far as they are given.
        columns: Which to take; None takes all that hold numbers.
        labels: To carry along.

    Raises:
        DataError: A column is not there, is no column of times or numbers, or a cell is infinite.
    """
    from latens.data.text_tables import judged  # pyarrow

    given = _named(data) if is_frame(data) else data
    found = _with_index(read_columns(given, lambda column: judged(column).to_pandas(), labels))
    names = [name for name in found.frame.columns if name not in found.carried]
    check_there([name for name in (clock.time, clock.sequence) if name is not None], names, found.name)
    time, times = _times(found, [name for name in names if name != clock.sequence], clock.time)
    zone = None if time is None else zone_of(found.frame[time], lambda row: found.cell(time, row))
    taken = {time, clock.sequence, ""}
    if columns is not None:
        check_there(tuple(columns), names, found.name)
    candidates = tuple(columns) if columns is not None else tuple(name for name in names if name not in taken)
    numbers = {name: _numbers(found, name, asked=columns is not None) for name in candidates}
    kept = {name: column for name, column in numbers.items() if column is not None}
    if not kept:
        raise DataError(f"{found.name}: has no column of numbers beside its times; give it one")
    _say_what_is_not_read(found, [name for name in candidates if name not in kept])
    _refuse_infinity(found, kept)
    named = replace(clock, time=time, zone=zone)
    return SeriesTable(found, tuple(kept), np.stack(list(kept.values()), axis=1), times, named)


def _say_what_is_not_read(found: Columns, names: Sequence[str]) -> None:
    if names:
        shown = ", ".join(map(repr, names[:_NAMED])) + (", …" if len(names) > _NAMED else "")
        warnings.warn(
            f"{found.name}: not read: {shown} (no numbers, and no times such as 2020-01-31 13:00)", stacklevel=5
        )


def _named(data: Any) -> pd.DataFrame:
    """A frame with text for names."""
    frame = as_pandas(data)
    names = ["value" if name == 0 and frame.shape[1] == 1 else str(name) for name in frame.columns]
    return frame.set_axis(names, axis="columns")


def _with_index(found: Columns) -> Columns:
    """An index of times, of a frame or a Parquet file, as the first column."""
    import pandas as pd

    frame = found.frame
    kind = pd.api.types.infer_dtype(frame.index, skipna=True)
    if kind not in ("datetime64", "datetime", "date", "period"):
        return replace(found, frame=frame.reset_index(drop=True))
    name = str(frame.index.name or "time")
    while name in frame.columns:
        name += "_"
    return replace(found, frame=frame.rename_axis(name).reset_index())


def _times(found: Columns, names: Sequence[str], time: str | None) -> tuple[str | None, np.ndarray | None]:
    """The time column's name and its times; nothing if there is none."""
    for name in names if time is None else (time,):
        times = as_times(found.frame[name])
        if times is not None:
            return name, times
    for name in names if time is None else (time,):
        _refuse_half_times(found, name, asked=time is not None)
    return None, None


def _refuse_half_times(found: Columns, name: str, asked: bool) -> None:
    """A column that is all times but for some cells was meant to say when; without it rows would lose their places."""
    import pandas as pd

    column = found.frame[name]
    unread, present = unread_times(column), column.notna().sum()
    if not unread.any():
        return
    numbers = pd.to_numeric(column, errors="coerce").notna().any()  # 2024 could be a time as well
    if asked or (not numbers and unread.sum() < present / 2):
        row = int(unread.argmax())
        raise DataError(
            f"{found.cell(name, row)}: {column.iloc[row]!r:.50} is no time; write times as 2020-01-31 13:00"
        )


def _numbers(found: Columns, name: str, asked: bool) -> np.ndarray | None:  # -> (m,) float64
    """A column as numbers, NaN where a cell is missing; None if it holds none and nobody asked for it.

    Raises:
        DataError: A cell among numbers, or of a column that was asked for, is no number.
    """
    import pandas as pd
    from pandas.api import types

    column = found.frame[name]
    if types.is_numeric_dtype(column):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    other = types.is_datetime64_any_dtype(column) or types.is_timedelta64_dtype(column)
    values = pd.Series(np.nan, column.index) if other else pd.to_numeric(column, errors="coerce")
    bad = np.asarray(values.isna() & column.notna())
    if not bad.any():
        return np.asarray(values, dtype=np.float64)
    if not asked and values.isna().all():
        return None
    row = int(bad.argmax())
    cell = column.iloc[row]
    raise DataError(f"{found.cell(name, row)}: {cell!r:.50} is no number; correct it, or leave the column out")


def _refuse_infinity(found: Columns, columns: dict[str, np.ndarray]) -> None:
    for name, values in columns.items():
        if np.isinf(values).any():
            row = int(np.isinf(values).argmax())
            raise DataError(f"{found.cell(name, row)} is {values[row]}; replace infinity by a number or drop the row")
