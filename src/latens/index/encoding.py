"""From what a user has to the rows of an index: read, encoded, and of the index's columns."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from latens.data import AnySource, EventSource, SeriesSource, Source, TextSource, open_source
from latens.errors import ConfigError, DataError
from latens.index.about import About
from latens.index.columns import Seen, check_ids, rows_table

__all__ = ["codes_of", "encoded", "like", "opened"]

# Numbers handed to a model at a time.
_BLOCK_NUMBERS = 1 << 24


def encoded(about: About, estimator: Any, X: Any, first: int, root: str | Path | None) -> pa.Table:
    """The rows of X as those of an index.

    Args:
        about: The index.
        estimator: The model that it is built by.
        X: What that can transform.
        first: The number of X's first row.
        root: The folder of X's images; that of a path to one is known.

    Raises:
        DataError: X cannot be encoded, a code cannot be searched, or an id is there twice.
    """
    source = opened(estimator, X)
    if root is None and isinstance(X, (str, os.PathLike)) and os.path.isdir(X):
        root = os.fspath(X)
    codes = codes_of(estimator, source, about.pooling)
    if about.distance == "cosine" and not np.abs(codes).max(axis=1).all():
        row = int((~codes.any(axis=1)).argmax())
        raise DataError(f'{source.name}: row {row} has a code of zeros, without direction; use distance="euclidean"')
    table = rows_table(source, codes, first, Seen.of(estimator.schema_, root))
    check_ids(table["id"], None, source.name)
    return table


def opened(estimator: Any, X: Any) -> AnySource:
    """X read as what the model learned from."""
    if isinstance(X, (Source, TextSource, EventSource, SeriesSource)):
        return X
    schema = estimator.schema_
    how = schema.reading()
    if schema.kind in ("table", "images"):
        return open_source(X, **how, optional_labels=schema.label_names)
    return open_source(X, **how)


def codes_of(estimator: Any, source: Any, pooling: str | None) -> np.ndarray:  # -> (n, d)
    """The codes of a source, block by block; they fit into float32."""
    if not isinstance(source, Source):
        how = {} if pooling is None else {"pooling": pooling}
        codes = estimator.transform(source, **how)
    else:
        if pooling is not None:
            raise ConfigError(f"pooling={pooling!r} goes with models of text and events; leave it out")
        size, rows = max(1, _BLOCK_NUMBERS // source.n_features), np.arange(len(source))
        parts = [estimator.transform(source.take(rows[at : at + size])) for at in range(0, len(rows), size)]
        codes = np.concatenate([np.asarray(part) for part in parts])
    codes = np.asarray(codes)
    if not np.isfinite(codes.astype(np.float32)).all():
        row = int((~np.isfinite(codes.astype(np.float32))).any(axis=1).argmax())
        raise DataError(f"{source.name}: row {row} (counted from 0) has a code that is no number; look at its values")
    return codes


def like(table: pa.Table, schema: pa.Schema, folder: Path) -> pa.Table:
    """The table with the columns of an index: what it lacks is missing, what it has beside them refused."""
    for name in table.column_names:
        if name not in schema.names:
            raise DataError(f"{folder}: has no column {name!r}; build the index again, or leave it out")
    columns = []
    for field in schema:
        try:
            there = field.name in table.column_names
            columns.append(table[field.name].cast(field.type) if there else pa.nulls(len(table), field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            held = table[field.name].type
            raise DataError(f"{folder}: column {field.name!r} holds {field.type}, not {held}; convert it") from error
    return pa.table(columns, schema=schema)
