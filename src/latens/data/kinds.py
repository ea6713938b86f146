"""What kind of column this is: inferred from its cells, or as the user says.

Every column becomes one float64 a cell (see `latens.schema.Column`). Text that is nearly all different is no category:
it is an identifier, or free text, and is left out, which the fit says.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.data.values import hint, stored_dtype
from latens.errors import DataError, choice
from latens.schema import KINDS, Column

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["INFERRED", "Known", "LeftOut", "Typing", "known_numbers", "typed_column"]

_IGNORE = "ignore"

# Levels that a category keeps; rarer ones are read as none of them.
_MOST_LEVELS = 256
# Text with at most so many different values, or in which a value stands twice on average, is a category.
_FEW = 20
# Integers that only count rows are recognised in tables of at least so many.
_COUNTED = 50
_NAMED_ID = re.compile(r"(^|[_\W])(id|ids|uuid|guid|key|index|nr)$|[a-z]I[dD]$", re.IGNORECASE)
_ISO = re.compile(r"\s*\d{4}-\d{2}")


@dataclass(frozen=True)
class Typing:
    """What the user says about columns.

    Args:
        types: Column name to one of `KINDS`, or ``"ignore"``.
        missing: Cells of text that mean that nothing is there.
        strict: Whether each column in `types` has to be there.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    strict: bool = True

    def __post_init__(self) -> None:
        for column, kind in self.types.items():
            choice(f"types[{column!r}]", kind, (*KINDS, _IGNORE))

    def kind(self, column: str) -> str | None:
        """The kind asked for, or None."""
        return self.types.get(column)

    def check(self, columns: Collection[str], name: str) -> None:
        """Refuse a kind for a column that is not there."""
        for column in self.types if self.strict else ():
            if column not in columns:
                raise DataError(f"{name}: types names column {column!r}, which is not there; {hint(column, columns)}")


# Nothing is said.
INFERRED = Typing()


@dataclass(frozen=True, eq=False)
class Known:
    """A column to learn from and its cells, (n,) float64, float32 or uint8."""

    column: Column
    cells: np.ndarray


@dataclass(frozen=True)
class LeftOut:
    """A column not to learn from, and why, in words."""

    name: str
    reason: str


Where = Callable[[int], str]


def typed_column(series: pd.Series[Any], name: str, where: Where, typing: Typing) -> Known | LeftOut:
    """A column as numbers, with what they mean.

    Args:
        series: The cells.
        name: Of the column.
        where: A row (from 0) in words, for messages.
        typing: What the user says.

    Raises:
        DataError: Text among numbers, several time zones, or cells of another nature.
    """
    from pandas.api import types

    wanted = typing.kind(name)
    if wanted == _IGNORE:
        return LeftOut(name, "as asked")
    if typing.missing and (types.is_object_dtype(series.dtype) or types.is_string_dtype(series.dtype)):
        series = series.mask(series.isin(typing.missing))
    if not series.notna().any():
        return _nothing(name, len(series), wanted)
    return _reader(series, wanted)(series, name, where, wanted)


def _nothing(name: str, n: int, wanted: str | None) -> Known | LeftOut:
    """A column with no cell in it, which only somebody else can say the kind of."""
    if wanted is None:
        return LeftOut(name, "empty")
    return Known(Column(name, wanted, "object"), np.full(n, np.nan))


Reader = Callable[["pd.Series[Any]", str, Where, "str | None"], "Known | LeftOut"]


def _reader(series: pd.Series[Any], wanted: str | None) -> Reader:
    """The function for a dtype; what the user wants comes first."""
    from pandas.api import types

    dtype = series.dtype
    if types.is_object_dtype(dtype) or (types.is_string_dtype(dtype) and not _is_categorical(dtype)):
        return _objects
    if wanted in ("category", "boolean") or types.is_bool_dtype(dtype) or _is_categorical(dtype):
        return _categories
    if types.is_datetime64_any_dtype(dtype):
        return _times
    if types.is_timedelta64_dtype(dtype):
        return _spans
    return _numbers


def _is_categorical(dtype: Any) -> bool:
    import pandas as pd

    return isinstance(dtype, pd.CategoricalDtype)


# ---- numbers -----------------------------------------------------------------------------------------------------


