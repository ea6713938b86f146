"""Series on their way into a fitted model: read as those it learned from, and in its units."""

from __future__ import annotations

from typing import Any

import numpy as np

from latens.data import open_source
from latens.data.named_columns import has_columns
from latens.data.series import SeriesSource
from latens.errors import DataError
from latens.schema import SeriesSchema

__all__ = ["is_alone", "opened", "scaled"]


def opened(X: Any, schema: SeriesSchema | None, impute: str | None) -> SeriesSource:
    """X as series; a table's columns are those of `schema`, where there is one."""
    if isinstance(X, SeriesSource):
        return X
    how: dict[str, Any] = {"kind": "series"}
    if schema is not None and has_columns(X):
        how = schema.reading()
        if hasattr(X, "columns") and how["time"] not in X.columns:  # it was, or now is, the index
            how["time"] = None
    source = open_source(X, impute=impute, **how)
    assert isinstance(source, SeriesSource)
    return source


def scaled(source: SeriesSource, schema: SeriesSchema) -> list[np.ndarray]:
    """Each series, (T, d), in the model's units.

    Raises:
        DataError: They are not like those that the model learned from.
    """
    columns = source.values.shape[1]
    if columns != schema.n_features:
        names = ", ".join(schema.names[:12])
        raise DataError(f"{source.name}: has {columns} columns where the model has {schema.n_features}; give {names}")
    if None not in (source.clock.step, schema.step) and source.clock.step != schema.step:
        raise DataError(
            f"{source.name}: one step is {source.clock.step} where the model learned from {schema.step}; "
            "resample it, or fit anew"
        )
    return [schema.scale_values(source[i]) for i in range(len(source))]


def is_alone(given: Any, source: SeriesSource) -> bool:
    """Whether one series was given as such, and not as one of a list."""
    listed = isinstance(given, (list, tuple)) and len(given) > 0 and np.ndim(given[0]) > 0
    return len(source) == 1 and not listed
