"""What was learned about the data, stored in the model file: raw data in, raw units out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from latens.errors import ConfigError, DataError, choice

__all__ = ["SCALINGS", "Samples", "Scaling", "Schema"]

SCALINGS = ("auto", "range", "unit", "standard", "center", "magnitude", "none")

# Rows that are turned into float64 at a time: statistics never hold a second copy of the data.
_CHUNK = 4096


class Samples(Protocol):
    """What a schema needs to see of a source (`latens.data.Source` is one)."""

    @property
    def values(self) -> np.ndarray: ...  # (n, *shape)
    @property
    def kind(self) -> str: ...
    @property
    def shape(self) -> tuple[int | None, ...]: ...
    @property
    def dtype(self) -> np.dtype[np.generic]: ...
    @property
    def columns(self) -> tuple[str, ...] | None: ...
    @property
    def labels(self) -> Mapping[str, np.ndarray]: ...
    @property
    def name(self) -> str: ...
    @property
    def typed(self) -> bool: ...


@dataclass(frozen=True, eq=False)
class Scaling:
    r"""An affine map that takes the user's units to the model's.

    .. math:: z = (x - \text{offset}) / \text{scale}

    Args:
        name: ``range`` (to [0, 1] by the least and greatest value), ``unit`` (lies in [0, 1] as it is), ``standard``
            (each column to mean 0, deviation 1), ``center`` (each column to mean 0, all divided by one number),
            ``magnitude`` (all divided by one number) or ``none``.
        offset: float64, of shape () or (features,).
        scale: float64, of shape () or (features,), never zero.
    """

    name: str
    offset: np.ndarray
    scale: np.ndarray

    @property
    def identity(self) -> bool:
        """Values stay as they are, to the last bit."""
        return self.name in ("unit", "none")

    def apply(self, flat: np.ndarray) -> np.ndarray:  # (n, features) -> (n, features) float64
        scaled: np.ndarray = (flat - self.offset) / self.scale
        return scaled

    def undo(self, flat: np.ndarray) -> np.ndarray:  # (n, features) -> (n, features) float64
        unscaled: np.ndarray = flat * self.scale + self.offset
        return unscaled


@dataclass(frozen=True, eq=False)
class Schema:
    """The shape, names and scaling of the data a model was fitted on.

    Args:
        kind: ``"table"`` or ``"images"``.
        shape: Of one sample: ``(d,)`` for tables, ``(h, w)`` or ``(h, w, c)`` for images; None for a size that is free.
        columns: The features' names, if they have any.
        dtype: Of the values it was fitted on.
        typed: A frame, CSV or Parquet, whose columns have units of their own.
        scaling: What was fitted on the training rows.
        label_names: The columns that were carried along and not learned from.
    """

    kind: str
    shape: tuple[int | None, ...]
    columns: tuple[str, ...] | None
    dtype: str
    typed: bool
    scaling: Scaling
    label_names: tuple[str, ...] = ()

    @classmethod
    def learn(cls, source: Samples, rows: np.ndarray, scaling: str = "auto") -> Schema:
        """Fit the scaling on `rows` (the training rows, int64) of `source` and on nothing else.

        ``"auto"``: images and uint8 by their range; a 2-D array that already lies in [0, 1] stays as it is; other
        arrays and typed tables are standardised column by column.

        Raises:
            ConfigError: `scaling` is unknown, or ``"unit"`` for data outside [0, 1].
        """
        return cls(
            kind=source.kind,
            shape=source.shape,
            columns=source.columns,
            dtype=str(source.dtype),
            typed=source.typed,
            scaling=_learn_scaling(source, rows, choice("scaling", scaling, SCALINGS)),
            label_names=tuple(source.labels),
        )

    def covering(self, target: Samples, rows: np.ndarray) -> Schema:
        """The same, its range wide enough for the `rows` of what is to be predicted: a sigmoid must reach them."""
        low, high = _extent(target.values, rows) if self.bounded else (0.0, 0.0)
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

    def scale_values(self, values: np.ndarray) -> np.ndarray:  # (n, *shape) -> (n, *shape)
        """The values as the model sees them: float64 for float64 input, float32 otherwise."""
        kept = np.dtype(np.float64 if values.dtype == np.float64 else np.float32)
        if self.scaling.identity:
            return values.astype(kept, copy=False)
        return self.scaling.apply(values.reshape(len(values), -1)).astype(kept).reshape(values.shape)

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

    def to_json(self) -> dict[str, Any]:
        """Everything but the two arrays, as JSON values."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "columns": None if self.columns is None else list(self.columns),
            "dtype": self.dtype,
            "typed": self.typed,
            "scaling": self.scaling.name,
            "label_names": list(self.label_names),
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
            typed=bool(fields["typed"]),
            scaling=Scaling(choice("scaling", fields["scaling"], SCALINGS[1:]), offset, scale),
            label_names=tuple(map(str, fields["label_names"])),
        )


def _learn_scaling(source: Samples, rows: np.ndarray, name: str) -> Scaling:
    low, high = _extent(source.values, rows)
    unit = low >= 0.0 and high <= 1.0
    by_range = source.kind == "images" or source.dtype == np.uint8
    if name == "auto":
        name = "range" if by_range else "unit" if unit and not source.typed else "standard"
    if name in ("range", "none") and unit:
        name = "unit"
    if name == "unit" and not unit:
        raise ConfigError(f'scaling="unit", but {source.name} spans {low:g} to {high:g}; use scaling="range"')
    return Scaling(name, *_fit(source.values, rows, name, (low, high), by_range))


def _fit(
    values: np.ndarray, rows: np.ndarray, scaling: str, extent: tuple[float, float], by_range: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale of a scaling that is no longer "auto"."""
    low, high = extent
    zero, one = np.zeros(()), np.ones(())
    if scaling in ("unit", "none"):
        return zero, one
    if scaling == "range":
        return zero + low, one * ((high - low) or 1.0)
    mean, deviation = _moments(values, rows)
    if scaling == "standard":
        return mean, _safe(deviation, mean, values.dtype)
    offset = mean if scaling == "center" else np.zeros_like(mean)
    if low >= 0.0 and high <= 1.0:
        return offset, one
    typical = high - low if by_range else float(np.sqrt(np.mean(deviation**2 + (mean - offset) ** 2)))
    return offset, one * (typical or 1.0)


def _safe(deviation: np.ndarray, mean: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Deviations with 1 where a column's spread is below what its dtype can resolve: it is constant."""
    resolution = 8 * np.finfo(dtype if dtype.kind == "f" else np.float64).eps
    return np.where(deviation <= resolution * np.abs(mean), 1.0, deviation)


def _blocks(values: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    if values.dtype == object:  # images of different sizes: one at a time
        yield from (values[row].reshape(1, -1).astype(np.float64) for row in rows)
        return
    for start in range(0, len(rows), _CHUNK):
        block = values[rows[start : start + _CHUNK]]
        yield block.reshape(len(block), -1).astype(np.float64)


def _extent(values: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    extremes = [(float(block.min()), float(block.max())) for block in _blocks(values, rows)]
    return min(low for low, _ in extremes), max(high for _, high in extremes)


def _moments(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature in two passes: one pass loses the spread of a column far from zero."""
    mean = sum(block.sum(axis=0) for block in _blocks(values, rows)) / len(rows)
    variance = sum(((block - mean) ** 2).sum(axis=0) for block in _blocks(values, rows)) / len(rows)
    return np.asarray(mean), np.sqrt(np.asarray(variance))
