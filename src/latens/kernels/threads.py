"""Rows shared out among threads: what numba compiled runs without the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import torch

__all__ = ["in_parts"]

# Products (of two numbers) below which a second thread costs more than it brings.
_SMALL = 1 << 21


def in_parts(n_rows: int, block: int, work: int, run: Callable[[tuple[int, int]], None]) -> None:
    """Run a function on parts of some rows, on as many threads as PyTorch has, if the work is worth it.

    Args:
        n_rows: All of them.
        block: Rows that are not parted.
        work: Products of two numbers, in all.
        run: Takes the first row of a part and its end.

    Example:
        >>> parts = []
        >>> in_parts(20, block=8, work=1, run=parts.append)
        >>> parts
        [(0, 20)]
    """
    blocks = -(-n_rows // block)
    parts = min(torch.get_num_threads(), blocks) if work > _SMALL else 1
    edges = [min(block * (blocks * part // parts), n_rows) for part in range(parts + 1)]
    *others, mine = pairwise(edges)
    waiting = [_pool(os.getpid()).submit(run, rows) for rows in others]
    run(mine)
    for each in waiting:
        each.result()


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    """Of this process: the threads of a parent do not survive a fork."""
    return ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="latens")