def _numbers(series: pd.Series[Any], name: str, where: Where, wanted: str | None) -> Known | LeftOut:
    from pandas.api import types

    dtype = series.dtype
    if types.is_complex_dtype(dtype):
        raise DataError(f"{where(0)}: Complex data not supported; use two columns, .real and .imag")
    if not types.is_numeric_dtype(dtype):
        raise DataError(f"{where(_first(series))}: cells of {dtype} are not supported; drop the column or convert it")
    whole = types.is_integer_dtype(dtype)
    small = str(dtype).lower() in ("float32", "float[pyarrow]", "float16", "uint8")
    target = stored_dtype(np.dtype(str(dtype).lower()) if isinstance(dtype, np.dtype) else np.dtype(np.float32))
    missing = {"na_value": np.nan} if series.hasnans else {}
    gaps = bool(missing) and target.kind != "f"
    cells = np.asarray(series.to_numpy(dtype=target if small and not gaps else np.float64, **missing))
    return known_numbers(name, cells, _dtype(dtype), whole, wanted)


def known_numbers(name: str, cells: np.ndarray, dtype: str, whole: bool, wanted: str | None) -> Known | LeftOut:
    """Numbers as a column; whole ones that only count the rows are left out.

    Args:
        name: Of the column.
        cells: (n,) float64, float32 or uint8.
        dtype: What pandas calls the user's cells.
        whole: Whether that is a dtype of integers.
        wanted: The kind that the user asked for, or None.
    """
    if whole and wanted is None and _counts_rows(cells, name):
        return LeftOut(name, "identifier")
    return Known(Column(name, "integer" if whole and wanted != "number" else "number", dtype), cells)


def _counts_rows(cells: np.ndarray, name: str) -> bool:
    """All different whole numbers, called an id or counting up from 0 or 1."""
    if len(cells) < _COUNTED or len(np.unique(cells)) < len(cells):
        return False
    return bool(_NAMED_ID.search(name)) or (cells[0] in (0, 1) and bool((np.diff(cells) == 1).all()))


def _dtype(dtype: Any) -> str:
    """The dtype to give cells back in: a sparse or Arrow one as its plain form."""
    text = str(dtype)
    if text.startswith("Sparse") or text.endswith("[pyarrow]"):
        return str(getattr(dtype, "subtype", None) or np.dtype(dtype.numpy_dtype))
    return text


def _spans(series: pd.Series[Any], name: str, where: Where, wanted: str | None) -> Known | LeftOut:
    """Time spans are numbers of seconds."""
    return Known(Column(name, "number", str(series.dtype)), np.asarray(series.dt.total_seconds(), dtype=np.float64))


# ---- categories and text -------------------------------------------------------------------------------------------


def _categories(series: pd.Series[Any], name: str, where: Where, wanted: str | None) -> Known | LeftOut:
    """Booleans, pandas categories, and what the user calls a category."""
    import pandas as pd
    from pandas.api import types

    boolean = wanted == "boolean" or (wanted is None and types.is_bool_dtype(series.dtype))
    dtype = _dtype(series.dtype)
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels, codes = list(series.cat.categories), np.asarray(series.cat.codes)
        dtype = "ordered category" if series.cat.ordered else "category"
    elif boolean:
        levels = [False, True]
        codes = np.array([-1 if gap else int(bool(value)) for value, gap in zip(series, series.isna(), strict=True)])
    else:
        codes, uniques = pd.factorize(series, sort=True)
        levels = list(uniques)
    cells = np.where(codes < 0, np.nan, codes)
    return _coded(name, "boolean" if boolean else "category", dtype, levels, cells)


def _coded(name: str, kind: str, dtype: str, levels: list[Any], cells: np.ndarray) -> Known:
    """A category column, its rarest levels beyond the most that are kept counted as none."""
    plain = tuple(level if isinstance(level, (str, bool)) else _scalar(level) for level in levels)
    if len(plain) > _MOST_LEVELS:
        counts = np.bincount(cells[~np.isnan(cells)].astype(np.int64), minlength=len(plain))
        kept = np.sort(np.argsort(-counts, kind="stable")[:_MOST_LEVELS])
        places = np.full(len(plain), -1.0)
        places[kept] = np.arange(len(kept))
        cells = np.where(np.isnan(cells), np.nan, places[np.where(np.isnan(cells), 0, cells).astype(np.int64)])
        plain = tuple(plain[i] for i in kept)
    return Known(Column(name, kind, dtype, plain), cells.astype(np.float64))


def _scalar(level: Any) -> str | int | float | bool:
    value = level.item() if isinstance(level, np.generic) else level
    return value if isinstance(value, (str, int, float, bool)) else str(value)


