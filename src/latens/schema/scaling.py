"""The affine map between the user's units and the model's, fitted on the training rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from latens.errors import ConfigError, DataError, setting

if TYPE_CHECKING:
    from latens.schema.columns import Table

__all__ = ["SCALINGS", "Samples", "Scaling", "extent", "learn_scaling"]

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
    def table(self) -> Table | None: ...


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

    def apply(self, flat: np.ndarray, out: np.ndarray) -> None:  # (n, features) -> (n, features)
        """Write the model's values into `out`, contiguous: rounded once, from float64 or as if from it."""
        if flat.dtype == np.uint8 and out.dtype == np.float32 and self._of_bytes:
            # Quotients of whole numbers this small round to the same float32 from float32 as from float64.
            np.subtract(flat, np.float32(self.offset), out=out, dtype=np.float32)
            np.divide(out, np.float32(self.scale), out=out)
        else:
            np.copyto(out, (flat - self.offset) / self.scale, casting="same_kind")

    @property
    def _of_bytes(self) -> bool:
        """One offset and one scale for all, both whole numbers of at most a byte."""
        numbers = (self.offset, self.scale)
        return all(each.ndim == 0 and float(each).is_integer() and abs(each) < 256 for each in numbers)

    def undo(self, flat: np.ndarray) -> np.ndarray:  # (n, features) -> (n, features) float64
        unscaled: np.ndarray = flat * self.scale + self.offset
        return unscaled


def learn_scaling(source: Samples, rows: np.ndarray, name: str) -> Scaling:
    """The scaling called `name`, or what ``"auto"`` means for the source, fitted on `rows`; NaN counts nowhere.

    Raises:
        ConfigError: It does not suit the data.
    """
    low, high = extent(source.values, rows)
    unit = low >= 0.0 and high <= 1.0
    by_range = source.table is None and (source.kind == "images" or source.dtype == np.uint8)
    if name == "auto":
        name = "range" if by_range else "unit" if unit and source.table is None else "standard"
    mixed = source.table is not None and not source.table.numeric
    if mixed and name not in ("standard", "none"):
        raise ConfigError(
            f'scaling="{name}" has no meaning for categories and dates; use {setting("scaling", "standard")}'
        )
    if name in ("range", "none") and unit and not mixed:
        name = "unit"
    if name == "unit" and not unit:
        raise ConfigError(
            f'scaling="unit", but {source.name} spans {low:g} to {high:g}; use {setting("scaling", "range")}'
        )
    with np.errstate(over="ignore", invalid="ignore"):
        offset, scale = _fit(source.values, rows, name, (low, high), by_range)
    if not (np.isfinite(offset).all() and np.isfinite(scale).all()):
        raise DataError(f"{source.name}: values from {low:g} to {high:g} are too large to compute with; divide them")
    if source.table is not None and mixed and offset.ndim:
        codes = np.array([column.levels != () for column in source.table.types])
        offset, scale = np.where(codes, 0.0, offset), np.where(codes, 1.0, scale)
    return Scaling(name, offset, scale)


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


def extent(values: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """The least and the greatest number of some rows; NaN counts nowhere."""
    extremes = [(_least(block), -_least(-block)) for block in _blocks(values, rows)]
    low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
    return (low, high) if low <= high else (0.0, 0.0)


def _least(block: np.ndarray) -> float:
    return float(np.fmin.reduce(block, axis=None, initial=np.inf))


def _moments(values: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature in two passes: one pass loses the spread of a column far from zero."""
    present = np.maximum(sum((~np.isnan(block)).sum(axis=0) for block in _blocks(values, rows)), 1)
    mean = sum(np.nansum(block, axis=0) for block in _blocks(values, rows)) / present
    variance = sum(np.nansum((block - mean) ** 2, axis=0) for block in _blocks(values, rows)) / present
    return np.asarray(mean), np.sqrt(np.asarray(variance))
