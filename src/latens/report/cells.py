"""Cells of rows as words: what is there, and what the model expected there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from latens.data import Source
from latens.report.blocks import quantity
from latens.report.scatter import clipped
from latens.report.subject import Subject

__all__ = ["column_names", "given", "is_wide", "reconstructed", "sortable", "words_of"]

# Columns without a name of which more than these are a curve, not cells.
_WIDE = 40
_SHORT = 40


def is_wide(source: Source) -> bool:
    """The rows are curves, spectra and the like: many numbers without names."""
    return source.columns is None and source.table is None and source.n_features > _WIDE


def column_names(source: Source) -> list[str]:
    """Of a table, those of arrays counted."""
    return [clipped(name, _SHORT) for name in source.columns or [f"column {i}" for i in range(source.n_features)]]


def given(source: Source, rows: Sequence[int] | np.ndarray) -> list[list[str]]:
    """The cells of some rows as words."""
    values = source.values[np.asarray(rows)]
    return words_of(values if source.table is None else source.table.frame(values, source.columns))


def reconstructed(subject: Subject, rows: Sequence[int] | np.ndarray) -> list[list[str]]:
    """What the model makes of them."""
    return words_of(subject.model.reconstruct(subject.source.take(np.asarray(rows))))


def sortable(subject: Subject) -> np.ndarray:  # -> (n, d)
    """The cells as the model sees them: one number each, in units of the column's spread; NaN where one is missing."""
    return np.asarray(subject.model._scaled(subject.source), dtype=np.float64)


def words_of(values: Any) -> list[list[str]]:
    """The cells of a frame, or of an array (m, *shape), as words."""
    if hasattr(values, "columns"):
        columns = [values.iloc[:, place].astype(object).to_list() for place in range(values.shape[1])]
        return [[_word(cell) for cell in row] for row in zip(*columns, strict=True)]
    return [[quantity(float(cell)) for cell in row] for row in np.asarray(values).reshape(len(values), -1)]


def _word(cell: Any) -> str:
    return "missing" if cell is None or cell != cell or str(cell) in ("NaT", "<NA>") else quantity(cell)
