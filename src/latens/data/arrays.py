"""Arrays: NumPy, nested lists, anything with ``__array__``, ``.npy`` and ``.npz``; never pickle."""

from __future__ import annotations

import io
import math
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from latens.data.archives import open_archive, packed_size
from latens.data.finite import check_finite
from latens.data.paths import open_plain, readable, size_of
from latens.data.stored import Read, Stored, is_large, like_array
from latens.data.values import Labels, Source, among, check_memory, check_shape, hint, label_array, label_names, numeric
from latens.errors import DataError, choice, in_a_line

__all__ = ["KINDS", "array_source", "as_array", "npy_bytes", "npy_source", "npz_source"]

KINDS = ("table", "images")

_VALUES = ("X", "x", "data", "images")
_LABELS = ("y", "labels", "label")
# All that a damaged or hostile header or archive makes NumPy and zipfile raise.
_DAMAGE = (
    *(ValueError, SyntaxError, TypeError, KeyError, EOFError, OSError, zlib.error, zipfile.BadZipFile),
    *(tokenize.TokenError, NotImplementedError, RuntimeError, RecursionError, MemoryError, IndexError, OverflowError),
)


def as_array(data: object, name: str = "array") -> np.ndarray:
    """`data` as an array of whatever it holds.

    Raises:
        DataError: Sparse, masked or ragged data, or something that is no array at all.
    """
    if hasattr(data, "toarray") and hasattr(data, "tocsr"):
        raise DataError(f"{name}: sparse data is not supported; use X.toarray()")
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise DataError(
            f"{name}: {int(np.ma.getmaskarray(data).sum())} values are masked; use X.filled(0) or drop them"
        )
    try:
        array = np.asarray(data)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{name}: {_unequal(data) or error}; give an array of numbers") from error
    if array.ndim == 0 and array.dtype == object:
        raise DataError(f"{name}: a {type(data).__name__} is no data; give an array, a frame, a path or dataset:NAME")
    return array


def _unequal(data: object) -> str | None:
    if not isinstance(data, (list, tuple)):
        return None
    lengths = [len(row) if hasattr(row, "__len__") else 1 for row in data]
    other = next((row for row, length in enumerate(lengths) if length != lengths[0]), None)
    return None if other is None else f"row {other} has {lengths[other]} values where row 0 has {lengths[0]}"


def array_source(
    data: object,
    *,
    kind: str | None = None,
    labels: Mapping[str, np.ndarray] | None = None,
    name: str = "array",
) -> Source:
    """A checked Source of an array: (n, d) is a table; (n, h, w) and (n, h, w, c) are images.

    Args:
        data: The numbers; a large array that is mapped from a file stays there.
        kind: ``"table"`` or ``"images"``; None infers it.
        labels: Carried along as they are.
        name: What messages call it.

    Raises:
        DataError: See `check_shape`, `numeric`, `check_finite`; or `kind` and shape do not go together.

    Example:
        >>> array_source([[1, 2], [3, 4]]).values.dtype
        dtype('float64')
    """
    array = as_array(data, name)
    check_shape(array.shape, name)
    if isinstance(data, np.memmap) and is_large(array.size) and array.flags.c_contiguous:
        stored = _stored((array.shape, array.dtype), lambda start, stop: np.array(array[start:stop]), kind, name)
        return replace(stored, labels=dict(labels or {}))
    kind = _kind(array.shape, kind, name)
    values = numeric(array, name)
    check_finite(values, name)
    return Source(values, kind=kind, labels=dict(labels or {}), name=name)


def _kind(shape: tuple[int, ...], kind: str | None, name: str) -> str:
    n_dims = len(shape)
    if kind is not None:
        choice("kind", kind, KINDS)
    if n_dims > 4:
        raise DataError(f"{name}: {n_dims}-D of shape {shape}; use (n, d), images (n, h, w) or images (n, h, w, c)")
    if n_dims == 2:
        if kind == "images":
            raise DataError(
                f"{name}: a 2-D array of shape {shape} is no images; use X.reshape({shape[0]}, height, width)"
            )
        return "table"
    if kind == "table":
        raise DataError(f"{name}: a {n_dims}-D array of shape {shape} is no table; use X.reshape(len(X), -1)")
    if n_dims == 4 and shape[3] > 4:
        raise DataError(f"{name}: shape {shape}; channels come last, 1 to 4 of them: use np.moveaxis(X, 1, -1)")
    return "images"


