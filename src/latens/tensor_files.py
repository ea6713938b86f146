"""Reading safetensors files that somebody sends: what a file declares is checked before anything of that size is made.

The library `safetensors` writes them. It reads by mapping a file into memory, where a file that shrinks meanwhile is a
crash, and takes up to 100 MB of names and shapes; here a file is opened once and read piece by piece.
"""

from __future__ import annotations

import io
import json
import math
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latens.errors import ModelFileError, is_out_of_memory

__all__ = ["CODES", "HEADER_LIMIT", "TENSOR_LIMIT", "TensorFile", "TensorInfo", "opened", "strict_json"]

HEADER_LIMIT = 1 << 20
TENSOR_LIMIT = 10_000
# Lists and objects, which in memory are up to a hundred times as large as in JSON.
_BRACKET_LIMIT = 200_000
_MOST_DIMENSIONS, _LONGEST_SIDE = 8, 1 << 62
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
CODES = {dtype: code for code, dtype in _DTYPES.items()}

TensorInfo = Mapping[str, tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class _Place:
    """Where in a file a tensor is, from the end of the header on."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class TensorFile:
    """An open file: its metadata, what its tensors are, and any of them. Made by `opened`."""

    def __init__(self, path: str | Path, file: io.BufferedReader) -> None:
        self.path, self._file = path, file
        size = os.fstat(file.fileno()).st_size
        header = _header(path, file, size)
        self.metadata: Any = header.pop("__metadata__", {})
        if len(header) > TENSOR_LIMIT:
            raise ModelFileError(f"{path}: {len(header)} tensors exceed the limit of {TENSOR_LIMIT}; not a latens file")
        self._start = file.tell()
        self._places = {name: _place(path, name, entry) for name, entry in header.items()}
        self._check_places(size - self._start)

    @property
    def infos(self) -> TensorInfo:
        """The dtype and shape of every tensor, by name."""
        return {name: (place.dtype, place.shape) for name, place in self._places.items()}

    def _check_places(self, size: int) -> None:
        """One after the other from the first byte to the last: nothing lies between them, and no two share memory."""
        end = 0
        for name, place in sorted(self._places.items(), key=lambda item: (item[1].begin, item[1].end)):
            bytes_each = torch.empty((), dtype=_DTYPES[place.dtype]).element_size()
            if place.begin != end or place.end - place.begin != math.prod(place.shape) * bytes_each:
                raise ModelFileError(f"{self.path}: damaged (tensor {name!r:.100} is not where it is to be)")
            end = place.end
        if end != size:
            raise ModelFileError(f"{self.path}: damaged or truncated ({end} bytes of tensors, not {size})")

    def read(self, name: str) -> Tensor:
        """A tensor, in memory of its own."""
        place = self._places[name]
        try:
            tensor = torch.empty(place.shape, dtype=_DTYPES[place.dtype])
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise ModelFileError(f"{self.path}: {place.end} bytes of tensors do not fit into memory") from error
        if tensor.numel():  # nothing has no bytes to view
            self._fill(name, tensor.view(-1).view(torch.uint8), place)
        return tensor

    def _fill(self, name: str, content: Tensor, place: _Place) -> None:
        self._file.seek(self._start + place.begin)
        if self._file.readinto(content.numpy().data) != len(content):
            raise ModelFileError(f"{self.path}: damaged or truncated (tensor {name!r:.100} ends early)")
        if place.dtype == "BOOL" and int(content.max()) > 1:
            raise ModelFileError(f"{self.path}: damaged (tensor {name!r:.100} holds what is neither true nor false)")


@contextmanager
def opened(path: str | Path) -> Iterator[TensorFile]:
    """A file for reading, its names and shapes checked.

    Raises:
        ModelFileError: It is missing, no file of tensors, or its parts do not fit together.
    """
    try:
        # A pipe of that name would otherwise be waited for.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ModelFileError(f"{path}: cannot be read (not a regular file); give it a file latens saved")
            yield TensorFile(path, file)
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file; name a model file that latens saved") from None
    except IsADirectoryError:
        raise ModelFileError(f"{path}: cannot be read (a folder); name a model file that latens saved") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror or error})") from error


def _header(path: str | Path, file: io.BufferedReader, size: int) -> dict[str, Any]:
    """Its declared length checked against a limit and the file before it is read."""
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= size - 8:
        raise ModelFileError(f"{path}: not a model file, or truncated ({size} bytes); give it a file latens saved")
    if length > HEADER_LIMIT:
        raise ModelFileError(f"{path}: not a model file (a header of {length} bytes); give it a file latens saved")
    try:
        header = strict_json(path, file.read(length))
    except (ValueError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: not a model file (no safetensors header); give it one latens saved") from None
    if not isinstance(header, dict):
        raise ModelFileError(f"{path}: not a model file (its header is no object); give it a file latens saved")
    return header


def strict_json(path: str | Path, text: bytes) -> Any:
    """JSON in UTF-8, without NaN, without a name twice, and of no more parts than fit into little memory.

    Raises:
        ModelFileError: It has more parts.
        ValueError, RecursionError: It is no such JSON.
    """
    if text.count(b"[") + text.count(b"{") > _BRACKET_LIMIT:
        raise ModelFileError(f"{path}: its header holds more than {_BRACKET_LIMIT:,} lists; not a latens file")
    # Decoded here: json would take UTF-16 and UTF-32 as well.
    return json.loads(text.decode(), parse_constant=_no_constant, object_pairs_hook=_each_once)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not strict JSON")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _place(path: str | Path, name: str, entry: object) -> _Place:
    known = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = known.get("dtype"), _sizes(known.get("shape")), _sizes(known.get("data_offsets"))
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:
        raise ModelFileError(f"{path}: tensor {name!r:.100} is not described; take another copy")
    if dtype not in _DTYPES or len(shape) > _MOST_DIMENSIONS:
        raise ModelFileError(f"{path}: tensor {name!r:.100} has dtype {dtype!r:.20}, shape {shape!r:.100}; not ours")
    return _Place(dtype, shape, *offsets)


def _sizes(numbers: object) -> tuple[int, ...] | None:
    if not isinstance(numbers, list) or not all(type(size) is int and 0 <= size < _LONGEST_SIDE for size in numbers):
        return None
    return tuple(numbers)
