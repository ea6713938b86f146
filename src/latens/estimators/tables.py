"""What estimators do for typed tables: words about their columns, the rows' names, errors where cells are missing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import validate_data

from latens.data import Source
from latens.errors import DataError
from latens.schema import Column, Numbers, Schema, Summary, summarise

__all__ = ["check_columns", "index_of", "names_of", "remember_columns", "row_means", "warn_of"]

# Deviations from the mean beyond which a value weighs more than a thousand others in the loss.
_HEAVY = 30.0
_NAMED = 3
# Up to it a double holds every whole number.
_EXACT = 2.0**53


def warn_of(source: Source, schema: Schema, rows: Numbers, summary: Summary | None = None) -> None:
    """Say which columns are left out, and which have values so far out that the fit will follow them.

    Args:
        source: The data.
        schema: Learned from it.
        rows: The training rows.
        summary: What they are like, if that is known already.
    """
    table = source.table
    if table is None:
        return
    left_out = [f"{name!r} ({reason})" for name, reason in table.left_out.items() if reason != "as asked"]
    if left_out:
        _warn(
            f"{source.name}: not learned from: {', '.join(left_out)}; --types NAME=KIND, or "
            f"open_source(X, types=...), says otherwise"
        )
    rare = [f"{column.rare:,} of {column.name!r}" for column in table.types if column.rare]
    if rare:
        _warn(
            f"{source.name}: of a column's categories the most frequent are learned, and rarer ones read as none of "
            f"them: {', '.join(rare)}"
        )
    known = summarise(source, rows) if summary is None else summary
    rounded = _rounded(table.types, known)
    if rounded:
        _warn(
            f"{source.name}: whole numbers above 2^53 are rounded to what a double holds: {', '.join(rounded)}; of "
            f"identifiers use --types NAME=ignore or NAME=category, or open_source(X, types=...)"
        )
    heavy = _heavy(schema, known)
    if heavy:
        more = f" and {len(heavy) - _NAMED} more" if len(heavy) > _NAMED else ""
        _warn(
            f"{source.name}: heavy tails, the fit will follow few rows: {', '.join(heavy[:_NAMED])}{more}; "
            f"take a logarithm, or drop those rows"
        )


def _rounded(columns: Sequence[Column], summary: Summary) -> list[str]:
    """Columns of whole numbers that are too large for all of them to be told apart."""
    furthest = np.maximum(np.abs(summary.low), np.abs(summary.high))
    return [repr(column.name) for i, column in enumerate(columns) if column.kind == "integer" and furthest[i] > _EXACT]


def _heavy(schema: Schema, summary: Summary) -> list[str]:
    extremes = np.stack([summary.low, summary.high])
    there = summary.low <= summary.high  # where nothing is, the least is above the greatest
    furthest = np.abs(schema.scale_values(np.where(there, extremes, 0.0))).max(axis=0) * there
    return [
        f"{column.name!r} reaches {furthest[i]:.0f} standard deviations"
        for i, column in enumerate(schema.table.types if schema.table else ())
        if column.numeric and furthest[i] > _HEAVY
    ]


def _warn(words: str) -> None:
    warnings.warn(words, UserWarning, stacklevel=4)


def remember_columns(estimator: Any, X: Any) -> None:
    """Keep the width of X and its columns' names as scikit-learn does.

    Raises:
        DataError: Some of the names are text and some are not.
    """
    try:
        validate_data(estimator, X, skip_check_array=True)
    except TypeError as error:
        sorts = sorted({type(name).__name__ for name in X.columns})
        raise DataError(
            f"frame: column names of several types ({', '.join(sorts)}); use X.columns = X.columns.map(str)"
        ) from error


def check_columns(estimator: Any, X: Any, source: Source) -> None:
    """Check the width where the columns have no names, which have been put in order by now where they have.

    Args:
        estimator: A fitted one.
        X: What its user gave.
        source: The same, read by the estimator's schema.

    Raises:
        DataError: X is wider or narrower than what was learned from.
    """
    schema = estimator.schema_
    if None not in (source.columns, schema.columns) or estimator.n_features_in_ != schema.n_features:
        return  # with columns left out, X is as wide as the schema says, not as it was at the fit
    try:
        validate_data(estimator, X, reset=False, skip_check_array=True)
    except (TypeError, ValueError) as error:
        raise DataError(f"{' '.join(str(error).split()).rstrip('.')}; give it {schema.describe()}") from error


def names_of(X: Any, schema: Schema) -> Sequence[Any] | None:
    """The names to give columns back under: the schema's, or those of the frame X that are no text."""
    if schema.columns is not None or schema.table is None:
        return schema.columns
    columns = getattr(X, "columns", None)
    own = {} if columns is None else {repr(name): name for name in columns}
    wanted = [column.name for column in schema.table.types]
    return [own[name] for name in wanted] if set(wanted) <= set(own) else None


def index_of(X: Any, source: Source | None = None) -> Any:
    """The index that a frame made of X has to have, so that pandas puts the two together row by row."""
    index = getattr(X, "index", None)
    if index is not None and not callable(index):
        return index
    return None if source is None else source.ids


def row_means(errors: np.ndarray) -> np.ndarray:  # (n, d) -> (n,) float64
    """The mean of each row over what is not NaN; 0 for a row with nothing in it."""
    present = ~np.isnan(errors)
    sums = np.where(present, errors, 0.0).sum(axis=1, dtype=np.float64)
    return np.asarray(sums / np.maximum(present.sum(axis=1), 1))