def npy_source(path: Path, kind: str | None = None, stream: bool | None = None, flat: bool = False) -> Source:
    """The array of an ``.npy`` file; a large one stays on disk and is read as rows are asked for.

    Args:
        path: The file.
        kind: See `array_source`.
        stream: Whether it stays on disk; None goes by its size.
        flat: Whether it may be one series (T,), which is then read into memory as one column.
    """
    name = path.name
    with open_plain(path) as file:
        header = _check_npy(file, size_of(file), name, packed=None, held=False)
        if flat and len(header.shape) == 1:
            check_memory(math.prod(header.shape) * header.dtype.itemsize, name)
            return array_source(_npy(file, name).reshape(-1, 1), kind=kind, name=name)
        check_shape(header.shape, name)
        _kind(header.shape, kind, name)  # of more dimensions than NumPy has there is not even an empty array
        if is_large(math.prod(header.shape)) and not header.fortran if stream is None else stream:
            return _stored_npy(path, header, file.tell(), kind)
        check_memory(math.prod(header.shape) * header.dtype.itemsize, name)
        values = _npy(file, name)
    return array_source(values, kind=kind, name=name)


def _npy(file: IO[bytes], name: str) -> np.ndarray:
    """The array of a file whose header has been checked."""
    try:
        return _read_array(file)
    except _DAMAGE as error:
        if isinstance(error, MemoryError) and "allocate" in str(error):  # the header agrees with the file: it is large
            raise
        raise DataError(f"{name}: damaged .npy file ({in_a_line(error)}); write it again with np.save") from error


def _stored_npy(path: Path, header: _Header, offset: int, kind: str | None) -> Source:
    """A Source whose values stay in the file, where they begin at `offset`."""
    (shape, fortran, dtype), name = header, path.name
    if fortran:
        raise DataError(
            f"{name}: is stored column by column, and rows cannot be read from it; write it with "
            "np.save(path, np.ascontiguousarray(X)), or leave --stream (stream=True) out"
        )
    row = math.prod(shape[1:]) * dtype.itemsize

    def raw(start: int, stop: int) -> np.ndarray:
        # Into memory of its own: what is mapped from a file would count as this process's memory.
        block = np.empty((stop - start, *shape[1:]), dtype)
        with readable(path), open_plain(path) as file:
            file.seek(offset + start * row)
            if file.readinto(block.reshape(-1).view(np.uint8)) != block.nbytes:  # type: ignore[attr-defined]
                raise DataError(f"{name}: ends before row {stop} of {shape[0]}; write it again")
        return block

    return _stored((shape, dtype), raw, kind, name)


def _stored(form: tuple[tuple[int, ...], np.dtype[Any]], raw: Read, kind: str | None, name: str) -> Source:
    """A Source of numbers of a shape and dtype that `raw` reads from disk."""
    shape, dtype = form

    def read(start: int, stop: int) -> np.ndarray:
        values = numeric(raw(start, stop), name)
        check_finite(values, name, start)
        return values

    kept = numeric(np.empty((0, *shape[1:]), dtype), name).dtype
    return Source(like_array(Stored(shape, kept, read, name)), kind=_kind(shape, kind, name), name=name)


def npy_bytes(content: bytes, kind: str | None = None, name: str = "stdin") -> Source:
    """The array of an ``.npy`` that is in memory already, from a pipe."""
    file = io.BytesIO(content)
    _check_npy(file, len(content), name, packed=None)
    return array_source(_npy(file, name), kind=kind, name=name)


