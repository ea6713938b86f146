"""Real-valued series in: from arrays, images pixel by pixel, or a table that has a row for each step of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from latens.data.clocks import Clock
from latens.data.series_tables import read_series
from latens.data.tables import is_frame
from latens.data.values import Labels, Source, carry, numeric
from latens.errors import ConfigError, DataError, choice, setting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IMPUTATIONS", "SeriesSource", "open_series", "series_of"]

IMPUTATIONS = ("linear",)


@dataclass(frozen=True, eq=False)
class SeriesSource:
    """Series of real values at regular steps, laid end to end in the user's own units.

    Args:
        values: (N, d) float64, finite.
        offsets: (n + 1,) int64; series i is ``values[offsets[i]:offsets[i + 1]]``.
        columns: The names of the d columns, if they have some.
        labels: Carried columns by name, each (n,); never learned from.
        ids: (n,) names of the series.
        name: What messages call it.
        clock: What is known of time.
        image: (h, w) if each series is an image, pixel by pixel.

    Example:
        >>> source = open_series([[1.0, 2.0, 3.0], [4.0, 5.0]])
        >>> len(source), source[1].ravel().tolist()
        (2, [4.0, 5.0])
    """

    kind: ClassVar[str] = "series"

    values: np.ndarray
    offsets: np.ndarray
    columns: tuple[str, ...] | None = None
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    ids: np.ndarray | None = None
    name: str = "series"
    clock: Clock = field(default_factory=Clock)
    image: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, series: int) -> np.ndarray:  # -> (T, d)
        place = range(len(self))[series]
        return self.values[self.offsets[place] : self.offsets[place + 1]]

    def title(self, series: int) -> str:
        """What messages call a series."""
        if len(self) == 1:
            return self.name
        return f"{self.name}: series {series if self.ids is None else repr(self.ids[series])}"

    def times(self, series: int, first: int, count: int) -> pd.DatetimeIndex | None:
        """When some steps of a series are, also such as are still to come; None if nothing is known of time."""
        return self.clock.times(range(len(self))[series], first, count)

    def take(self, rows: np.ndarray) -> SeriesSource:
        """The given series (integers or a mask) with everything that is carried along."""
        rows = np.arange(len(self))[rows]
        starts = self.clock.starts
        return replace(
            self,
            values=np.concatenate([self[row] for row in rows]),
            offsets=_offsets(np.diff(self.offsets)[rows]),
            labels={name: column[rows] for name, column in self.labels.items()},
            ids=None if self.ids is None else self.ids[rows],
            clock=replace(self.clock, starts=None if starts is None else starts[rows]),
        )

    def label(self) -> np.ndarray | None:
        """The first label column, or None."""
        return next(iter(self.labels.values()), None)


def open_series(
    data: Any,
    *,
    time: str | None = None,
    sequence: str | None = None,
    columns: Sequence[str] | None = None,
    impute: str | None = None,
    labels: Labels = None,
) -> SeriesSource:
    """Series from wherever they are.

    Args:
        data: An array (T,) or (T, d) for one series; a list of such for several; an array (n, h, w) or (n, h, w, c) of
            images, read pixel by pixel, row by row; a frame, a column of one, or the path of a CSV, TSV or Parquet
            file, with a row for each step; ``"-"`` for CSV from standard input; or a SeriesSource.
        time: The table's column of times. None takes the index where that is times, else the first column that is.
        sequence: The table's column that says which series a row belongs to; None is one series.
        columns: The table's columns to take; None takes all that hold numbers.
        impute: ``"linear"`` fills missing steps and cells on the line between their neighbours; None refuses them.
        labels: Columns to carry along by name (of a series the value in its first row), or an array of one label per
            series.

    Raises:
        DataError: It is no such thing; a time is irregular, there twice or out of order; a step or a cell is missing; a
            cell is infinite or text; or a series has fewer than 2 steps.
        ConfigError: `impute` is unknown.
    """
    if impute is not None:
        choice("impute", impute, IMPUTATIONS)
    if isinstance(data, SeriesSource):
        return carry(_chosen(data, columns), labels)
    column = hasattr(data, "to_frame") and not is_frame(data)  # of a frame
    if column or is_frame(data) or isinstance(data, str) or hasattr(data, "__fspath__"):
        found = read_series(data.to_frame() if column else data, Clock(time=time, sequence=sequence), columns, labels)
        rows = found.series(impute is not None, labels)
        source = SeriesSource(
            np.concatenate(rows.values), _offsets([len(each) for each in rows.values]), columns=found.columns,
            labels=rows.labels, ids=rows.ids, name=found.name,
            clock=rows.clock,
        )  # fmt: skip
        return _checked(source)
    if time is not None or sequence is not None:
        raise ConfigError(f"time and sequence name columns of a table; leave them out for a {type(data).__name__}")
    return carry(_chosen(_from_arrays(data, impute is not None), columns), labels)


def series_of(source: Source) -> SeriesSource:
    """Checked numbers as series: each image is one, pixel by pixel; the rows of a table are the steps of one.

    Example:
        >>> series_of(Source(np.zeros((5, 8, 6), dtype=np.uint8), kind="images"))[0].shape
        (48, 1)
    """
    values = source.one_size("resize or crop them to one size").values if source.kind == "images" else source.values
    if source.kind != "images":
        flat, counts = values.reshape(len(values), -1), [len(values)]
        return _checked(SeriesSource(np.asarray(flat, dtype=np.float64), _offsets(counts), source.columns))
    n, h, w = values.shape[:3]
    pixels = values.reshape(n * h * w, -1).astype(np.float64)
    more: dict[str, Any] = {"labels": source.labels, "ids": source.ids, "name": source.name, "image": (h, w)}
    return _checked(SeriesSource(pixels, _offsets([h * w] * n), **more))


def _from_arrays(data: Any, impute: bool) -> SeriesSource:
    if isinstance(data, np.ndarray) and data.ndim in (3, 4):
        values = numeric(data, "array")
        _refuse_missing(values.reshape(len(values), -1), "array", impute=False)
        return series_of(Source(values, kind="images"))
    several = isinstance(data, (list, tuple)) and len(data) > 0 and np.ndim(data[0]) > 0
    given = list(data) if several else [data]
    series = [_one(each, f"series {i}" if several else "array", impute) for i, each in enumerate(given)]
    other = next((i for i, each in enumerate(series) if each.shape[1] != series[0].shape[1]), None)
    if other is not None:
        widths = f"{series[0].shape[1]} columns and series {other} {series[other].shape[1]}"
        raise DataError(f"series 0 has {widths}; give series of the same columns")
    return _checked(SeriesSource(np.concatenate(series), _offsets([len(each) for each in series])))


def _one(data: Any, name: str, impute: bool) -> np.ndarray:  # -> (T, d) float64
    try:
        values = numeric(np.asarray(data), name).astype(np.float64)
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{name}: is no array of numbers ({error}); give an array (T,) or (T, d)") from error
    if values.ndim not in (1, 2) or 0 in values.shape:
        raise DataError(f"{name}: has shape {values.shape}; give an array (T,) or (T, d), or a list of them")
    values = values.reshape(len(values), -1)
    _refuse_missing(values, name, impute)
    from latens.data.clocks import fill

    return fill(values, np.arange(len(values))) if impute else values


def _refuse_missing(values: np.ndarray, name: str, impute: bool) -> None:
    bad = np.isinf(values) if impute else ~np.isfinite(values)
    if not bad.any():
        if impute and np.isnan(values).all(axis=0).any():
            column = int(np.isnan(values).all(axis=0).argmax())
            raise DataError(f"{name}: column {column} holds nothing but NaN; leave it out")
        return
    row, column = (int(place) for place in np.unravel_index(int(bad.argmax()), values.shape))
    filled = f"fill it in, or fit with {setting('impute', 'linear')}"
    way_out = filled if np.isnan(values[row, column]) else "replace it by a number"
    raise DataError(f"{name}: row {row}, column {column} (counted from 0) is {values[row, column]}; {way_out}")


def _chosen(source: SeriesSource, columns: Sequence[str] | None) -> SeriesSource:
    """The source with the named columns, in this order; one whose columns have no names as it is."""
    if columns is None or source.columns is None or source.columns == tuple(columns):
        return source
    for column in columns:
        if column not in source.columns:
            raise DataError(f"{source.name}: column {column!r} is missing; it has {', '.join(source.columns[:12])}")
    places = [source.columns.index(column) for column in columns]
    return replace(source, values=np.ascontiguousarray(source.values[:, places]), columns=tuple(columns))


def _checked(source: SeriesSource) -> SeriesSource:
    lengths = np.diff(source.offsets)
    if (lengths < 2).any():
        short = int((lengths < 2).argmax())
        raise DataError(f"{source.title(short)}: has {lengths[short]} step(s); give it at least 2")
    return source


def _offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
