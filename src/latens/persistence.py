"""One file = safetensors + strict JSON, written so that it is there whole or not at all; never pickle.

A model file or checkpoint is a plain safetensors file. Its JSON is ``__metadata__["latens"]`` and holds a digest over
the rest of the JSON and over every tensor's name, dtype, shape and bytes. Writing is hash, fsync, rename, directory
fsync. Reading checks the declared sizes, then the JSON, then what the caller's `expect` demands, before it reads a
tensor.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from latens.errors import ModelFileError, OutputError

__all__ = [
    "FORMAT",
    "ModelFile",
    "TensorInfo",
    "atomic_path",
    "describe",
    "read",
    "read_header",
    "remove_leftovers",
    "tensor_infos",
    "write",
]

# Raised when an older latens could not read what this one writes.
FORMAT = 1

_HEADER_LIMIT = 4 << 20
_TENSOR_LIMIT = 10_000
# Lists and objects, which in memory are up to a hundred times as large as in JSON.
_BRACKET_LIMIT = 200_000
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
_CODES = {dtype: code for code, dtype in _DTYPES.items()}

TensorInfo = Mapping[str, tuple[str, tuple[int, ...]]]


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What is in a file: a JSON header and named tensors."""

    header: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def write(path: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a model file; at every moment the path holds the old file or the new one.

    Raises:
        OutputError: The path cannot be written; nothing is left behind.
        ModelFileError: The header holds what JSON cannot, for example NaN.
    """
    # Cloned where memory is shared or strided: a file's tensors own their bytes.
    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    full = {"format": FORMAT, **header}
    full["digest"] = _digest(full, owned)
    with atomic_path(path) as temporary:
        temporary.touch()  # safetensors makes a file that only its owner can read, whatever the umask
        permissions = temporary.stat().st_mode
        save_file(owned, temporary, metadata={"latens": _dumps(full)})
        temporary.chmod(permissions)


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well, and is removed otherwise."""
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{target}: cannot be written ({_reason(error)}); choose another path") from error
    finally:
        with suppress(OSError):  # a name that cannot be written cannot be removed either; what went wrong is told above
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove what processes that were killed had not finished to write; for whoever owns the folder or the file.

    Args:
        folder: Where.
        name: Of the file that they were to become; None for all.
    """
    named = re.compile(rf"\.{'.*' if name is None else re.escape(name)}\.\d+\.tmp")
    with suppress(OSError):  # what cannot be removed is no reason to do nothing
        for path in [path for path in folder.iterdir() if named.fullmatch(path.name)]:
            path.unlink(missing_ok=True)


def read(path: str | Path, expect: Callable[[Mapping[str, Any], TensorInfo], None] | None = None) -> ModelFile:
    """Read a model file whole.

    Args:
        path: The file.
        expect: Called with the header and the tensors' dtypes and shapes before any tensor is read; it raises
            `ModelFileError` for what should not be there.

    Raises:
        ModelFileError: The file is missing, truncated, foreign, altered, or from a newer latens.
    """
    header = read_header(path)
    infos = tensor_infos(path)
    if expect is not None:
        expect(header, infos)
    with _readable(path), safe_open(path, framework="pt") as file:
        # Cloned: a file's bytes start anywhere, and arithmetic on unaligned memory may round differently.
        tensors = {name: file.get_tensor(name).clone() for name in infos}
    if header.get("digest") != _digest({key: header[key] for key in header if key != "digest"}, tensors):
        raise ModelFileError(f"{path}: its contents do not match its digest (damaged or altered); take another copy")
    return ModelFile(header, tensors)


def read_header(path: str | Path) -> dict[str, Any]:
    """The JSON of a model file; no tensor is read.

    Raises:
        ModelFileError: As for `read`.
    """
    metadata = _raw_header(path).get("__metadata__", {})
    text = metadata.get("latens") if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise ModelFileError(f"{path}: a safetensors file, but not one of latens; give it a file that latens saved")
    try:
        header = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path}: its latens header is damaged ({error}); take another copy") from error
    # True is an int, and no format.
    if not isinstance(header, dict) or type(header.get("format")) is not int or header["format"] < 1:
        raise ModelFileError(f"{path}: its latens header names no format; take another copy")
    if header["format"] > FORMAT:
        raise ModelFileError(
            f"{path}: format {header['format']} is newer than this latens reads ({FORMAT}); upgrade latens"
        )
    return header


def tensor_infos(path: str | Path) -> TensorInfo:
    """The dtype and shape of every tensor in a file, by name; no tensor is read."""
    entries = {name: entry for name, entry in _raw_header(path).items() if name != "__metadata__"}
    if len(entries) > _TENSOR_LIMIT:
        raise ModelFileError(f"{path}: {len(entries)} tensors exceed the limit of {_TENSOR_LIMIT}; not a latens file")
    return {name: _tensor_info(path, name, entry) for name, entry in entries.items()}


def _tensor_info(path: str | Path, name: str, entry: object) -> tuple[str, tuple[int, ...]]:
    dtype, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else (None, None)
    if not isinstance(dtype, str) or not isinstance(shape, list) or any(type(size) is not int for size in shape):
        raise ModelFileError(f"{path}: tensor {name!r} is not described; take another copy")
    if dtype not in _DTYPES or any(size < 0 for size in shape):
        raise ModelFileError(f"{path}: tensor {name!r} has dtype {dtype!r}, shape {shape}; not a latens file")
    return dtype, tuple(shape)


def describe(tensors: Mapping[str, Tensor]) -> TensorInfo:
    """The `TensorInfo` that a file of these tensors would have."""
    return {name: (_CODES[tensor.dtype], tuple(tensor.shape)) for name, tensor in tensors.items()}


def _raw_header(path: str | Path) -> dict[str, Any]:
    """The safetensors header, its declared length checked against a limit and the file before it is read."""
    with _readable(path), open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_HEADER_LIMIT, size - 8):
            raise ModelFileError(f"{path}: not a model file, or truncated ({size} bytes); give it a file latens saved")
        text = file.read(length)
        if text.count(b"[") + text.count(b"{") > _BRACKET_LIMIT:
            raise ModelFileError(f"{path}: its header holds more than {_BRACKET_LIMIT:,} lists; not a latens file")
        try:
            header = json.loads(text)
        except (ValueError, RecursionError):
            raise ModelFileError(
                f"{path}: not a model file (no safetensors header); give it one latens saved"
            ) from None
    if not isinstance(header, dict):
        raise ModelFileError(f"{path}: not a model file (its header is no object); give it a file latens saved")
    return header


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise ModelFileError(f"{path}: no such file; name a model file that latens saved") from None
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({_reason(error)})") from error
    except SafetensorError as error:
        raise ModelFileError(f"{path}: damaged or truncated ({error}); take another copy") from error


def _digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256(_dumps(header).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(_dumps([name, _CODES[tensor.dtype], list(tensor.shape)]).encode())
        if tensor.numel():  # nothing has no bytes, and no stride to view them by
            sha.update(tensor.flatten().view(torch.uint8).numpy().data)
    return sha.hexdigest()


def _dumps(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"a model file's header must be strict JSON: {error}") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not strict JSON")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
