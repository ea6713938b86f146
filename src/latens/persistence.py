"""One file = safetensors + strict JSON, written so that it is there whole or not at all; never pickle.

A model file or checkpoint is a plain safetensors file. Its JSON is ``__metadata__["latens"]`` and holds a digest over
the rest of the JSON and over every tensor's name, dtype, shape and bytes. JSON that is long, as that of a vocabulary of
a hundred thousand items or of a table of ten thousand columns is, stands in a tensor of bytes (format 2), because the
header of a file is read before anything in it is known. Writing is hash, fsync, rename, directory fsync. Reading checks
the declared sizes, then the JSON, then what the caller's `expect` demands, before it reads a tensor.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from latens.errors import ConfigError, ModelFileError, OutputError
from latens.tensor_files import CODES, HEADER_LIMIT, TENSOR_LIMIT, TensorFile, TensorInfo, opened, strict_json

__all__ = [
    "FORMAT",
    "ModelFile",
    "TensorInfo",
    "atomic_path",
    "check_size",
    "describe",
    "read",
    "read_header",
    "remove_leftovers",
    "write",
]

# Raised when an older latens could not read what this one writes; a file that an older one can read says 1.
FORMAT = 2

# JSON of up to this length stands in the header itself, where each of its quotes takes two bytes.
_SHORT = 64 << 10
# In memory JSON can be fifteen times as large as in the file.
_LONGEST = 4 << 20
_LONG = "latens.header"


@dataclass(frozen=True, eq=False)
class ModelFile:
    """What is in a file: a JSON header and named tensors."""

    header: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def write(path: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Write a model file; at every moment the path holds the old file or the new one.

    Raises:
        OutputError: The path cannot be written; nothing is left behind.
        ModelFileError: The header holds what JSON cannot, for example NaN, or is too large to be read again.
    """
    # Cloned where memory is shared or strided: a file's tensors own their bytes.
    owned = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    full: dict[str, Any] = {"format": 1, **header}
    text = _dumps(full)
    if len(text) > _SHORT:
        owned[_LONG] = torch.frombuffer(bytearray(text, "ascii"), dtype=torch.uint8)
        full = {"format": 2}
    full["digest"] = _digest(full, owned)
    _check_limits(path, len(text), _dumps(full), owned)
    with atomic_path(path) as temporary:
        temporary.touch()  # safetensors makes a file that only its owner can read, whatever the umask
        permissions = temporary.stat().st_mode
        save_file(owned, temporary, metadata={"latens": _dumps(full)})
        temporary.chmod(permissions)


def _check_limits(path: str | Path, length: int, text: str, tensors: Mapping[str, Tensor]) -> None:
    """Refuse to write what `read` would refuse."""
    described = sum(len(_dumps(name)) + 120 for name in tensors)  # at most; safetensors writes names, shapes and places
    if length > _LONGEST:
        raise ModelFileError(f"{path}: {length} bytes of JSON exceed the {_LONGEST} that a file may hold")
    if len(tensors) > TENSOR_LIMIT or len(_dumps(text)) + described > HEADER_LIMIT:
        raise ModelFileError(f"{path}: {len(tensors)} tensors are more than the header of a file may describe")


def check_size(what: str, value: object) -> None:
    """Refuse early what would make a file too large to be read, and not when a fit of three days is to be saved.

    Args:
        what: Its name.
        value: A part of a header.

    Raises:
        ConfigError: It takes more than half of what a file may hold.

    Example:
        >>> check_size("schema", {"items": ["a", "b"]})
    """
    length = len(_dumps(value))
    if length > _LONGEST // 2:
        raise ConfigError(
            f"{what}: {length / 2**20:.1f} MiB of names exceed the {_LONGEST / 2**21:g} MiB that a model file holds; "
            f"use fewer items, columns or categories"
        )


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
        raise OutputError(f"{target}: cannot be written ({_reason(error)}); {_way_out(error)}") from error
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
    with opened(path) as file:
        short, long = _headers(file)
        infos = {name: info for name, info in file.infos.items() if name != _LONG}
        header = short if long is None else _long_header(file, short, long)
        if expect is not None:
            expect(header, infos)
        tensors = {name: file.read(name) for name in infos}
    hashed = tensors if long is None else {**tensors, _LONG: long}
    if short.get("digest") != _digest({key: short[key] for key in short if key != "digest"}, hashed):
        raise ModelFileError(f"{path}: its contents do not match its digest (damaged or altered); take another copy")
    return ModelFile(header, tensors)


def read_header(path: str | Path) -> dict[str, Any]:
    """The JSON of a model file; no other tensor is read.

    Raises:
        ModelFileError: As for `read`.
    """
    with opened(path) as file:
        short, long = _headers(file)
        return short if long is None else _long_header(file, short, long)


def _headers(file: TensorFile) -> tuple[dict[str, Any], Tensor | None]:
    """The JSON in the metadata, and the bytes of the long one if there is one."""
    text = file.metadata.get("latens") if isinstance(file.metadata, dict) else None
    if not isinstance(text, str):
        raise ModelFileError(f"{file.path}: a safetensors file, but not one of latens; give it a file latens saved")
    short = _parsed(file.path, text.encode(errors="replace"))
    # True is an int, and no format.
    if type(short.get("format")) is not int or short["format"] < 1:
        raise ModelFileError(f"{file.path}: its latens header names no format; take another copy")
    if short["format"] > FORMAT:
        raise ModelFileError(
            f"{file.path}: format {short['format']} is newer than this latens reads ({FORMAT}); upgrade latens"
        )
    if (short["format"] == 1) != (_LONG not in file.infos):
        raise ModelFileError(f"{file.path}: its latens header is not where its format says; take another copy")
    return short, None if short["format"] == 1 else _long_text(file)


def _long_text(file: TensorFile) -> Tensor:
    dtype, shape = file.infos[_LONG]
    if dtype != "U8" or len(shape) != 1 or shape[0] > _LONGEST:
        raise ModelFileError(f"{file.path}: its latens header has dtype {dtype}, shape {shape}; not a latens file")
    return file.read(_LONG)


def _long_header(file: TensorFile, short: Mapping[str, Any], long: Tensor) -> dict[str, Any]:
    return _parsed(file.path, long.numpy().tobytes()) | dict(short)


def _parsed(path: str | Path, text: bytes) -> dict[str, Any]:
    try:
        header = strict_json(path, text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ModelFileError):
            raise
        raise ModelFileError(f"{path}: its latens header is damaged ({error}); take another copy") from error
    if not isinstance(header, dict):
        raise ModelFileError(f"{path}: its latens header names no format; take another copy")
    return header


def describe(tensors: Mapping[str, Tensor]) -> TensorInfo:
    """The `TensorInfo` that a file of these tensors would have."""
    return {name: (CODES[tensor.dtype], tuple(tensor.shape)) for name, tensor in tensors.items()}


def _digest(header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    sha = hashlib.sha256(_dumps(header).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        sha.update(_dumps([name, CODES[tensor.dtype], list(tensor.shape)]).encode())
        if tensor.numel():  # nothing has no bytes, and no stride to view them by
            sha.update(tensor.flatten().view(torch.uint8).numpy().data)
    return sha.hexdigest()


def _dumps(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"a model file's header must be strict JSON: {error}") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _way_out(error: Exception) -> str:
    # safetensors tells what the system said, and not as a number.
    full = getattr(error, "errno", None) in (ENOSPC, EDQUOT) or "No space left" in str(error)
    return "free some space, or choose another path" if full else "choose another path"
