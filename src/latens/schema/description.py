"""What was learned about the data, stored in the model file: raw data in, raw units out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from latens.errors import DataError, choice, setting
from latens.schema.columns import Column, Table
from latens.schema.scaling import SCALINGS, Scaling, needs_moments, scaling_of
from latens.schema.statistics import Numbers, Samples, Summary, extent, summarise

__all__ = ["Schema"]

AnySamples = TypeVar("AnySamples", bound=Samples)


@dataclass(frozen=True, eq=False)
class Schema:
    """The shape, names and scaling of the data a model was fitted on.

    Args:
        kind: ``"table"`` or ``"images"``.
        shape: Of one sample: ``(d,)`` for tables, ``(h, w)`` or ``(h, w, c)`` for images; None for a size that is free.
        columns: The features' names, if they have any.
        dtype: Of the values it was fitted on.
        scaling: What was fitted on the training rows.
        label_names: The columns that were carried along and not learned from.
        table: Of a frame, CSV or Parquet, whose columns have units of their own, what they hold.
    """

    kind: str
    shape: tuple[int | None, ...]
    columns: tuple[str, ...] | None
    dtype: str
    scaling: Scaling
    label_names: tuple[str, ...] = ()
    table: Table | None = None

    @classmethod
    def learn(cls, source: Samples, rows: Numbers, scaling: str = "auto") -> Schema:
        """Fit the scaling on `rows` (the training rows, int64, sorted) of `source` and on nothing else, in one pass.

        ``"auto"``: images and uint8 by their range; a 2-D array that already lies in [0, 1] stays as it is; other
        arrays and typed tables are standardised column by column.

        Raises:
            ConfigError: `scaling` is unknown, or ``"unit"`` for data outside [0, 1].
        """
        return cls.of(
            source, summarise(source, rows, needs_moments(source, choice("scaling", scaling, SCALINGS))), scaling
        )

    @classmethod
    def of(cls, source: Samples, summary: Summary, scaling: str = "auto") -> Schema:
        """The same, of what is known of the training rows."""
        return cls(
            kind=source.kind,
            shape=source.shape,
            columns=source.columns,
            dtype=str(source.dtype),
            scaling=scaling_of(source, summary, choice("scaling", scaling, SCALINGS)),
            label_names=tuple(source.labels),
            table=summary.table,
        )

    def covering(self, target: Samples, rows: Numbers) -> Schema:
        """The same, its range wide enough for the `rows` of what is to be predicted: a sigmoid must reach them."""
        low, high = extent(target.values, rows) if self.bounded else (0.0, 0.0)
        least, most = float(self.scaling.offset.min()), float((self.scaling.offset + self.scaling.scale).max())
        if not self.bounded or (least <= low and high <= most):
            return self
        low, high = min(low, least), max(high, most)
        return replace(self, scaling=Scaling("range", np.full((), low), np.full((), high - low)))

    @property
    def bounded(self) -> bool:
        """The scaled training rows lie in [0, 1]: a sigmoid output fits."""
        return self.scaling.name in ("range", "unit")

    @property
    def n_features(self) -> int:
        """Numbers in one sample; where sizes are free, in one pixel."""
        return math.prod(size for size in self.shape if size is not None)

    def scale_values(self, values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The values (n, *shape) as the model sees them: float64 for float64 input, float32 otherwise.

        Args:
            values: In the user's units.
            out: Of the same shape, to write them into; None makes an array.
        """
        kept = np.dtype(np.float64 if values.dtype == np.float64 else np.float32)
        if self.scaling.identity and out is None:
            return values.astype(kept, copy=False)
        out = np.empty(values.shape, kept) if out is None else out
        if self.scaling.identity:
            np.copyto(out, values, casting="same_kind")
        else:
            self.scaling.apply(values.reshape(len(values), -1), out.reshape(len(values), -1))
        return out

    def unscale_values(self, values: np.ndarray) -> np.ndarray:  # (n, features) or (n, *shape) -> (n, *shape)
        """Back in the user's units and shape; the dtype stays."""
        flat = values.reshape(len(values), -1)
        if not self.scaling.identity:
            flat = self.scaling.undo(flat).astype(values.dtype)
        sizes = [size for size in self.shape if size is not None]
        return flat.reshape((len(values), *sizes) if len(sizes) == len(self.shape) else values.shape)

    def check(self, source: Samples) -> None:
        """Refuse a source that this schema does not describe, naming the difference."""
        fits = len(source.shape) == len(self.shape) and all(
            mine in (None, theirs) for mine, theirs in zip(self.shape, source.shape, strict=True)
        )
        if not fits:
            raise DataError(
                f"{source.name}: samples of shape {source.shape} where the model was fitted on {self.shape}; "
                f"give it {self.describe()}"
            )

    def describe(self) -> str:
        """The data in words: ``images of 28 x 28`` or ``tables of 12 columns``."""
        if None in self.shape:
            return f"images of any size, {self.n_features} channel{'s' * (self.n_features != 1)}"
        if self.kind == "images":
            return f"images of {' x '.join(map(str, self.shape))}"
        return f"tables of {self.shape[0]} column{'s' * (self.shape[0] != 1)}"

    @property
    def typed(self) -> bool:
        """Its columns have units of their own."""
        return self.table is not None

    def network_columns(self) -> list[dict[str, Any]] | None:
        """What a network has to know of a typed table's columns, as JSON; None for other data."""
        if self.table is None:
            return None
        types = self.table.types
        offsets, scales = (np.broadcast_to(part, len(types)).tolist() for part in self.arrays().values())
        return [column.network(*place) for column, *place in zip(types, offsets, scales, strict=True)]

    def conform(self, source: AnySamples, new_categories: str = "error") -> AnySamples:
        """`source` with its categories coded as they were when the model was fitted.

        Args:
            source: With as many columns, in the same order.
            new_categories: ``"error"``, or ``"other"``: a category that was not there then is none of those known.

        Raises:
            DataError: A column is of another type, or holds a new category; the message names column and row.
        """
        now, then = source.table, self.table
        if now is None or (then is not None and now.types == then.types):
            return source
        if then is None:
            _check_plain(source)
            checked = _mapped(source.values, lambda block, start: _without_gaps(block, start, source))
            return replace(source, values=checked)  # type: ignore[type-var]  # a Source is a dataclass
        pairs = list(zip(then.types, now.types, strict=True))
        for mine, theirs in pairs:
            _check_type(mine, theirs, source.name)

        def recode(block: np.ndarray, start: int) -> np.ndarray:
            found = block.copy()
            for i, (mine, theirs) in enumerate(pairs):
                if mine.levels and mine.levels != theirs.levels:
                    found[:, i] = _recoded((found[:, i], start), mine, theirs, source.name, new_categories)
            return found

        values = _mapped(source.values, recode)
        return replace(source, values=values, table=then)  # type: ignore[type-var]

    def reading(self) -> dict[str, Any]:
        """How `open_source` has to read data of this schema: its columns, and what they and the ones left out hold."""
        return {"columns": self.columns or (), "types": None if self.table is None else self.table.kinds}

    def to_json(self) -> dict[str, Any]:
        """Everything but the two arrays, as JSON values."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "columns": None if self.columns is None else list(self.columns),
            "dtype": self.dtype,
            "scaling": self.scaling.name,
            "label_names": list(self.label_names),
            "table": None if self.table is None else self.table.to_json(),
        }

    def arrays(self) -> dict[str, np.ndarray]:
        """The two arrays, by name."""
        return {"offset": self.scaling.offset, "scale": self.scaling.scale}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], offset: np.ndarray, scale: np.ndarray) -> Schema:
        """The inverse of `to_json` and `arrays`."""
        columns = fields["columns"]
        return cls(
            kind=choice("kind", fields["kind"], ("table", "images")),
            shape=tuple(None if size is None else int(size) for size in fields["shape"]),
            columns=None if columns is None else tuple(map(str, columns)),
            dtype=str(fields["dtype"]),
            scaling=Scaling(choice("scaling", fields["scaling"], SCALINGS[1:]), offset, scale),
            label_names=tuple(map(str, fields["label_names"])),
            table=None if fields["table"] is None else Table.from_json(fields["table"]),
        )


def _mapped(values: np.ndarray, function: Callable[[np.ndarray, int], np.ndarray]) -> np.ndarray:
    """A function of rows and of the number of their first one, for all rows; of those on disk as they are read."""
    lazily = getattr(values, "mapped", None)
    return function(values, 0) if lazily is None else lazily(function)


def _check_plain(source: Samples) -> None:
    """Refuse columns of a typed table that have no meaning where an array of numbers was learned from."""
    for column in source.table.types if source.table else ():
        if not column.numeric and column.kind != "boolean":
            where = f"{source.name}: column {column.name!r}"
            raise DataError(f"{where} holds {column.kind} cells where the model was fitted on numbers; convert it")


def _without_gaps(block: np.ndarray, start: int, source: Samples) -> np.ndarray:
    """Refuse missing cells where an array was learned from, which has none."""
    for i, column in enumerate(source.table.types if source.table else ()):
        missing = np.isnan(block[:, i])
        if missing.any():
            row = start + int(missing.argmax())
            raise DataError(
                f"{source.name}: column {column.name!r}, row {row} (counted from 0) is missing where the model was "
                f"fitted on an array, which has no missing cells; fill it, or fit on a frame"
            )
    return block


def _check_type(then: Column, now: Column, name: str) -> None:
    """Refuse a column that means something else than in the data the model was fitted on."""
    where = f"{name}: column {then.name!r}"
    if _sort(then) != _sort(now):
        raise DataError(f"{where} holds {now.kind} cells where the model was fitted on {then.kind}; convert it")
    zones = ["," in column.dtype for column in (then, now)]
    if now.dtype.startswith("datetime64") and zones[0] != zones[1]:
        with_or_without = "has no time zone and had one" if zones[0] else "has a time zone and had none"
        raise DataError(f"{where} {with_or_without} when the model was fitted; use tz_localize")


def _sort(column: Column) -> str:
    return {"boolean": "coded", "category": "coded", "datetime": "time"}.get(column.kind, "numeric")


def _recoded(place: tuple[np.ndarray, int], then: Column, now: Column, name: str, new_categories: str) -> np.ndarray:
    """Codes among the levels of `now` as codes among those of `then`; `place` is the cells and their first row."""
    cells, start = place
    recoded = then.codes_of(cells, now)
    codes = np.where(np.isnan(cells), -1.0, cells).astype(np.int64)
    unknown = (recoded == -1.0) & (codes >= 0)
    # Where rare categories were not kept, nobody can tell them from new ones.
    if unknown.any() and new_categories == "error" and not then.rare:
        row = int(unknown.argmax())
        where = f"{name}: column {then.name!r}, row {start + row} (counted from 0)"
        raise DataError(
            f"{where}: category {now.levels[codes[row]]!r} was not there "
            f"when the model was fitted; correct it, or fit with {setting('new_categories', 'other')}"
        )
    return recoded
