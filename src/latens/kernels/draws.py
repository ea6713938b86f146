"""Which units a dropout keeps, in numba: the bits that `latens.seeds.Keyed.uniform` draws, in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latens.kernels.compiling import compiled, inlined
from latens.seeds import Keyed

__all__ = ["kept"]

# Of SplitMix64; see `latens.seeds`.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A, _MIX_B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_HIGH, _LOW = np.uint64(40), np.uint64(0xFFFFFF)


def kept(random: Keyed, shape: Sequence[int], probability: float, dtype: torch.dtype) -> Tensor:  # -> (B, *)
    """What units are multiplied by that are lost with some probability: 0, or 1 / (1 - p).

    The numbers of a unit lie side by side in memory.

    Args:
        random: Of B rows on the CPU.
        shape: (B, *).
        probability: In float32, p.
        dtype: Of the answer.

    Raises:
        ConfigError: The shape has other rows.
    """
    random.check(shape)  # numba does not look where an array ends
    units = math.prod(shape[1:])
    found = torch.empty(units, shape[0], dtype=dtype)
    bound = math.ceil(float(np.float32(probability)) * 2**24)  # of 24 bits, which float32 holds exactly
    factor = (torch.ones((), dtype=dtype) / (1.0 - probability)).numpy()[()]
    _keep(np.uint64(random.key), random.index.numpy().view(np.uint64), np.uint64(bound), factor, found.numpy())
    return found.T.reshape(tuple(shape)) if len(shape) > 2 else found.T


@inlined
def _mixed(z: Any) -> Any:
    z = (z ^ (z >> _SHIFTS[0])) * _MIX_A
    z = (z ^ (z >> _SHIFTS[1])) * _MIX_B
    return z ^ (z >> _SHIFTS[2])


@compiled
def _keep(
    key: Any, index: np.ndarray, bound: Any, factor: float, found: np.ndarray
) -> None:  # pragma: no cover  # compiled
    units, rows = found.shape
    words, zero = (units + 1) // 2, found.dtype.type(0)
    begun = np.empty(rows, dtype=np.uint64)
    for row in range(rows):
        begun[row] = _mixed(index[row] * _GOLDEN + key)
    for word in range(words):
        place = np.uint64(word + 1) * _GOLDEN
        for row in range(rows):
            found[word, row] = factor if (_mixed(begun[row] + place) >> _HIGH) >= bound else zero
        if words + word < units:
            for row in range(rows):
                found[words + word, row] = factor if (_mixed(begun[row] + place) & _LOW) >= bound else zero
