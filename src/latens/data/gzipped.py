"""Bounded reading of gzip files: what they unpack to is limited before it is held."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from latens.data.paths import open_plain
from latens.data.values import check_memory, check_unpacked
from latens.errors import DataError

__all__ = ["is_gzip", "open_bytes", "read_array", "read_gzip"]

_CHUNK = 2**20
_MAGIC = b"\x1f\x8b"


def is_gzip(path: Path) -> bool:
    """Whether the file starts as gzip does, whatever its name."""
    with open_plain(path) as file:
        return file.read(2) == _MAGIC


@contextmanager
def open_bytes(path: Path, name: str) -> Iterator[BinaryIO]:
    """The file's content, unpacked if it is gzip; damage met while reading is a DataError.

    A gzip file says nothing of its size that could be believed. So what was unpacked is held against what was read for
    it, block by block: a bomb is known by its first 128 MiB, however many there are to come.
    """
    try:
        with open_plain(path) as file:
            packed = file.read(2) == _MAGIC
            file.seek(0)
            yield cast(BinaryIO, _Unpacked(file, name)) if packed else file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{name}: damaged or truncated gzip ({error}); fetch or pack it again") from error


class _Unpacked(gzip.GzipFile):
    """A gzip file that is read only as long as it unpacks within reason.

    Args:
        file: The packed bytes.
        name: What messages call it.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._packed, self._called = file, name

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_CHUNK), b""))
        content = super().read(size)
        check_unpacked(self.tell(), self._called, self._packed.tell())
        return content


def read_gzip(path: Path, name: str) -> bytes:
    """All of a gzip file, stopped as soon as it unpacks beyond reason, or beyond this machine's memory."""
    content = bytearray()
    with open_bytes(path, name) as file:
        while chunk := file.read(_CHUNK):
            content += chunk
            check_memory(len(content), name)
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
