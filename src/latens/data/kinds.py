"""What kind of column this is: inferred from its cells, or as the user says.

Every column becomes one float64 a cell (see `latens.schema.Column`). Text that is nearly all different is no category:
it is an identifier, or free text, and is left out, which the fit says.
"""

from __future__ import annotations

import datetime
import re
import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from latens.data.known import Known, LeftOut, Where, first_present
from latens.data.times import object_times, text_times, times
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
# 1,234.56 and 1.234,56 and 1'234 and 0,5 and $1.50 and 12 %
_NUMERAL = re.compile(r"[-+]?[$€£¥]?[-+]?\d+(?:[.,'\xa0\u202f]\d{3})*(?:[.,]\d+)?\s?[%$€£¥]?")
# 31.01.2026 and 1/31/26 8:30 and 08:30:00 and 8:30 PM
_CLOCK = re.compile(
    r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[T ]+\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?[AaPp][Mm])?"
)


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
    found = _reader(series, wanted)(series, name, where, wanted)
    # What a model is applied to keeps all its levels: only those of the fit say which are rare.
    return _without_rare_levels(found) if typing.strict and isinstance(found, Known) else found


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
        return times
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
        raise DataError(f"{where(first_present(series))}: cells of {dtype} are not supported; {_ignoring(name)}")
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
        codes = _truths(series, where, name)
    else:
        codes, uniques = pd.factorize(series, sort=True)
        levels = list(uniques)
    cells = np.where(codes < 0, np.nan, codes)
    plain = tuple(level if isinstance(level, (str, bool)) else _scalar(level) for level in levels)
    return Known(Column(name, "boolean" if boolean else "category", dtype, plain), cells.astype(np.float64))


def _truths(series: pd.Series[Any], where: Where, name: str) -> np.ndarray:
    """Codes of false and true; -1 where nothing is."""
    present = np.asarray(series.notna())
    odd = present & ~np.asarray(series.isin([0, 1]))
    if odd.any():
        row = int(odd.argmax())
        raise DataError(f"{where(row)}: {series.iloc[row]} is no boolean; write 0 or 1, or --types {name}=category")
    codes = np.full(len(series), -1)
    codes[present] = np.asarray(series[present].astype(bool), dtype=np.int64)
    return codes


def _without_rare_levels(known: Known) -> Known:
    """A category's rarest levels beyond the most that are kept counted as none."""
    levels, cells = known.column.levels, known.cells
    if len(levels) <= _MOST_LEVELS:
        return known
    counts = np.bincount(cells[~np.isnan(cells)].astype(np.int64), minlength=len(levels))
    kept = np.sort(np.argsort(-counts, kind="stable")[:_MOST_LEVELS])
    places = np.full(len(levels), -1.0)
    places[kept] = np.arange(len(kept))
    cells = np.where(np.isnan(cells), np.nan, places[np.where(np.isnan(cells), 0, cells).astype(np.int64)])
    rare = int(np.count_nonzero(counts)) - len(kept)
    return Known(replace(known.column, levels=tuple(levels[i] for i in kept), rare=max(rare, 0)), cells)


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
        return object_times(series, name, where)
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
        if isinstance(value, str):
            raise DataError(f"{where(row)}: {value!r} is not a number; {_way_out(name, str(value))}")
        if value is not None and value is not pd.NA and value is not pd.NaT:
            try:
                cells[row] = float(value)
            except (TypeError, ValueError, OverflowError) as error:
                what = f"{value!r:.40}, a {type(value).__name__}, is not a number"
                raise DataError(f"{where(row)}: {what}; {_ignoring(name)}") from error
    return cells


def _ignoring(column: str) -> str:
    return f'drop the column, or --types {shlex.quote(column)}=ignore (types={{"{column}": "ignore"}})'


def _way_out(column: str, cell: str) -> str:
    """What to do about text among numbers."""
    return (
        f"correct it, declare it missing with --missing {shlex.quote(cell)} (missing=[{cell!r}]), or the column a "
        f'category with --types {shlex.quote(column)}=category (types={{"{column}": "category"}})'
    )


def _text(
    series: pd.Series[Any], present: pd.Series[Any], name: str, where: Where, wanted: str | None
) -> Known | LeftOut:
    if wanted in ("number", "integer"):
        return Known(Column(name, wanted, "float64"), _parsed_numbers(series, where, name))
    if wanted == "boolean":
        raise DataError(f"{where(first_present(series))}: text is no boolean; use --types {name}=category")
    if wanted == "datetime" or (wanted is None and len(present) and all(map(_ISO.match, present))):
        return text_times(series, name, where)
    if wanted is None:
        _refuse_stray_text(series, present, where, name)
        _refuse_other_numerals(series, present, where, name)
        different = present.nunique()
        if different > max(_FEW, len(present) / 2):
            return LeftOut(name, _what_text(present))
    return _categories(series, name, where, "category")


def _refuse_stray_text(series: pd.Series[Any], present: pd.Series[Any], where: Where, name: str) -> None:
    """Text of which a half and more, but not all, is numbers has typing errors in it, or a sign for missing."""
    numbers = np.array([_is_number(value) for value in present], dtype=bool)
    if len(numbers) and 0.5 <= numbers.mean() < 1:
        row = int(np.flatnonzero(np.asarray(series.notna()))[int((~numbers).argmax())])
        value = series.iloc[row]
        raise DataError(f"{where(row)}: {value!r} is not a number; {_way_out(name, value)}")


def _refuse_other_numerals(series: pd.Series[Any], present: pd.Series[Any], where: Where, name: str) -> None:
    """Numbers with a decimal comma, thousands separators, a currency or a percent sign are no categories."""
    odd = np.array([not _is_number(value) for value in present], dtype=bool)
    if odd.any() and all(_NUMERAL.fullmatch(value) for value in present[odd]):
        row = int(np.flatnonzero(np.asarray(series.notna()))[int(odd.argmax())])
        raise DataError(
            f"{where(row)}: {series.iloc[row]!r} is a number in a form that is not read; write it like 1234.56, or "
            f'--types {shlex.quote(name)}=category, =ignore (types={{"{name}": "category"}}) if it is none'
        )


def _what_text(present: pd.Series[Any]) -> str:
    """What text that is nearly all different is, in words."""
    first = present.iloc[0]
    if all(map(_is_number, present)):
        return f"numbers as text such as {first!r}, use {present.name}=number"
    if all(map(_CLOCK.fullmatch, present)):
        return f"times like {first!r}, write them like 2026-01-31T08:30:00"
    words = float(np.mean([len(str(value).split()) for value in present]))
    return "free text" if words >= 3 else "identifier"


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
