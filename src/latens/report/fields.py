"""What a page can say and show of the rows of data of any kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from latens.data import AnySource, EventSource, SeriesSource, Source, TextSource

__all__ = ["MOST", "fields_of", "pictures_of"]

# Columns of a table on one page.
MOST = 40
_EVENTS = 60


def fields_of(source: AnySource) -> dict[str, np.ndarray]:
    """The columns of a table (the first 40), texts, sequences, or the lengths of series, (n,) each by name.

    Example:
        >>> from latens.data import open_source
        >>> fields_of(open_source(["To be", "or not"], kind="text"))["text"].tolist()
        ['To be', 'or not']
    """
    return _FIELDS[source.kind](source)


def pictures_of(source: AnySource) -> Sequence[np.ndarray] | np.ndarray | None:
    """The rows as images, if that is what they are: n of (h, w) or (h, w, c)."""
    if isinstance(source, SeriesSource) and source.image is not None:
        height, width = source.image[:2]
        return [source[i].reshape(height, width, -1).squeeze() for i in range(len(source))]
    return source.values if isinstance(source, Source) and source.kind == "images" else None


def _table(source: Source) -> dict[str, np.ndarray]:
    names = list(source.columns or [f"x{i}" for i in range(source.n_features)])[:MOST]
    if source.table is None:
        return {name: source.values[:, i] for i, name in enumerate(names)}
    frame = source.table.frame(source.values, source.columns)
    return {name: _plain(frame.iloc[:, i]) for i, name in enumerate(names)}


def _plain(column: Any) -> np.ndarray:
    """Numbers as floats, what is missing among other things as None."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iuf":
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    if kind in "mM":
        return np.asarray(column)
    return np.asarray(column.astype(object).where(column.notna(), None), dtype=object)


def _images(source: Source) -> dict[str, np.ndarray]:
    return {}


def _text(source: TextSource) -> dict[str, np.ndarray]:
    return {source.column or "text": _objects([source[i] for i in range(len(source))])}


def _events(source: EventSource) -> dict[str, np.ndarray]:
    shown = [", ".join(map(str, source[i][:_EVENTS])) for i in range(len(source))]
    return {"events": np.diff(source.offsets), "sequence": _objects(shown)}


def _series(source: SeriesSource) -> dict[str, np.ndarray]:
    return {"steps": np.diff(source.offsets)}


_FIELDS: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    "table": _table,
    "images": _images,
    "text": _text,
    "events": _events,
    "series": _series,
}


def _objects(texts: Sequence[str]) -> np.ndarray:
    """As objects: a NumPy array of text makes every one as long as the longest."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array
