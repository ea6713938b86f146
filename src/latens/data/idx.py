"""The idx format of MNIST: a magic number, the dimensions, the numbers, all big-endian; plain or gzipped.

The first two bytes are zero, the third is the type, the fourth the number of dimensions
(LeCun, Cortes & Burges, http://yann.lecun.com/exdb/mnist/).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np

from latens.data.arrays import array_source
from latens.data.gzipped import is_gzip, open_bytes, read_array
from latens.data.paths import is_inside
from latens.data.values import Source, check_memory
from latens.errors import DataError

__all__ = ["idx_source", "is_idx", "read_idx"]

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def is_idx(head: bytes) -> bool:
    """Whether `head`, the first bytes of a file, starts an idx file."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _TYPES and 1 <= head[3] <= 8


def read_idx(path: Path) -> np.ndarray:
    """The numbers of an idx file, in the machine's byte order.

    Raises:
        DataError: The file is no idx, is truncated, or declares another size than it has.
    """
    name = path.name
    with open_bytes(path, name) as file:
        head = file.read(4)
        if not is_idx(head):
            raise DataError(f"{name}: not an idx file (it starts with {head!r}); give an idx1 to idx4 file")
        lengths = file.read(4 * head[3])
        if len(lengths) < 4 * head[3]:
            raise DataError(f"{name}: truncated idx file, its header ends early; fetch it again")
        shape = struct.unpack(f">{head[3]}I", lengths)
        dtype = np.dtype(_TYPES[head[2]])
        declared = math.prod(shape) * dtype.itemsize
        _check_declared(path, declared, len(head) + len(lengths))
        content = read_array(file, declared)
        if len(content) < declared or file.read(1):
            more = "more" if len(content) == declared else f"{len(content):,}"
            raise DataError(f"{name}: idx shape {shape} means {declared:,} bytes and it has {more}; fetch it again")
    if not declared:
        raise DataError(f"{name}: idx shape {shape} holds nothing; give a file with data")
    return content.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _check_declared(path: Path, declared: int, header: int) -> None:
    """Believe the header only as far as the file's size allows."""
    size = path.stat().st_size
    packed = is_gzip(path)
    # Deflate cannot shrink further than 1032 to 1.
    if declared > (1032 * size if packed else size - header):
        raise DataError(
            f"{path.name}: truncated idx file, it declares {declared:,} bytes and has {size:,}; fetch it again"
        )
    check_memory(declared, path.name, size if packed else None)


def idx_source(path: Path, kind: str | None = None) -> Source:
    """Images (idx3, idx4) or a table (idx2), with the labels of the file beside it if there is one.

    ``train-images-idx3-ubyte.gz`` finds ``train-labels-idx1-ubyte.gz``.
    """
    values = read_idx(path)
    if values.ndim == 1:
        raise DataError(f"{path.name}: is a labels file (1-D, {len(values):,} numbers); give the images file beside it")
    labels = _labels_beside(path, len(values))
    return array_source(values, kind=kind, name=path.name, labels={} if labels is None else {"label": labels})


def _labels_beside(path: Path, n: int) -> np.ndarray | None:
    for dot in "-.":
        beside = path.name.replace(f"images{dot}idx3", f"labels{dot}idx1")
        if beside == path.name:
            continue
        stem = beside.removesuffix(".gz")
        for candidate in (path.with_name(beside), path.with_name(stem), path.with_name(f"{stem}.gz")):
            if is_inside(candidate, path.parent):
                labels = read_idx(candidate)
                return labels if labels.shape == (n,) else None
    return None
