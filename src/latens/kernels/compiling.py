"""How numba compiles the kernels: without the interpreter's lock, and kept on disk between processes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache

__all__ = ["borrowing", "compiled", "compiler", "inlined"]


@cache
def _sources() -> str:
    """A digest of all kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Kept(FunctionCache):
    """A kernel on disk is one of the kernels as they are now.

    numba looks at the file of a function alone, and not at the files of what is compiled into it.
    """

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
