"""The one door through which data comes in: `open_source`, and the split of its rows."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from latens.data.arrays import KINDS, array_source, npy_bytes, npy_source, npz_source
from latens.data.datasets import dataset_source
from latens.data.gzipped import is_gzip, open_bytes
from latens.data.idx import idx_source, is_idx
from latens.data.images import SUFFIXES, folder_source, image_source
from latens.data.kinds import Typing
from latens.data.ragged import is_ragged, ragged_source
from latens.data.tables import frame_source, is_frame, parquet_source, reorder
from latens.data.values import Labels, Source, Wanted, carry, hint, label_names
from latens.errors import ConfigError, DataError, choice, finite

__all__ = ["Source", "open_source", "split"]

_DATASET = "dataset:"
_MAGIC = {
    b"\x93NUMPY": "npy",
    b"PK\x03\x04": "npz",
    b"PK\x05\x06": "npz",
    b"PAR1": "parquet",
    b"\x89PNG": "image",
    b"\xff\xd8\xff": "image",
    b"II*\0": "image",
    b"MM\0*": "image",
}
_SUFFIX = {
    ".npy": "npy",
    ".npz": "npz",
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".csv", ".tsv"), "text"),
    **dict.fromkeys(SUFFIXES, "image"),
}
_READ = "NumPy (.npy, .npz), idx, CSV, TSV, Parquet, PNG, JPEG, TIFF, BMP, or a folder of images"


def open_source(
    data: object,
    *,
    kind: str | None = None,
    labels: Labels = None,
    array: str | None = None,
    columns: Sequence[str] | None = None,
    optional_labels: Sequence[str] = (),
    types: Mapping[str, str] | None = None,
    missing: Sequence[str] = (),
) -> Source:
    """Anything that latens reads, as checked numbers.

    Args:
        data: A Source, an array, nested lists, a list of images of different sizes, a frame, a path (file or folder),
            ``"dataset:NAME[/train|/test]"``, or ``"-"`` for CSV (or .npy) from standard input.
        kind: ``"table"`` or ``"images"``; None infers it: 2-D and typed tables, or 3-D, 4-D, image files and folders.
        labels: Columns (of an ``.npz``: arrays) to carry along by name, or an array of one label per row.
        array: Which array of an ``.npz``.
        optional_labels: Names of labels to carry along where they are there, beside those of `labels`.
        columns: The features a model was fitted on, empty if they have no names; a table with names is put into their
            order.
        types: What columns of a table hold where it should not be inferred: ``"number"``, ``"integer"``, ``"boolean"``,
            ``"category"``, ``"datetime"``, or ``"ignore"`` to leave one out.
        missing: Cells of a table's text that mean that nothing is there, beside the empty cell, NA and null.

    Raises:
        DataError: It cannot be read, or its cells cannot be learned from; the message says where.
        ConfigError: `kind` or one of `types` is unknown.

    Example:
        >>> open_source([[1.0, 2.0], [3.0, 4.0]], labels=["a", "b"]).label().tolist()
        ['a', 'b']
    """
    if kind is not None:
        choice("kind", kind, KINDS)
    if optional_labels:
        labels = Wanted(_names(labels), tuple(optional_labels))
    how = How(kind, labels, array, Typing(dict(types or {}), tuple(missing), strict=columns is None))
    source = _open(data, how)
    if kind is not None and source.kind != kind:
        raise DataError(f"{source.name}: holds {_what(source)}; leave kind={kind!r} out, or reshape an array of it")
    return source if columns is None else reorder(source, columns)


def _names(labels: Labels) -> tuple[str, ...]:
    names = () if labels is None else label_names(labels)
    if names is None:
        raise ConfigError("optional_labels goes with names in labels, not with an array of them")
    return names


def _what(source: Source) -> str:
    return "a table" if source.kind == "table" else f"images of shape {source.shape}"


@dataclass(frozen=True)
class How:
    """How the user wants something read; see `open_source`."""

    kind: str | None
    labels: Labels
    array: str | None
    typing: Typing


def _open(data: object, how: How) -> Source:
    if how.array is not None and not isinstance(data, (str, os.PathLike)):
        raise DataError(f"array={how.array!r} chooses from an .npz file; leave it out for a {type(data).__name__}")
    if isinstance(data, Source):
        return carry(data, how.labels)
    if isinstance(data, (str, os.PathLike)):
        return _open_name(os.fspath(data), how)
    if is_frame(data):
        return frame_source(data, labels=how.labels, typing=how.typing)
    if is_ragged(data):
        return carry(ragged_source(data), how.labels)
    return carry(array_source(data, kind=how.kind), how.labels)


def _open_name(name: str | bytes, how: How) -> Source:
    text = os.fsdecode(name)
    if not text:  # to a path it would be the current folder
        raise DataError("the name of the data is empty; give a file, a folder, or dataset:NAME")
    if text == "-":
        return _from_stream(sys.stdin.buffer, how)
    if text.startswith(_DATASET):
        return carry(dataset_source(text.removeprefix(_DATASET)), how.labels)
    path = Path(text)
    if not _exists(path):
        raise DataError(_not_there(path))
    try:
        return _open_path(path, how)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error}); check its permissions") from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, a NUL byte in it, a folder that may not be entered
        return False


def _not_there(path: Path) -> str:
    """The message for a path that does not exist, with the nearest name that does."""
    shown = str(path) if len(str(path)) <= 200 else f"{str(path)[:200]}…"
    try:
        beside = sorted(entry.name for entry in path.parent.iterdir()) if len(path.name) < 256 else []
    except (OSError, ValueError):
        beside = []
    near = hint(path.name, beside)
    way_out = near if near.startswith("did") else "check the path"
    return f"{shown!r}: no such file or folder; {way_out} (data sets are called dataset:NAME, see: latens datasets)"


def _open_path(path: Path, how: How) -> Source:
    kind, labels, array = how.kind, how.labels, how.array
    if path.is_dir():
        return carry(folder_source(path), labels)
    if not path.is_file():
        raise DataError(f"{path}: is neither a file nor a folder; give a file or a folder")
    form = _format(path)
    if form not in ("text", "idx") and is_gzip(path):
        raise DataError(f"{path.name}: is gzipped, which is read for CSV, TSV and idx only; unpack it with gunzip")
    if array is not None and form != "npz":
        raise DataError(f"{path.name}: array={array!r} chooses from an .npz file; leave it out")
    if form == "npz":
        return npz_source(path, kind=kind, labels=labels, array=array)
    readers: dict[str, Callable[[], Source]] = {
        "npy": lambda: carry(npy_source(path, kind), labels),
        "idx": lambda: carry(idx_source(path, kind), labels),
        "image": lambda: carry(image_source(path), labels),
        "parquet": lambda: parquet_source(path, labels=labels, typing=how.typing),
        "text": lambda: _csv(path, how),
    }
    return readers[form]()


def _format(path: Path) -> str:
    """By the first bytes; where they say nothing, by the name."""
    with open_bytes(path, path.name) as file:
        head = file.read(8)
    if not head:
        raise DataError(f"{path.name}: is empty; give a file with data")
    for magic, form in _MAGIC.items():
        if head.startswith(magic):
            return form
    if is_idx(head):
        return "idx"
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix not in _SUFFIX:
        raise DataError(f"{path.name}: not a format that latens reads; give it {_READ}")
    return _SUFFIX[suffix]


def _csv(path: Path, how: How) -> Source:
    from latens.data.text_tables import csv_source

    return csv_source(path, labels=how.labels, typing=how.typing)


def _from_stream(stream: BinaryIO, how: How) -> Source:
    """CSV, or .npy where the first bytes say so, from a pipe."""
    from latens.data.text_tables import text_source

    content = stream.read()
    if content.startswith(b"\x93NUMPY"):
        return carry(npy_bytes(content, how.kind), how.labels)
    return text_source(content, labels=how.labels, typing=how.typing)


def split(n: int, validation_fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows to train on and the rows held out, each sorted; a function of the three arguments and nothing else.

    Args:
        n: Rows there are.
        validation_fraction: Of them held out, in [0, 1): rounded, at least one row unless it is 0, and never all.
        seed: Of the permutation.

    Raises:
        DataError: There is only 1 sample.
        ConfigError: The fraction is out of range.

    Example:
        >>> train, validation = split(10, 0.2, seed=0)
        >>> len(train), len(validation)
        (8, 2)
    """
    from latens.seeds import split_order

    fraction = finite("validation_fraction", validation_fraction, at_least=0.0, at_most=1.0)
    if fraction == 1.0:
        raise ConfigError(
            "validation_fraction=1.0 is out of range; use a number below 1, or there are no rows to learn from"
        )
    if n < 2:
        raise DataError(f"{n} sample{'s' * (n != 1)} cannot be learned from; give it at least 2 rows")
    held_out = min(n - 1, max(1, round(n * fraction))) if fraction > 0 else 0
    order = split_order(n, seed)
    return np.sort(order[held_out:]), np.sort(order[:held_out])