def _objects(series: pd.Series[Any], name: str, where: Where, wanted: str | None) -> Known | LeftOut:
    """Cells of Python objects or text, by what they are."""
    present = series.dropna()
    sorts = {_sort(value) for value in present}
    if sorts <= {"text"}:
        return _text(series, present, name, where, wanted)
    if sorts == {"bool"} or (wanted in ("category", "boolean") and sorts <= {"number", "bool"}):
        return _categories(series, name, where, wanted or "boolean")
    if sorts == {"time"}:
        return _object_times(series, name, where)
    return Known(Column(name, "number", "float64"), _object_numbers(series, where, name))


def _sort(value: object) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    if isinstance(value, (int, float, Decimal, np.number)):
        return "number"
    return "time" if isinstance(value, (datetime.date, np.datetime64)) else "other"


def _object_numbers(series: pd.Series[Any], where: Where, name: str) -> np.ndarray:
    import pandas as pd

    cells = np.full(len(series), np.nan)
    for row, value in enumerate(series):
        if isinstance(value, (str, bytes)):
            raise DataError(f"{where(row)}: {value!r} is not a number; {_way_out(name, str(value))}")
        if value is not None and value is not pd.NA and value is not pd.NaT:
            try:
                cells[row] = float(value)
            except (TypeError, ValueError, OverflowError) as error:
                raise DataError(f"{where(row)}: {error}; drop the column, or --types {name}=ignore") from error
    return cells


def _way_out(column: str, cell: str) -> str:
    """What to do about text among numbers."""
    return (
        f"correct it, declare it missing with --missing {cell} (missing=[{cell!r}]), or the column a category with "
        f'--types {column}=category (types={{"{column}": "category"}})'
    )


def _text(
    series: pd.Series[Any], present: pd.Series[Any], name: str, where: Where, wanted: str | None
) -> Known | LeftOut:
    if wanted in ("number", "integer"):
        return Known(Column(name, wanted, "float64"), _parsed_numbers(series, where, name))
    if wanted == "boolean":
        raise DataError(f"{where(_first(series))}: text is no boolean; use --types {name}=category")
    if wanted == "datetime" or (wanted is None and len(present) and all(map(_ISO.match, present))):
        return _text_times(series, name, where)
    if wanted is None:
        _refuse_stray_text(series, present, where, name)
        different = present.nunique()
        if different > max(_FEW, len(present) / 2):
            words = float(np.mean([len(str(value).split()) for value in present]))
            return LeftOut(name, "free text" if words >= 3 else "identifier")
    return _categories(series, name, where, "category")


def _refuse_stray_text(series: pd.Series[Any], present: pd.Series[Any], where: Where, name: str) -> None:
    """Text of which a half and more, but not all, is numbers has typing errors in it, or a sign for missing."""
    numbers = np.array([_is_number(value) for value in present], dtype=bool)
    if len(numbers) and 0.5 <= numbers.mean() < 1:
        row = int(np.flatnonzero(np.asarray(series.notna()))[int((~numbers).argmax())])
        value = series.iloc[row]
        raise DataError(f"{where(row)}: {value!r} is not a number; {_way_out(name, value)}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _parsed_numbers(series: pd.Series[Any], where: Where, name: str) -> np.ndarray:
    cells = np.full(len(series), np.nan)
    for row, value in enumerate(series):
        if isinstance(value, str):
            if not _is_number(value):
                raise DataError(f"{where(row)}: {value!r} is not a number; {_way_out(name, value)}")
            cells[row] = float(value)
    return cells


# ---- times ---------------------------------------------------------------------------------------------------------


def _times(series: pd.Series[Any], name: str, where: Where, wanted: str | None) -> Known | LeftOut:
    return Known(Column(name, "datetime", str(series.dtype)), _seconds(series))


def _seconds(series: pd.Series[Any]) -> np.ndarray:
    """Seconds since 1970, NaN where missing; a time zone's times in UTC."""
    naive = series if series.dt.tz is None else series.dt.tz_convert("UTC").dt.tz_localize(None)
    micro = naive.to_numpy().astype("datetime64[us]").astype(np.int64)
    return np.where(np.asarray(series.isna()), np.nan, micro / 1e6)


def _object_times(series: pd.Series[Any], name: str, where: Where) -> Known:
    """Python's own dates and times, and pandas' where a column holds more than one sort of them."""
    times = _as_times(series, name, where)
    days = all(type(value) is datetime.date for value in series.dropna())
    return Known(Column(name, "datetime", "date" if days else str(times.dtype)), _seconds(times))


def _text_times(series: pd.Series[Any], name: str, where: Where) -> Known:
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
                f"{where(_first(series))}: mixed timezones in one column; convert it to one: "
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


def _first(series: pd.Series[Any]) -> int:
    return int(np.asarray(series.notna()).argmax())
