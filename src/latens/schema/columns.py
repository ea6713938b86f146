"""The columns of a typed table: what a cell means, how it is a number inside, and how the user had it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.errors import choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "Column", "Level", "Table", "Tally"]

KINDS = ("number", "integer", "boolean", "category", "datetime")

# What a category can be called: what JSON can hold, so that a model file can.
Level = str | int | float | bool

# A year, a week and a day, in seconds.
_PERIODS = (31_556_952.0, 604_800.0, 86_400.0)
# How many times a period has to fit into the data before it is worth two numbers.
_REPEATS = 1.5
# Seconds on either side of 1970 that a time in nanoseconds can say.
_FURTHEST = 9.2e9
# Columns of one value have no entropy and no variance to be measured by.
_FLOOR = 0.02


@dataclass(frozen=True)
class Column:
    """One column of a typed table.

    Inside, a cell is one number: a number itself, the position of a category among the `levels`, the seconds of a time
    since 1970 (UTC), NaN where it is missing, -1 for a category that is none of the levels.

    Args:
        name: Of the column.
        kind: One of `KINDS`.
        dtype: What pandas calls the user's cells; `series` gives them back as that.
        levels: The categories, in the order of their codes; ``(False, True)`` for a boolean.
        entropy: Of a category, in nats, over the training rows: the cross-entropy of knowing only how frequent each is.
        gini: Of a category, over the training rows: the squared error of knowing only that.
        periods: Of a time, in seconds: the cycles that the training rows go through.
        rare: Of a category, how many levels were there beside the `levels`, too rare to keep.
    """

    name: str
    kind: str
    dtype: str = "float64"
    levels: tuple[Level, ...] = ()
    entropy: float = 1.0
    gini: float = 1.0
    periods: tuple[float, ...] = ()
    rare: int = 0

    @property
    def numeric(self) -> bool:
        """Its cells are numbers as they stand."""
        return self.kind in ("number", "integer")

    @property
    def timed(self) -> bool:
        """Differences of its cells are time spans."""
        return self.kind == "datetime" or self.dtype.startswith("timedelta")

    def codes_of(self, cells: np.ndarray, other: Column) -> np.ndarray:
        """Codes among the levels of another column as codes among those of this one, -1 where it has no such level."""
        places = {level: float(code) for code, level in enumerate(self.levels)}
        new = np.array([*(places.get(level, -1.0) for level in other.levels), -1.0])  # the last for -1
        present = ~np.isnan(cells)
        codes = np.where(present, cells, -1.0).astype(np.int64)
        return np.asarray(np.where(present, new[codes], np.nan))

    def network(self, offset: float, scale: float) -> dict[str, Any]:
        """What a network has to know of the column, as JSON.

        Args:
            offset: Of the column's scaling.
            scale: Of the same.
        """
        if self.levels:
            return {"levels": len(self.levels), "entropy": self.entropy, "gini": self.gini}
        if self.kind == "datetime":
            return {"periods": list(self.periods), "offset": offset, "scale": scale}
        return {}

    def series(self, cells: np.ndarray, index: Any = None) -> pd.Series[Any]:
        """Cells as the user had them: the column's name, dtype and categories.

        Args:
            cells: (n,) float64; NaN becomes a missing value where the dtype has one.
            index: Of the result.
        """
        import pandas as pd

        make = {"datetime": _times, "boolean": _named, "category": _named}.get(self.kind, _numbers)
        series = pd.Series(make(self, cells), name=self.name)
        return series if index is None else series.set_axis(index)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return asdict(self) | {"levels": list(self.levels), "periods": list(self.periods)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Column:
        """The inverse of `to_json`."""
        return cls(
            name=str(fields["name"]),
            kind=choice("kind", fields["kind"], KINDS),
            dtype=str(fields["dtype"]),
            levels=tuple(fields["levels"]),
            entropy=float(fields["entropy"]),
            gini=float(fields["gini"]),
            periods=tuple(float(period) for period in fields["periods"]),
            rare=int(fields.get("rare", 0)),
        )


@dataclass(frozen=True)
class Table:
    """The columns of a typed table, whose units and meanings differ.

    Args:
        types: Of each column that is learned from what it holds.
        left_out: The columns that are not, each with the reason.
        has_missing: Whether a cell was missing in the rows that were learned from.
    """

    types: tuple[Column, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    has_missing: bool = False

    @property
    def numeric(self) -> bool:
        """Every cell is a number as it stands."""
        return all(column.numeric for column in self.types)

    @property
    def kinds(self) -> dict[str, str]:
        """What the columns hold, by name, as `latens.open_source` takes it; ``"ignore"`` for those left out."""
        return dict.fromkeys(self.left_out, "ignore") | {column.name: column.kind for column in self.types}

    def tallies(self) -> list[tuple[int, Tally]]:
        """What counts the training cells, with the place of each column that has something to count."""
        return [(i, Tally(column)) for i, column in enumerate(self.types) if column.levels or column.kind == "datetime"]

    def learned(self, tallies: Iterable[tuple[int, Tally]], has_missing: bool) -> Table:
        """The table with what the training rows say of its columns."""
        types = dict(enumerate(self.types)) | {i: tally.learned() for i, tally in tallies}
        return replace(self, types=tuple(types.values()), has_missing=has_missing)

    def frame(self, values: np.ndarray, names: Any, index: Any = None) -> pd.DataFrame:
        """Cells (n, d) in the table's units as the user had them: dtypes, categories, times."""
        import pandas as pd

        columns = [column.series(values[:, i].astype(np.float64), index) for i, column in enumerate(self.types)]
        frame = pd.concat(columns, axis=1)
        frame.columns = pd.RangeIndex(len(columns)) if names is None else list(names)
        return frame

    def residual_frame(
        self, differences: np.ndarray, chances: np.ndarray, names: Any, index: Any = None
    ) -> pd.DataFrame:
        """Residuals (n, d): differences in the table's units, and for categories one minus a probability.

        Args:
            differences: (n, d), of numbers and of seconds.
            chances: (n, d), the probability given to the category that is there, NaN for other kinds.
            names: Of the columns, or None.
            index: Of the result.
        """
        import pandas as pd

        columns: dict[Any, Any] = {}
        for i, column in enumerate(self.types):
            values = 1.0 - chances[:, i] if column.levels else differences[:, i].astype(np.float64)
            columns[i if names is None else names[i]] = _spans(values) if column.timed else values
        return pd.DataFrame(columns, index=index)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        types = [column.to_json() for column in self.types]
        return {"types": types, "left_out": dict(self.left_out), "has_missing": self.has_missing}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Table:
        """The inverse of `to_json`."""
        left_out = {str(name): str(reason) for name, reason in fields["left_out"].items()}
        return cls(tuple(map(Column.from_json, fields["types"])), left_out, bool(fields["has_missing"]))


