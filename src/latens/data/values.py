"""A Source: checked numbers with what is carried along, and the checks that every reader shares.

Rows of arrays, frames and Parquet files are counted from 0, as NumPy and pandas count them; a message that names one
says so. Only the rows of a text file (CSV, TSV) are counted from 1, without the header, and are called "data row".
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Protocol, TypeAlias, TypeVar

import numpy as np

from latens.data.finite import place
from latens.data.stored import Stored
from latens.errors import DataError, LatensError
from latens.schema import Table

__all__ = [
    "Labels",
    "NotNumbers",
    "Source",
    "Wanted",
    "among",
    "carry",
    "check_memory",
    "check_shape",
    "check_unpacked",
    "hint",
    "numeric",
    "physical_memory",
]


_GIB = 2**30
# Real data rarely shrinks more than this; deflate's own limit is about 1,030. What stays small is no bomb, however
# little it was: a bomb has to be known for one before it takes 256 MiB.
_MOST_SHRUNK, _SMALL = 200, 2**27


@dataclass(frozen=True)
class Wanted:
    """Names of labels to carry: some that must be there, and some only where they are."""

    required: tuple[str, ...]
    optional: tuple[str, ...]


Asked: TypeAlias = str | Sequence[str] | np.ndarray | None
Labels: TypeAlias = Asked | Wanted


class NotNumbers(LatensError, ValueError, TypeError):
    """An object that no number can be made of: a ValueError like a DataError, a TypeError like scikit-learn's."""


@dataclass(frozen=True, eq=False)
class Source:
    """Samples in the user's own units, checked: only finite numbers, at least one row and one feature.

    In a typed table NaN is a missing value, and cells of categories and times are numbers as `Column` says.

    Args:
        values: (n, *shape), uint8, float32 or float64, C-contiguous or memory-mapped; for images of different sizes
            (n,) of dtype object, each an array (h, w) or (h, w, c) of one dtype. Where they stay on disk, a `Stored`:
            it has len, shape, ndim and dtype, and gives blocks of rows, ``values[start:stop]`` or ``values[rows]``.
        kind: ``"table"`` with shape (d,), or ``"images"`` with shape (h, w) or (h, w, c).
        columns: The features' names, if the table has them.
        labels: Carried columns by name, each (n,); never learned from.
        ids: (n,) names of the rows: image paths, the index of a frame.
        name: What messages call it.
        table: Of a frame, CSV, TSV or Parquet what its columns hold; ``scaling="auto"`` standardises them one by one.
        groups: (g + 1,) int64, where the row groups of Parquet files begin and the last one ends; orders go by them.

    Example:
        >>> Source(np.zeros((5, 3))).take(np.array([0, 4])).values.shape
        (2, 3)
    """

    values: np.ndarray
    kind: str = "table"
    columns: tuple[str, ...] | None = None
    labels: Mapping[str, np.ndarray] = field(default_factory=dict)
    ids: np.ndarray | None = None
    name: str = "array"
    table: Table | None = None
    groups: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def streamed(self) -> bool:
        """Its values stay on disk; they are checked as they are read, and labels and ids may be on disk, too."""
        return isinstance(self.values, Stored)

    def in_memory(self) -> Source:
        """The same, read into memory.

        Raises:
            DataError: It does not fit, or its values are no finite numbers.
        """
        if not self.streamed:
            return self
        check_memory(math.prod(self.values.shape) * self.values.dtype.itemsize, self.name)
        labels = {name: np.asarray(column) for name, column in self.labels.items()}
        ids = None if self.ids is None else np.asarray(self.ids)
        return replace(self, values=np.asarray(self.values), labels=labels, ids=ids)

    @property
    def typed(self) -> bool:
        """Its columns have units of their own."""
        return self.table is not None

    @property
    def ragged(self) -> bool:
        """Images of different sizes."""
        return self.values.dtype == object

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of one sample, with None for the height and width of images of different sizes."""
        return (None, None, *self.values[0].shape[2:]) if self.ragged else tuple(self.values.shape[1:])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Of the numbers."""
        return np.dtype(self.values[0].dtype if self.ragged else self.values.dtype)

    @property
    def n_features(self) -> int:
        """Numbers in one sample, the largest one if they differ."""
        return max(image.size for image in self.values) if self.ragged else math.prod(self.values.shape[1:])

    def one_size(self, way_out: str = "resize or crop them to one size, or use ConvAutoencoder") -> Source:
        """Itself, for who needs samples of one shape.

        Args:
            way_out: What to say to who has other images.

        Raises:
            DataError: The images differ in size; the message names two.
        """
        shapes = [image.shape for image in self.values] if self.ragged else []
        other = next((row for row, shape in enumerate(shapes) if shape != shapes[0]), None)
        if other is not None:
            raise DataError(
                f"{self.name}: images of different sizes: {self.describe_image(0)}, {self.describe_image(other)} "
                f"(width x height); {way_out}"
            )
        return replace(self, values=np.stack(list(self.values))) if shapes else self

    def describe_image(self, row: int) -> str:
        """``page.png is 540 x 420``: its id or its number, width and height."""
        name = f"image {row}" if self.ids is None else self.ids[row]
        height, width = self.values[row].shape[:2]
        return f"{name} is {width} x {height}"

    def take(self, rows: np.ndarray) -> Source:
        """The given rows (integers or a mask) with everything that is carried along."""
        return replace(
            self,
            values=np.ascontiguousarray(self.values[rows]),
            labels={name: column[rows] for name, column in self.labels.items()},
            ids=None if self.ids is None else self.ids[rows],
            groups=None,
        )

    def label(self) -> np.ndarray | None:
        """The first label column, or None."""
        return next(iter(self.labels.values()), None)