@contextmanager
def _quiet() -> Iterator[None]:
    """NumPy warns of headers that Python 2 may have written, and Python of odd escapes in them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _read_array(file: IO[bytes]) -> np.ndarray:
    """All of a file whose header has been checked."""
    file.seek(0)
    with _quiet():
        return np.asarray(np.lib.format.read_array(file, allow_pickle=False))


class _Header(NamedTuple):
    """What an ``.npy`` says of itself."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]


def _check_npy(file: IO[bytes], size: int, name: str, packed: int | None, held: bool = True) -> _Header:
    """The header, believed only as far as `size`, the bytes there are, allows; the file stands behind it.

    With `held` all of it has to fit into memory.
    """
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        with _quiet():
            shape, fortran, dtype = read(file)
    except _DAMAGE as error:
        raise DataError(f"{name}: damaged or no .npy data ({in_a_line(error)}); write it again with np.save") from error
    if dtype.hasobject:
        raise DataError(f"{name}: holds pickled objects, which are never loaded; save it as an array of numbers")
    declared = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or declared > size - file.tell():
        there = max(0, size - file.tell())
        raise DataError(
            f"{name}: truncated, shape {shape} means {declared:,} bytes and it has {there:,}; write it again"
        )
    if held:
        check_memory(declared, name, packed)
    return _Header(shape, fortran, dtype)


def npz_source(path: Path, *, kind: str | None = None, labels: Labels = None, array: str | None = None) -> Source:
    """One array of an ``.npz`` archive and the 1-D arrays beside it that are its labels.

    Args:
        path: The archive.
        kind: See `array_source`.
        labels: Names of arrays to carry; None takes `y`, `labels` and `label` where they fit. Or the labels themselves.
        array: The array to read; None takes `X`, `x`, `data` or `images`, or the only one.
    """
    try:
        with open_archive(path) as archive:
            return _from_archive(archive, path.name, kind, labels, array)
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(
            f"{path.name}: damaged or truncated .npz file ({in_a_line(error)}); write it again with np.savez"
        ) from error


def _from_archive(archive: zipfile.ZipFile, name: str, kind: str | None, labels: Labels, array: str | None) -> Source:
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    chosen = _chosen(list(members), array, name)
    source = array_source(_member(archive, members[chosen], name), kind=kind, name=name)
    labels = among(labels, members)
    names = label_names(labels)
    if names is None:
        carried = {"label": label_array(labels, len(source), name)}
    elif labels is None:
        carried = _usual_labels(archive, members, name, len(source))
    else:
        carried = {label: _label(archive, members, name, label, len(source)) for label in names}
    return Source(source.values, source.kind, labels=carried, name=name)


def _chosen(names: list[str], array: str | None, name: str) -> str:
    if array is not None:
        if array not in names:
            raise DataError(f"{name}: array={array!r} is not in it; {hint(array, names)}")
        return array
    usual = [candidate for candidate in _VALUES if candidate in names]
    others = [candidate for candidate in names if candidate not in _LABELS]
    if usual or len(others) == 1:
        return (usual or others)[0]
    raise DataError(
        f"{name}: holds the arrays {', '.join(names) or '(none)'}; choose one with array=NAME (--array NAME)"
    )


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> np.ndarray:
    place = f"{name}: {info.filename.removesuffix('.npy')}"
    packed = packed_size(archive, info, place)
    with archive.open(info) as file:
        _check_npy(file, info.file_size, place, packed)
        return _read_array(file)


def _label(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, label: str, n: int
) -> np.ndarray:
    if label not in members:
        raise DataError(f"{name}: labels={label!r} is not in it; {hint(label, members)}")
    return label_array(_member(archive, members[label], name), n, f"{name}: {label}")


def _usual_labels(
    archive: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str, n: int
) -> dict[str, np.ndarray]:
    carried = {}
    for label in _LABELS:
        if label in members:
            try:
                values = _member(archive, members[label], name)
            except DataError:
                continue  # nobody asked for it
            if values.shape in ((n,), (n, 1)):
                carried[label] = values.reshape(n)
    return carried
