"""Bounded reading of zip archives: no directory and no member takes more memory than the file gives reason to.

Members are read as arrays by their names and never unpacked to a path, so that no name can lead anywhere.
"""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from latens.data.paths import open_plain, size_of
from latens.errors import DataError

__all__ = ["open_archive", "packed_size"]

# Bytes of an archive's directory: tens of thousands of members.
_MOST_DIRECTORY = 2**20
# What NumPy writes. The others unpack without any bound in zipfile.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class _Bounded(io.BufferedReader):
    """A file of which no more than a directory's size is read in one go, until the directory has been read.

    `zipfile` reads a directory whole, of the size that the file declares, and makes objects of all that is in it.
    """

    directory = True

    def read(self, size: int | None = -1) -> bytes:
        left = os.fstat(self.fileno()).st_size - self.tell()
        wanted = left if size is None or size < 0 else size
        if self.directory and wanted > _MOST_DIRECTORY:
            raise zipfile.BadZipFile(f"its directory is larger than {_MOST_DIRECTORY:,} bytes")
        return super().read(size)


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive in a plain file.

    Raises:
        DataError: It is no plain file.
        BadZipFile: It is damaged, or declares more members than anybody's arrays are.
    """
    with (
        open_plain(path) as plain,
        _Bounded(cast(io.BufferedReader, plain).raw) as file,
        zipfile.ZipFile(cast(BinaryIO, file)) as archive,
    ):
        file.directory = False
        yield archive


def packed_size(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> int:
    """Bytes that a member can be at most in the file, whatever the directory says.

    Raises:
        DataError: It is packed in a way that has no bounds.
    """
    if info.compress_type not in _METHODS:
        raise DataError(f"{name}: is packed by another method than deflate; write it again with np.savez_compressed")
    return min(info.compress_size, size_of(cast(BinaryIO, archive.fp)))
