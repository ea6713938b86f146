"""Bounded reading of gzip files: what they unpack to is limited before it is held."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from latens.data.values import check_memory
from latens.errors import DataError

__all__ = ["is_gzip", "open_bytes", "read_array", "read_gzip"]

_CHUNK = 2**20


def is_gzip(path: Path) -> bool:
    """Whether the file starts as gzip does, whatever its name."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[BinaryIO]:
    """The file's content, unpacked if it is gzip; damage met while reading is a DataError."""
    try:
        if is_gzip(path):
            with gzip.open(path, "rb") as unpacked:
                yield cast(BinaryIO, unpacked)
        else:
            with path.open("rb") as file:
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name}: damaged or truncated gzip ({error}); fetch or pack it again") from error


def read_gzip(path: Path, name: str) -> bytes:
    """All of a gzip file, stopped as soon as it unpacks beyond reason."""
    packed = path.stat().st_size
    content = bytearray()
    with open_bytes(path, name) as file:
        while chunk := file.read(_CHUNK):
            content += chunk
            check_memory(len(content), name, packed)
    return bytes(content)


def read_array(file: BinaryIO, n_bytes: int) -> np.ndarray:
    """At most `n_bytes` of what follows in `file`, as uint8; fewer if it ends before."""
    buffer = np.empty(n_bytes, dtype=np.uint8)
    view = buffer.data
    filled = 0
    while filled < n_bytes:
        chunk = file.read(min(_CHUNK, n_bytes - filled))
        if not chunk:
            break
        view[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return buffer[:filled]
