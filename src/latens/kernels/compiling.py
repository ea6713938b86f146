"""How numba compiles the kernels: without the interpreter's lock, and kept on disk between processes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

__all__ = ["borrowing", "compiled", "compiler", "inlined"]


@cache
def _sources() -> str:
    """A digest of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Files(IndexDataCacheFile):
    """A function's files on disk, each with a digest at its end: what is damaged, or of another key, is not there.

    numba runs what it finds. A process that is killed between the two writes, or that writes beside another one, leaves
    an index that names another kernel's code.
    """

    _key = ""

    def save(self, key: Any, data: Any) -> None:
        self._key = repr(key)
        super().save(key, data)

    def load(self, key: Any) -> Any:
        self._key = repr(key)
        return super().load(key)

    def _load_index(self) -> Any:
        return super()._load_index() if self._is_whole(self._index_path) else {}

    def _load_data(self, name: str) -> Any:
        path = self._data_path(name)
        if not self._is_whole(path):
            raise OSError(f"{path}: damaged")  # numba then compiles, and writes it anew
        return super()._load_data(name)

    @contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        with super()._open_for_write(filepath) as file:
            buffer = io.BytesIO()
            yield buffer
            # Unpickling ends where the pickle does, and does not see what follows.
            file.write(buffer.getvalue() + self._digest(filepath, buffer.getvalue()))

    def _is_whole(self, path: str) -> bool:
        try:
            content = Path(path).read_bytes()
        except OSError:
            return False
        return len(content) > 32 and content[-32:] == self._digest(path, content[:-32])

    def _digest(self, path: str, content: bytes) -> bytes:
        key = "" if path == self._index_path else self._key
        return hashlib.sha256(key.encode() + content).digest()


class _Kept(FunctionCache):
    """A kernel on disk is one of the kernels as they are now, and whole; a disk that takes none is no reason to fail.

    numba looks at the file of a function alone, and not at the files of what is compiled into it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        return (*super()._index_key(sig, codegen), _sources())


def compiler(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function at its first call, or finds it on disk.

    Args:
        options: More of `numba.njit`.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(nogil=True, error_model="numpy", **options)(function)
        with suppress(RuntimeError):  # there is nowhere to keep it: it is compiled anew in each process
            dispatcher._cache = _Kept(function)
        return dispatcher

    return decorate


compiled = compiler()
# Neither it nor what it calls makes arrays or keeps one: nobody counts who holds them.
borrowing = compiler(_nrt=False)
# A part of what calls it: a call would count the references of each array.
inlined = numba.njit(nogil=True, error_model="numpy", inline="always")
