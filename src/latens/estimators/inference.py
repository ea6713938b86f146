"""Applying a trained network so that a row's answer never depends on its neighbours."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latens.errors import ConfigError

__all__ = ["Applied", "existing_rows", "floating"]

# Numbers in a chunk's input, about: large enough for the matrix products, small enough for any memory.
_CHUNK_NUMBERS = 1 << 20


class Applied:
    """A network in evaluation mode, applied in chunks of one fixed number of rows, the last one padded.

    A matrix product may round differently for another number of rows; with a fixed number a row's answer is the same
    alone, in any batch, and in a new process. Float64 input is computed in float64, all else in float32.

    Args:
        network: With `encode` and `decode`.
        device: Where to compute.
    """

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self.network = network.to(device).eval()
        self.device = device
        self._wide: nn.Module | None = None

    def encode(self, x: np.ndarray) -> np.ndarray:  # (m, *shape) -> (m, n)
        return self._apply(x, lambda network, chunk: network.encode(chunk))

    def decode(self, codes: np.ndarray) -> np.ndarray:  # (m, n) -> (m, D)
        return self._apply(codes, lambda network, chunk: network.data.settle(network.decode(chunk)))

    def reconstruct(self, x: np.ndarray) -> np.ndarray:  # (m, *shape) -> (m, D)
        return self._apply(x, lambda network, chunk: network.data.settle(network(chunk)))

    def errors(self, x: np.ndarray, target: np.ndarray | None = None) -> np.ndarray:  # (m, *shape) -> (m, D)
        """The error of each cell in the network's own terms, NaN where it is missing."""
        if target is None or target is x:
            return self._apply(x, lambda network, chunk: network.data.errors(network(chunk), chunk))
        both = np.concatenate([x.reshape(len(x), -1), target.reshape(len(x), -1)], axis=1)
        return self._apply(both, lambda network, chunk: _paired_errors(network, chunk, x.shape[1:]))

    def chances(self, x: np.ndarray) -> np.ndarray:  # (m, d) -> (m, d)
        """Of a typed table's categories the probability of what is there; see `Cells.chances`."""
        return self._apply(x, lambda network, chunk: network.data.chances(network(chunk), chunk))

    def features(self, x: np.ndarray) -> np.ndarray:  # (m, *shape) -> (m, D)
        """What enters the network but for marks of what is missing, NaN there; see `Cells.features`."""
        return self._apply(x, lambda network, chunk: network.data.features(chunk))

    def code_size(self, shape: tuple[int, ...]) -> int:
        """Numbers in the code of one sample of this shape."""
        return int(self.encode(np.zeros((1, *shape), dtype=np.float32)).shape[1])

    @torch.no_grad()
    def _apply(self, x: np.ndarray, function: Callable[[Any, Tensor], Tensor]) -> np.ndarray:
        dtype = torch.float64 if x.dtype == np.float64 and self.device.type != "mps" else torch.float32
        network = self._network(dtype)
        rows = _chunk_rows(math.prod(x.shape[1:]))
        chunk = torch.zeros((rows, *x.shape[1:]), dtype=dtype, device=self.device)
        answers = []
        for start in range(0, len(x), rows):
            part = torch.from_numpy(np.array(x[start : start + rows])).to(self.device, dtype)
            chunk[: len(part)] = part
            answers.append(function(network, chunk)[: len(part)].cpu().numpy())
        return np.concatenate(answers).astype(x.dtype, copy=False)

    def _network(self, dtype: torch.dtype) -> nn.Module:
        if dtype == torch.float32:
            return self.network
        if self._wide is None:
            self._wide = copy.deepcopy(self.network).to(dtype)
        return self._wide


def _paired_errors(network: Any, chunk: Tensor, shape: tuple[int, ...]) -> Tensor:
    x, target = chunk.chunk(2, dim=1)
    errors: Tensor = network.data.errors(network(x.reshape(-1, *shape)), target)
    return errors


def _chunk_rows(numbers: int) -> int:
    """A power of two from 16 to 1,024, a function of the sample's size alone."""
    return int(2 ** math.floor(math.log2(min(max(_CHUNK_NUMBERS // max(numbers, 1), 16), 1024))))


def floating(values: np.ndarray) -> np.ndarray:
    """Values in the precision that they are computed in."""
    return values.astype(np.float64 if values.dtype == np.float64 else np.float32, copy=False)


def existing_rows(rows: Any, n: int) -> np.ndarray:
    """Row numbers of data with n rows.

    Raises:
        ConfigError: There are none, or one is not among them.
    """
    chosen = [int(row) for row in rows]
    if not chosen or not all(0 <= row < n for row in chosen):
        raise ConfigError(f"rows={chosen} are not among the data's {n} rows; use numbers from 0 to {n - 1}")
    return np.array(chosen)
