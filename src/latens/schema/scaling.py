"""The affine map between the user's units and the model's, fitted on the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from latens.errors import ConfigError, DataError, setting
from latens.schema.statistics import Numbers, Samples, Summary, summarise

__all__ = ["SCALINGS", "Scaling", "learn_scaling", "needs_moments", "scaling_of"]

SCALINGS = ("auto", "range", "unit", "standard", "center", "magnitude", "none")


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


def learn_scaling(source: Samples, rows: Numbers, name: str) -> Scaling:
    """The scaling called `name`, or what ``"auto"`` means for the source, fitted on `rows`; NaN counts nowhere.

    Raises:
        ConfigError: It does not suit the data.
    """
    return scaling_of(source, summarise(source, rows, needs_moments(source, name)), name)


def by_range(source: Samples) -> bool:
    """Whether ``"auto"`` goes by the range of the data: images and bytes."""
    return source.table is None and (source.kind == "images" or source.dtype == np.uint8)


def needs_moments(source: Samples, name: str) -> bool:
    """Whether a scaling may have to know means and deviations."""
    return name not in ("range", "unit", "none") and not (name == "auto" and by_range(source))


def scaling_of(source: Samples, summary: Summary, name: str) -> Scaling:
    """See `learn_scaling`; of what is known of the training rows."""
    low, high = summary.extent
    unit = low >= 0.0 and high <= 1.0
    if name == "auto":
        name = "range" if by_range(source) else "unit" if unit and source.table is None else "standard"
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
        offset, scale = _fit(source, summary, name)
    if not (np.isfinite(offset).all() and np.isfinite(scale).all()):
        raise DataError(f"{source.name}: values from {low:g} to {high:g} are too large to compute with; divide them")
    if source.table is not None and mixed and offset.ndim:
        codes = np.array([column.levels != () for column in source.table.types])
        offset, scale = np.where(codes, 0.0, offset), np.where(codes, 1.0, scale)
    return Scaling(name, offset, scale)


def _fit(source: Samples, summary: Summary, scaling: str) -> tuple[np.ndarray, np.ndarray]:
    """Offset and scale of a scaling that is no longer "auto"."""
    (low, high), mean, deviation = summary.extent, summary.mean, summary.deviation
    zero, one = np.zeros(()), np.ones(())
    if scaling in ("unit", "none"):
        return zero, one
    if scaling == "range":
        return zero + low, one * ((high - low) or 1.0)
    if scaling == "standard":
        reach = np.fmax(np.abs(summary.low - mean), np.abs(summary.high - mean))
        return mean, _safe(deviation, mean, reach, source.dtype)
    offset = mean if scaling == "center" else np.zeros_like(mean)
    if low >= 0.0 and high <= 1.0:
        return offset, one
    typical = high - low if by_range(source) else float(np.sqrt(np.mean(deviation**2 + (mean - offset) ** 2)))
    return offset, one * (typical or 1.0)


def _safe(deviation: np.ndarray, mean: np.ndarray, reach: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Deviations; of a column whose spread is below what its dtype can resolve one, or what keeps its values to one."""
    resolution = 8 * np.finfo(dtype if dtype.kind == "f" else np.float64).eps
    whole = np.where(np.isfinite(reach), np.maximum(reach, 1.0), 1.0)
    return np.where(deviation <= resolution * np.abs(mean), whole, deviation)