def hint(value: str, names: Iterable[str]) -> str:
    """The way out of a misspelt name: ``did you mean 'X'?`` or the names there are.

    Example:
        >>> hint("pric", ["price", "rooms"])
        "did you mean 'price'?"
    """
    known = [str(name) for name in names]
    near = get_close_matches(value, known, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    listed = ", ".join(known[:12]) + ", …" * (len(known) > 12)
    return f"it has {listed}" if known else "it has none"


class Labelled(Protocol):
    """What carries labels: a source of any kind, which is a frozen dataclass."""

    @property
    def labels(self) -> Mapping[str, np.ndarray]:
        """Carried columns by name, each (n,)."""

    @property
    def name(self) -> str:
        """What messages call it."""

    def __len__(self) -> int: ...


AnyLabelled = TypeVar("AnyLabelled", bound=Labelled)


def carry(source: AnyLabelled, labels: Labels) -> AnyLabelled:
    """`source` with the label columns that were asked for: its own by name, or an array of one label per row.

    Raises:
        DataError: A name that the source does not carry, or labels of another length.
    """
    asked = among(labels, source.labels)
    if asked is None:
        return source
    names = label_names(asked)
    # One text label per row looks like a list of names; it is one only where it can be.
    per_row = not isinstance(asked, str) and len(asked) == len(source)
    if names is None or (per_row and not set(names) <= set(source.labels)):
        return _with_labels(source, {"label": label_array(asked, len(source), source.name)})
    for name in names:
        if name not in source.labels:
            way_out = hint(name, source.labels) if source.labels else f"give an array of {len(source)} labels"
            raise DataError(f"{source.name}: labels={name!r} is not carried by it; {way_out}")
    return _with_labels(source, {name: source.labels[name] for name in names})


def _with_labels(source: AnyLabelled, labels: dict[str, np.ndarray]) -> AnyLabelled:
    return replace(source, labels=labels)  # type: ignore[type-var]  # a source is a dataclass


def among(labels: Labels, names: Iterable[str]) -> Asked:
    """`labels` with the optional ones among `names` only; None if that leaves nothing to ask for."""
    if not isinstance(labels, Wanted):
        return labels
    there = set(names)
    return labels.required + tuple(name for name in labels.optional if name in there) or None


def label_names(labels: Labels) -> tuple[str, ...] | None:
    """The names in `labels`, or None if it holds the labels themselves."""
    if labels is None:
        return ()
    if isinstance(labels, str):
        return (labels,)
    if isinstance(labels, (list, tuple)) and all(isinstance(name, str) for name in labels):
        return tuple(labels)
    return None


def label_array(labels: object, n: int, name: str) -> np.ndarray:
    """`labels` as an array of one per row."""
    array = np.asarray(labels)
    if array.shape != (n,):
        raise DataError(f"{name}: labels of shape {array.shape} for {n} rows; give one label per row, of shape ({n},)")
    return array


def check_shape(shape: tuple[int, ...], name: str) -> None:
    """Refuse data without a row, a feature, or two dimensions."""
    if len(shape) < 2:
        raise DataError(
            f"{name}: expected a 2-D array, got {len(shape)}-D of shape {shape}. Reshape your data: "
            "X.reshape(-1, 1) if it has a single feature, X.reshape(1, -1) if it is a single sample"
        )
    if shape[0] == 0:
        raise DataError(f"{name}: 0 sample(s) (shape={shape}) while a minimum of 1 is required; give it some rows")
    if 0 in shape[1:]:
        raise DataError(f"{name}: 0 feature(s) (shape={shape}) while a minimum of 1 is required.")


def numeric(values: np.ndarray, name: str) -> np.ndarray:
    """`values` as C-contiguous uint8, float32 or float64 in the machine's byte order; no copy if it is that already.

    Raises:
        DataError: Complex numbers, text, dates, records.
        NotNumbers: Objects that are no numbers.
    """
    kind = values.dtype.kind
    if kind == "c":
        raise DataError(f"{name}: Complex data not supported; give its parts: np.stack([X.real, X.imag], axis=-1)")
    if kind == "O":
        values = _from_objects(values, name)
    elif kind not in "biuf":
        what = {"U": "text", "S": "bytes", "T": "text", "M": "dates", "m": "time spans"}.get(kind, "records")
        raise DataError(
            f"{name}: holds {what} ({values.dtype}), not numbers; use X.astype(float) where that has a meaning"
        )
    return np.ascontiguousarray(values, dtype=stored_dtype(values.dtype))


def stored_dtype(dtype: np.dtype) -> np.dtype:
    """What numbers of `dtype` are kept as: uint8 and float32 as they are, float16 as float32, the rest as float64."""
    if dtype == np.uint8:
        return np.dtype(np.uint8)
    return np.dtype(np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)


def _from_objects(values: np.ndarray, name: str) -> np.ndarray:
    try:
        if not any(isinstance(value, (str, bytes)) for value in values.flat):
            return values.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        pass  # looked up below, where its place is known
    for flat, value in enumerate(values.flat):
        _check_object(value, f"{name}: {place(np.unravel_index(flat, values.shape))}")
    raise DataError(f"{name}: its objects cannot be made into numbers; use X.astype(float)")


def _check_object(value: object, where: str) -> None:
    if isinstance(value, (str, bytes)):
        raise DataError(f"{where}: {value!r} is not a number but text; use X.astype(float) if all of it is numbers")
    try:
        np.asarray([value], dtype=object).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotNumbers(f"{where}: {error}; give numbers only") from error


def check_memory(needed: int, name: str, packed: int | None = None) -> None:
    """Refuse what this machine cannot hold, and what a small file unpacks to beyond all reason.

    Args:
        needed: Bytes once read.
        name: What messages call the file.
        packed: Bytes of the compressed file, if it is one.
    """
    memory = physical_memory()
    if needed > memory:
        raise DataError(f"{name}: needs {_size(needed)} where this machine has {_size(memory)}; give it fewer rows")
    if packed is not None:
        check_unpacked(needed, name, packed)


def check_unpacked(needed: int, name: str, packed: int) -> None:
    """Refuse what a small file unpacks to beyond all reason; see `check_memory`."""
    if needed > max(_SMALL, _MOST_SHRUNK * packed):
        raise DataError(
            f"{name}: {_size(packed)} that unpack to {_size(needed)} or more look like a decompression bomb; "
            "unpack it yourself if you trust it"
        )


def physical_memory() -> int:
    """Bytes of memory that this machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not a POSIX system
        return 16 * _GIB


def _size(n: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n < 1024:
            return f"{n:.3g} {unit}" if unit != "bytes" else f"{n:.0f} bytes"
        n /= 1024
    return f"{n:,.0f} TiB"