class Tally:
    """What the training cells say of a column, counted block by block.

    Args:
        column: A category or a boolean, whose levels are counted, or a time, which may go through cycles.

    Example:
        >>> tally = Tally(Column("smokes", "boolean", levels=(False, True)))
        >>> tally.add(np.array([0.0, 1.0, np.nan]))
        >>> tally.add(np.array([1.0, 1.0]))
        >>> tally.learned().gini
        0.375
    """

    def __init__(self, column: Column) -> None:
        self.column = column
        self._counts = np.zeros(len(column.levels), dtype=np.int64)
        # Of the seconds themselves, and of their places in each period.
        self._low, self._high = np.full(1 + len(_PERIODS), np.inf), np.full(1 + len(_PERIODS), -np.inf)

    def add(self, cells: np.ndarray) -> None:
        """Count some more cells, (n,) float64."""
        if self.column.levels:
            self._counts += np.bincount(cells[cells >= 0].astype(np.int64), minlength=len(self._counts))
            return
        seconds = cells[~np.isnan(cells)]
        if len(seconds):
            places = np.stack([seconds, *(np.mod(seconds, period) for period in _PERIODS)])
            self._low, self._high = (
                np.minimum(self._low, places.min(axis=1)),
                np.maximum(self._high, places.max(axis=1)),
            )

    def learned(self) -> Column:
        """The column with how frequent its levels are, or with its periods."""
        if not self.column.levels:
            return replace(self.column, periods=self._periods())
        share = self._counts / max(self._counts.sum(), 1)
        entropy = -float(np.sum(share * np.log(np.where(share > 0, share, 1.0))))
        return replace(self.column, entropy=max(entropy, _FLOOR), gini=max(1.0 - float(share @ share), _FLOOR))

    def _periods(self) -> tuple[float, ...]:
        """The cycles worth two numbers each: those that the data goes through and is not always at one point of."""
        extent, *within = (self._high - self._low).tolist()
        each = zip(_PERIODS, within, strict=True)
        return tuple(period for period, spread in each if extent >= _REPEATS * period and spread > 0)


