"""What was learned about real-valued series: their columns, the units of each, and the step of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from latens.errors import ConfigError, DataError, choice
from latens.schema.items import check_fields

__all__ = ["SERIES_SCALINGS", "SeriesSchema"]

SERIES_SCALINGS = ("standard", "none")

_FIELDS = frozenset({"kind", "scaling", "columns", "step", "time", "sequence", "image"})
# What a file says beyond these is nonsense.
_MOST_COLUMNS, _LONGEST_NAME, _LARGEST_SIDE = 1 << 16, 1000, 1 << 20
# Of a column's size: a spread below it is rounding, and the column is constant.
_RESOLUTION = 8 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class SeriesSchema:
    r"""The columns of series and the affine map between their units and the model's.

    .. math:: z = (x - \text{offset}) / \text{scale}

    Args:
        offset: (d,) float64, in the units of the columns.
        scale: (d,) float64, above zero.
        scaling: ``"standard"`` (each column to mean 0, deviation 1 on the training part) or ``"none"``.
        columns: Their names; None for arrays.
        step: The regular step of time as a pandas frequency such as ``"h"``, ``"15min"`` or ``"MS"``; None if unknown.
        time: The name of the table's time column; None for an index or for arrays.
        sequence: The name of the table's column that says which series a row belongs to.
        image: (h, w) if the series are images, pixel by pixel.

    Raises:
        ConfigError: One of them is no such thing.

    Example:
        >>> schema = SeriesSchema.learn(np.array([[1.0, 5.0], [3.0, 5.0]]), columns=("load", "constant"))
        >>> schema.scale_values(np.array([[3.0, 5.0]])).tolist()
        [[1.0, 0.0]]
        >>> schema.describe()
        'series of 2 columns (load, constant)'
    """

    kind: ClassVar[str] = "series"

    offset: np.ndarray
    scale: np.ndarray
    scaling: str = "standard"
    columns: tuple[str, ...] | None = None
    step: str | None = None
    time: str | None = None
    sequence: str | None = None
    image: tuple[int, ...] | None = field(default=None)

    def __post_init__(self) -> None:
        choice("scaling", self.scaling, SERIES_SCALINGS)
        _check_units(self.offset, self.scale)
        _check_columns(self.columns, self.n_features)
        for name in ("step", "time", "sequence"):
            _check_name(name, getattr(self, name))
        _check_image(self.image)

    @classmethod
    def learn(cls, values: np.ndarray, scaling: str = "standard", **what: Any) -> SeriesSchema:
        """The schema of training values (N, d) in the user's units; see the class for what else is known of them.

        Raises:
            DataError: They are too large to compute with.
        """
        columns = values.shape[1]
        if choice("scaling", scaling, SERIES_SCALINGS) == "none":
            return cls(np.zeros(columns), np.ones(columns), scaling, **what)
        with np.errstate(over="ignore", invalid="ignore"):
            offset, spread = values.mean(axis=0), values.std(axis=0)
        if not (np.isfinite(offset).all() and np.isfinite(spread).all()):
            raise DataError(f"series: values up to {np.abs(values).max():g} are too large to compute with; divide them")
        scale = np.where(spread <= _RESOLUTION * np.abs(values).max(axis=0), 1.0, spread)
        return cls(offset, scale, scaling, **what)

    @property
    def n_features(self) -> int:
        """Values in a time step, d."""
        return len(self.offset)

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called; those of arrays by their number."""
        if self.columns is not None:
            return self.columns
        return ("value",) if self.n_features == 1 else tuple(f"value{i}" for i in range(self.n_features))

    def scale_values(self, values: np.ndarray) -> np.ndarray:  # (T, d) -> (T, d) float64
        """The user's units to the model's."""
        scaled: np.ndarray = (values - self.offset) / self.scale
        return scaled

    def unscale(self, values: np.ndarray) -> np.ndarray:  # (*, d) -> (*, d) float64
        """The model's units to the user's."""
        unscaled: np.ndarray = values * self.scale + self.offset
        return unscaled

    def arrays(self) -> dict[str, np.ndarray]:
        """What goes into a file as tensors."""
        return {"offset": self.offset, "scale": self.scale}

    def reading(self) -> dict[str, Any]:
        """How `open_source` has to read a table of this schema."""
        return {"kind": self.kind, "columns": self.columns, "time": self.time, "sequence": self.sequence}

    def describe(self) -> str:
        """In words."""
        if self.image is not None:
            return f"images of {self.image[1]} x {self.image[0]} pixels (width x height) as series"
        noun = f"{self.n_features:,} column{'s' * (self.n_features != 1)}"
        listed = "" if self.columns is None else f" ({', '.join(self.columns[:5])}{', …' * (len(self.columns) > 5)})"
        return f"series of {noun}{listed}" + (f", one step is {self.step}" if self.step else "")

    def to_json(self) -> dict[str, Any]:
        """All of it but the arrays, as JSON values."""
        return {
            "kind": self.kind,
            "scaling": self.scaling,
            "columns": None if self.columns is None else list(self.columns),
            "step": self.step,
            "time": self.time,
            "sequence": self.sequence,
            "image": None if self.image is None else list(self.image),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any], offset: np.ndarray, scale: np.ndarray) -> SeriesSchema:
        """The inverse of `to_json`; everything is checked, because a file can say anything.

        Raises:
            ConfigError: It is no such schema.
        """
        given = check_fields(fields, _FIELDS, "SeriesSchema")
        choice("kind", given.pop("kind"), (cls.kind,))
        for name in ("columns", "image"):
            if not isinstance(given[name], list | None):
                raise ConfigError(f"schema: its {name} are no list; use SeriesSchema.to_json")
            given[name] = None if given[name] is None else tuple(given[name])
        return cls(offset, scale, **given)


def _check_units(offset: np.ndarray, scale: np.ndarray) -> None:
    if offset.ndim != 1 or offset.shape != scale.shape or not 1 <= len(offset) <= _MOST_COLUMNS:
        raise ConfigError(f"offset and scale of shapes {offset.shape}, {scale.shape}; use one number for each column")
    if not (np.isfinite(offset).all() and np.isfinite(scale).all() and (scale > 0).all()):
        raise ConfigError("offset and scale: not all are finite, and scales above zero; use SeriesSchema.learn")


def _check_columns(columns: Sequence[str] | None, n: int) -> None:
    if columns is None:
        return
    for name in columns:
        _check_name("columns", name if isinstance(name, str) else b"")
    if len(columns) != n or len(set(columns)) != n:
        raise ConfigError(f"columns: {len(columns)} names for {n} columns, or one twice; use one name for each")


def _check_name(what: str, name: object) -> None:
    if name is not None and (not isinstance(name, str) or len(name) > _LONGEST_NAME):
        raise ConfigError(f"{what}={name!r:.50} is no name; use text of at most {_LONGEST_NAME:,} characters, or None")


def _check_image(image: object) -> None:
    if image is None:
        return
    sides = image if isinstance(image, tuple) else ()
    if len(sides) != 2 or not all(type(side) is int and 1 <= side <= _LARGEST_SIDE for side in sides):
        raise ConfigError(f"image={image!r:.50} is no height and width; use (h, w), or None")
