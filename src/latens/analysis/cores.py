"""On how many cores the libraries beneath an analysis compute.

They take all of them for the smallest product. Threads that end a millisecond's work together wait for the one whose
core is busy with something else, again and again: hundreds of times the time that one thread would take.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from threadpoolctl import threadpool_limits

__all__ = ["cores_for"]

# Multiplications, in what threads do before they wait for each other, that are worth a second one.
_WORTH = 1 << 25


def cores_for(work: int) -> AbstractContextManager[object]:
    """One thread for BLAS and OpenMP within the block where there is little to do at a time, else as many as before.

    Args:
        work: Multiplications of two numbers in one product, or one round of an algorithm.

    Example:
        >>> import numpy as np
        >>> with cores_for(1000):
        ...     product = np.ones((10, 10)) @ np.ones((10, 10))
    """
    # What is loaded is looked for anew, 3 ms: a library may have come since the last time.
    return nullcontext() if work >= _WORTH else threadpool_limits(limits=1)