def _numbers(column: Column, cells: np.ndarray) -> Any:
    import pandas as pd

    if column.dtype.startswith("timedelta"):
        return pd.Series(_spans(cells)).astype(column.dtype)
    whole = np.rint(cells) if column.kind == "integer" else cells
    dtype = pd.api.types.pandas_dtype(column.dtype)
    if np.isnan(whole).any() and isinstance(dtype, np.dtype) and dtype.kind in "iu":
        return whole
    if column.kind == "integer":
        limits = np.iinfo(getattr(dtype, "numpy_dtype", dtype))
        return _clipped(whole, limits).astype(dtype)
    return pd.Series(whole).astype(dtype)


def _spans(seconds: np.ndarray) -> np.ndarray:
    """Time spans; in microseconds, because nanoseconds end at 292 years."""
    missing = np.isnan(seconds)
    micro = np.rint(np.where(missing, 0.0, seconds) * 1e6).astype(np.int64)
    return np.where(missing, np.timedelta64("NaT"), micro.astype("timedelta64[us]"))


def _clipped(whole: np.ndarray, limits: Any) -> Any:
    """Whole numbers inside the dtype's range; the largest float64 below 2**63 is 2**63 - 1024."""
    import pandas as pd

    top = float(limits.max) if float(limits.max) <= limits.max else np.nextafter(float(limits.max), 0)
    return pd.Series(np.clip(whole, float(limits.min), top))


def _named(column: Column, cells: np.ndarray) -> Any:
    import pandas as pd

    codes = np.where(np.isnan(cells), -1, cells).astype(np.int64)
    if column.dtype in ("category", "ordered category"):
        return pd.Categorical.from_codes(codes, list(column.levels), ordered=column.dtype != "category")
    names = np.array([*column.levels, None], dtype=object)[codes]
    if column.dtype in ("bool", "object") or (codes < 0).any():
        kept = column.dtype == "bool" and not (codes < 0).any()
        return names.astype(bool) if kept else pd.Series(names, dtype=_with_gaps(column.dtype))
    return pd.Series(list(names)).astype(column.dtype)


def _with_gaps(dtype: str) -> str:
    """The dtype that holds missing values where `dtype` cannot."""
    return dtype if dtype in ("str", "string", "boolean") else "object"


def _times(column: Column, cells: np.ndarray) -> Any:
    import pandas as pd

    micro = np.where(np.isnan(cells), 0.0, np.clip(cells, -_FURTHEST, _FURTHEST) * 1e6)
    stamps = np.rint(micro).astype("int64").astype("datetime64[us]")
    times = pd.Series(np.where(np.isnan(cells), np.datetime64("NaT"), stamps))
    if not column.dtype.startswith("datetime64"):
        return _as_text(times, column.dtype)
    if isinstance(pd.api.types.pandas_dtype(column.dtype), pd.DatetimeTZDtype):
        times = times.dt.tz_localize("UTC")
    return times.astype(column.dtype)


def _as_text(times: pd.Series[Any], dtype: str) -> Any:
    """Dates that came as text, or as Python's own."""
    if dtype == "date":
        return times.dt.date.astype(object)
    days = (times.dropna() == times.dropna().dt.normalize()).all()
    return times.dt.strftime("%Y-%m-%d" if days else "%Y-%m-%dT%H:%M:%S").astype(dtype)
