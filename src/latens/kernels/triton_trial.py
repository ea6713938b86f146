"""Whether Triton works on this machine, asked before anything relies on it."""

from __future__ import annotations

from functools import cache

import torch
import triton
import triton.language as tl

__all__ = ["refuse_if_it_fails"]


@triton.jit
def _write(x: tl.tensor) -> None:
    tl.store(x, 1.0)


@cache
def refuse_if_it_fails() -> None:
    """Launch something on the GPU, if there is one: Triton builds what launches its kernels with the C compiler here.

    Raises:
        ImportError: It could not be launched.
    """
    if not torch.cuda.is_available():
        return
    try:
        _write[(1,)](torch.zeros(1, device="cuda"))
    except Exception as error:  # of the compiler, of a process, of the driver
        raise ImportError(f"Triton launches nothing here: {str(error).partition(chr(10))[0]:.200}") from error
